"""What the server and the files cost over the network alone, on a song of three minutes.

    python -m tests.benchmarks.overhead [--quick]

The whole job, from the start of the command to its end with a warm server, less the time that
the same segments take in the same backend with nothing around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .bare import bare
from .house import house
from .model import chosen
from .processes import run
from .results import in_turn, order, spread, write
from .song import song

SONG, QUICK_SONG = 180, 24
"""Seconds."""


def main(argv: Sequence[str] | None = None) -> None:
    asked = order("overhead", __doc__ or "", 3, argv)
    seconds = QUICK_SONG if asked.quick else SONG
    model = chosen(asked.quick)
    mix = song(seconds)
    figures: dict[str, Any] = {}
    with house(model) as home:

        def whole(precision: str) -> Callable[[], float]:
            def measure() -> float:
                home.warm(song(1), "--precision", precision)
                home.clear()
                command = home.command(mix, "--precision", precision)
                return run(command, home.environment).seconds

            return measure

        def alone(precision: str) -> Callable[[], float]:
            def measure() -> float:
                home.stop()
                return float(bare(home, seconds, precision)["seconds"])

            return measure

        for precision in ("auto", "fp32"):
            variants = {"whole job": whole(precision), "network alone": alone(precision)}
            found = in_turn(asked.runs, variants, f"{asked.name}, {precision}")
            times = {name: spread(values) for name, values in found.items()}
            ratio = times["whole job"]["median"] / times["network alone"]["median"]
            figures[precision] = {"seconds": times, "overhead": round(ratio - 1, 4)}
    write(asked, model.told() | {"song_seconds": seconds}, figures)


if __name__ == "__main__":
    main()
