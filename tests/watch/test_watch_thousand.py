"""A watcher that runs for months: what it holds on to."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from real_server import PATIENCE, wait_for
from watch_house import House, brisk_home
from watch_processes import hasty, ledger_counts, start_watcher

MARKS = (100, 500, 1000)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_memory_and_open_files_over_a_thousand_songs(tmp_path: Path) -> None:
    with brisk_home(tmp_path / "home") as home:
        house = House(tmp_path, home)
        server = psutil.Process(home.serve().pid)
        watcher = start_watcher(home, hasty(house))
        figures = {}
        try:
            program = psutil.Process(watcher.pid)
            dropped = 0
            for mark in MARKS:
                while dropped < mark:
                    house.drop(f"{dropped % 20}/{dropped}.wav", dropped, frames=2000)
                    dropped += 1
                    if dropped % 20 == 0:
                        # Never a queue of all of them: it is to be like months of some a day.
                        wait_for(
                            lambda least=dropped - 30: done(house) >= least, f"{dropped} songs", 300
                        )
                wait_for(lambda: done(house) == mark, f"{mark} songs", 300)  # noqa: B023
                figures[mark] = {"watcher": holds(program), "server": holds(server)}
        finally:
            watcher.terminate()
            watcher.wait(PATIENCE)
        for mark, both in figures.items():
            for name, (mib, files) in both.items():
                print(f"after {mark} songs the {name} holds {mib:.1f} MiB and {files} open files")
        first, last = figures[MARKS[0]], figures[MARKS[-1]]
        for name in ("watcher", "server"):
            assert last[name][1] <= first[name][1] + 4, name
        # Of what the ledger's cache and Python's heap take until they have their size.
        assert last["watcher"][0] - first["watcher"][0] < 8.0
        assert last["server"][0] - first["server"][0] < 30.0
        assert len(house.results()) == MARKS[-1]


def done(house: House) -> int:
    return ledger_counts(house).get("done", 0)


def holds(process: psutil.Process) -> tuple[float, int]:
    """Resident memory in MiB, and how many files, sockets and pipes are open."""
    return process.memory_info().rss / 2**20, process.num_fds()
