"""Sixteen clients at once: how much comes out, and whether anybody is passed over.

    python -m tests.benchmarks.many_jobs [--quick]

Each client submits a song of its own at the same moment. The throughput is compared with that of
one client that hands the same songs in one after the other. A job is passed over when one that
came later began before it. One more, interactive, comes in the middle of as many background
jobs: it should wait for no more than the one that runs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

from stemlift.rpc.results import JobState, JobUpdate

from .house import House, house
from .model import chosen
from .results import in_turn, order, spread, write
from .song import song

JOBS = 16
SONG, QUICK_SONG = 15, 4
"""Seconds."""


def main(argv: Sequence[str] | None = None) -> None:
    asked = order("many_jobs", __doc__ or "", 3, argv)
    seconds = QUICK_SONG if asked.quick else SONG
    model = chosen(asked.quick)
    songs = [song(seconds, seed=100 + number) for number in range(JOBS)]
    with house(model) as home:
        home.warm(songs[0])
        variants = {
            "one after the other": lambda: _one_by_one(home, songs),
            "all at once": lambda: _at_once(home, songs),
        }
        found = in_turn(asked.runs, variants, asked.name)
        passed = _queue_jumper(home, songs)
    audio = JOBS * seconds
    rates = {
        name: spread([audio / each["seconds"] for each in runs]) for name, runs in found.items()
    }
    medians = {name: rates[name]["median"] for name in rates}
    figures = {
        "audio_seconds_per_second": rates,
        "at_once_to_one_by_one": round(medians["all at once"] / medians["one after the other"], 3),
        "jobs_passed_over": [each["passed_over"] for each in found["all at once"]],
        "interactive_waited_for_jobs": passed,
    }
    write(asked, model.told() | {"jobs": JOBS, "song_seconds": seconds}, figures)


def _one_by_one(home: House, songs: Sequence[Path]) -> dict[str, Any]:
    home.clear()
    began = time.perf_counter()
    with home.client() as client:
        for mix in songs:
            client.separate(mix, model=home.model.name, out=home.stems / mix.stem).result()
    return {"seconds": time.perf_counter() - began}


def _at_once(home: House, songs: Sequence[Path]) -> dict[str, Any]:
    home.clear()
    barrier = Barrier(len(songs))

    def one(mix: Path) -> JobUpdate:
        with home.client() as client:
            barrier.wait()
            job = client.separate(mix, model=home.model.name, out=home.stems / mix.stem)
            job.result()
            return client.job(job.id).latest

    began = time.perf_counter()
    with ThreadPoolExecutor(len(songs)) as pool:
        ended = list(pool.map(one, songs))
    return {"seconds": time.perf_counter() - began, "passed_over": passed_over(ended)}


def passed_over(jobs: Sequence[JobUpdate]) -> int:
    """How many jobs began after one that was made later."""
    times = sorted((job.created, job.started) for job in jobs if job.created and job.started)
    begun = [started for _, started in times]
    return sum(any(later < mine for later in begun[at:]) for at, mine in enumerate(begun))


def _queue_jumper(home: House, songs: Sequence[Path]) -> int:
    """How many background jobs ended after an interactive one came and before it began."""
    home.clear()
    with home.client() as client:
        crowd = [
            client.separate(
                mix, model=home.model.name, out=home.stems / mix.stem, priority="background"
            )
            for mix in songs
        ]
        for update in crowd[0]:
            if update.state is not JobState.QUEUED:
                break
        came = client.separate(songs[0], model=home.model.name, out=home.stems / "interactive")
        came.result()
        mine = client.job(came.id).latest
        for job in crowd:
            job.result()
        others = [client.job(job.id).latest for job in crowd]
    assert mine.created is not None
    assert mine.started is not None
    return sum(
        other.ended is not None and mine.created <= other.ended <= mine.started for other in others
    )


if __name__ == "__main__":
    main()
