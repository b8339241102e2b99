"""Devices at work: all at once, and each on a thread of its own that does one thing at a time.

What reads, joins and writes segments goes on meanwhile on the thread that asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """device: "cpu", "cuda:0", "mps", …; executor: does what it is given in order."""

    device: str
    executor: Executor


def make_lanes(devices: Sequence[str]) -> tuple[Lane, ...]:
    """Lanes whose threads begin with their first work and last until `close_lanes`."""
    return tuple(
        Lane(device, ThreadPoolExecutor(1, f"stemlift-{device.replace(':', '-')}"))
        for device in devices
    )


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
