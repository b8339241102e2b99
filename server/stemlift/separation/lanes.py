"""Devices at work: all at once, and each on a thread of its own that does one thing at a time.

What reads, joins and writes segments goes on meanwhile on the thread that asked. But the CPU
is that thread's own: it has no time to gain, and torch's threads lose much of theirs where two
threads of a process compute with them (GNU's OpenMP then lets them sleep between any two
steps; a segment of HTDemucs took 4.6 s in place of 2.5 s on 2 cores).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Lane:
    """device: "cpu", "cuda:0", "mps", …; executor: does what it is given, in order."""

    device: str
    executor: Executor


class AtOnce(Executor):
    """Does what it is given before it returns, on the thread that gives it."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        done: Future[_T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the asker gets it
            done.set_exception(error)
        return done


def make_lanes(devices: Sequence[str]) -> tuple[Lane, ...]:
    """Lanes whose threads begin with their first work and last until `close_lanes`."""
    return tuple(Lane(device, _executor(device)) for device in devices)


def _executor(device: str) -> Executor:
    if device == "cpu":
        return AtOnce()
    return ThreadPoolExecutor(1, f"stemlift-{device.replace(':', '-')}")


def close_lanes(lanes: Sequence[Lane]) -> None:
    """End their threads, after what these are at."""
    for lane in lanes:
        lane.executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def open_lanes(devices: Sequence[str]) -> Iterator[tuple[Lane, ...]]:
    """Lanes for as long as the block lasts."""
    lanes = make_lanes(devices)
    try:
        yield lanes
    finally:
        close_lanes(lanes)
