"""Time against the length of the song: a straight line, or not.

    python -m tests.benchmarks.growth [--quick]

The server is warm. Through the medians goes the line with the least squares; `worst_deviation`
is how far, relative to the line, a median lies from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .house import house
from .model import chosen
from .processes import run
from .results import in_turn, order, spread, write
from .song import song

LENGTHS, QUICK_LENGTHS = (30, 60, 120, 240, 480), (12, 24, 48)
"""Seconds."""


def main(argv: Sequence[str] | None = None) -> None:
    asked = order("growth", __doc__ or "", 3, argv)
    lengths = QUICK_LENGTHS if asked.quick else LENGTHS
    model = chosen(asked.quick)
    with house(model) as home:
        home.warm(song(1))

        def of(seconds: int) -> Callable[[], float]:
            def measure() -> float:
                home.clear()
                return run(home.command(song(seconds)), home.environment).seconds

            return measure

        found = in_turn(asked.runs, {str(each): of(each) for each in lengths}, asked.name)
    times = {name: spread(values) for name, values in found.items()}
    medians = [times[str(each)]["median"] for each in lengths]
    figures = {"seconds": times, "line": fit(lengths, medians)}
    write(asked, model.told() | {"song_seconds": lengths}, figures)


def fit(lengths: Sequence[float], seconds: Sequence[float]) -> dict[str, float]:
    """The line of least squares: seconds = start + slope * length, and how well it fits."""
    slope, start = np.polyfit(lengths, seconds, 1)
    line = start + slope * np.asarray(lengths)
    left = np.asarray(seconds) - line
    total = np.asarray(seconds) - np.mean(seconds)
    return {
        "seconds_per_second": round(float(slope), 5),
        "start_seconds": round(float(start), 3),
        "r_squared": round(1 - float(left @ left) / float(total @ total), 5),
        "worst_deviation": round(float(np.abs(left / line).max()), 4),
    }


if __name__ == "__main__":
    main()
