"""Running programs, with their time and memory."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import psutil

_LOOK_SECONDS = 0.05


@dataclass(slots=True)
class Watch:
    """What a process and all its children took.

    peak_bytes: the largest sum of their resident memory at one moment.
    """

    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A program from its start to its end.

    seconds: on the clock. peak_bytes: see `Watch`; 0 where nobody looked.
    """

    seconds: float
    peak_bytes: int
    output: str


def run(command: Sequence[str], environment: Mapping[str, str], *, memory: bool = False) -> Run:
    """Run a program to its end.

    Args:
        memory: look at its memory, which takes time from whatever is timed.

    Raises:
        RuntimeError: it failed; with the last that it said.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    looked = watched(process.pid) if memory else nullcontext(Watch())
    with process, looked as watch:
        assert process.stdout is not None
        output = process.stdout.read()
        process.wait()
        seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} … failed:\n{output[-3000:]}")
    return Run(seconds, watch.peak_bytes, output)


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """The memory of a process and its children while the block runs."""
    watch = Watch()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            watch.peak_bytes = max(watch.peak_bytes, _resident(pid))

    watch.peak_bytes = _resident(pid)
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


def _resident(pid: int) -> int:
    total = 0
    # Gone by now, all or some of them.
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total
