"""How long a client waits: for the first sign of progress, and for the stems of a short item.

    python -m tests.benchmarks.latency [--quick]

The server is warm. `command`: from the start of `stemlift separate` to the first line that it
writes of the job, the start of Python included. `client`: the same of a program that has loaded
the Python client, from connecting to the first update. `item`: the command to its end.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from .house import House, house
from .model import chosen
from .results import in_turn, order, spread, write
from .song import song

ITEM = 10
"""Seconds."""


def main(argv: Sequence[str] | None = None) -> None:
    asked = order("latency", __doc__ or "", 15, argv)
    model = chosen(asked.quick)
    mix = song(ITEM)
    with house(model) as home:
        home.warm(song(1))
        whole: list[float] = []

        def command() -> float:
            first, end = _command(home, mix)
            whole.append(end)
            return first

        variants = {"command": command, "client": lambda: _client(home, mix)}
        found = in_turn(asked.runs, variants, asked.name)
    figures = {
        "first_progress_seconds": {name: spread(values) for name, values in found.items()},
        "item_seconds": spread(whole),
    }
    write(asked, model.told() | {"item_seconds": ITEM}, figures)


def _command(home: House, mix: Path) -> tuple[float, float]:
    """Seconds to the first line of the job, and to the end."""
    home.clear()
    began = time.perf_counter()
    process = subprocess.Popen(
        home.command(mix),
        env=home.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(mix.name):
                break
        first = time.perf_counter() - began
        process.stderr.read()
    if process.returncode:
        raise RuntimeError(f"stemlift separate ended with {process.returncode}")
    return first, time.perf_counter() - began


def _client(home: House, mix: Path) -> float:
    home.clear()
    began = time.perf_counter()
    with home.client() as client:
        job = client.separate(mix, model=home.model.name, out=home.stems, overwrite=True)
        next(iter(job))
        first = time.perf_counter() - began
        job.result()
    return first


if __name__ == "__main__":
    main()
