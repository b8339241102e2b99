"""Freed memory is kept for the next tensor, in every thread, and handed back when asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from stemlift.system import allocation
from stemlift.system.allocation import give_back_freed_memory, keep_freed_memory

PROGRAM = """
import resource, threading
from stemlift.system.allocation import give_back_freed_memory, keep_freed_memory
kept = keep_freed_memory(one_arena=True)

def faults():
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def work():
    held = []
    for _ in range(3):
        before = faults()
        for megabytes in (100, 3, 70):
            b"x" * (megabytes << 20)
        held.append(faults() - before)
    full = resident()
    give_back_freed_memory()
    print(int(kept), *held, full - resident())

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def run(**more: str) -> list[int]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env={**own, **more},
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux is asked")
def test_a_thread_finds_freed_memory_again_until_it_is_given_back() -> None:
    kept, first, _, third, back = run()
    if not kept:
        pytest.skip("this C library is not glibc")
    # 173 MB are 42,000 pages of 4 kB.
    assert first > 20_000
    assert third < 200
    assert back > 90e6


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux is asked")
def test_variables_that_tune_the_allocator_have_the_last_word() -> None:
    kept, *_ = run(MALLOC_MMAP_THRESHOLD_="1000000")
    assert not kept


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_are_left_alone(platform: str) -> None:
    assert not keep_freed_memory(platform)
    give_back_freed_memory(platform)


@pytest.mark.parametrize(("refused", "kept"), [((), True), ((-8,), True), ((-1,), False)])
def test_it_says_no_only_where_nothing_was_changed(
    monkeypatch: pytest.MonkeyPatch, refused: tuple[int, ...], kept: bool
) -> None:
    for name in [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_TUNABLES"))]:
        monkeypatch.delenv(name)
    changed: list[int] = []

    def mallopt(setting: int, _: int) -> int:
        if setting in refused:
            return 0
        changed.append(setting)
        return 1

    monkeypatch.setattr(allocation, "_function", lambda *_: mallopt)
    assert keep_freed_memory("linux", one_arena=True) is kept
    assert bool(changed) is kept
