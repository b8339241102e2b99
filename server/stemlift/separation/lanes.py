"""Devices at work: all at once, and each on a thread of its own that does one thing at a time.

What reads, joins and writes segments goes on meanwhile on the thread that asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import psutil
import torch

_P = ParamSpec("_P")
_T = TypeVar("_T")

_ROOM_FOR_TWO = 7.5e9
"""Bytes of memory a machine has that holds two segments of a large network at once."""


@dataclass(frozen=True, slots=True)
class Lane:
    """device: "cpu", "cuda:0", "mps", …; executor: does what it is given, in order.

    threads: torch's on the CPU while the other lane computes too, and while it does not; None
        for as many as torch has where it computes.
    """

    device: str
    executor: Executor
    threads: tuple[int, int] | None = None


class AtOnce(Executor):
    """Does what it is given before it returns, on the thread that gives it.

    The CPU has no time to gain by another one, and torch's threads lose much of theirs where
    two threads of a process compute with as many as there are cores: GNU's OpenMP then lets
    them sleep between any two steps. A segment of HTDemucs took 4.6 s in place of 2.5 s on 2
    cores.
    """

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


def halve_cpu() -> tuple[Lane, ...]:
    """Two lanes of the CPU, each with half of torch's threads; one where they are odd.

    Threads that wait for each other less get more done: with a segment on each of 2 cores, a
    song took 0.8 to 0.9 of the time that it took with both cores on one segment. The machine
    alone decides, since sums depend on the number of threads.

    Besides these lanes, torch has one thread from then on, for the reason that `AtOnce` gives.
    """
    threads = torch.get_num_threads()
    if threads % 2 or psutil.virtual_memory().total < _ROOM_FOR_TWO:
        return make_lanes(("cpu",))
    torch.set_num_threads(1)
    return tuple(
        Lane("cpu", ThreadPoolExecutor(1, f"stemlift-cpu-{half}"), (threads // 2, threads))
        for half in range(2)
    )


def _executor(device: str) -> Executor:
    if device == "cpu":
        return AtOnce()
    return ThreadPoolExecutor(1, f"stemlift-{device.replace(':', '-')}")


def close_lanes(lanes: Sequence[Lane]) -> None:
    """End their threads, after what these are at."""
    for lane in lanes:
        lane.executor.shutdown(wait=True, cancel_futures=True)
