"""Watchers in processes of their own, and what they write into the ledger of their home."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from real_server import Home
from watch_house import House, folder_settings

from stemlift.settings import WatchFolder
from stemlift.watch.entry import FileState
from stemlift.watch.ledger import Ledger

PROGRAM = Path(__file__).parent / "watch_program.py"


def hasty(house: House, **changes: object) -> WatchFolder:
    """Settings of a watcher that is in a hurry."""
    given: dict[str, object] = {"stable": 0.2, "give_up": 1.0, "interval": 0.3}
    return folder_settings(house, **given | changes)


def start_watcher(
    home: Home, folder: WatchFolder, die_at: str = "", die_after: int = 0, delay: float = 0.0
) -> subprocess.Popen[bytes]:
    """A watcher in a process of its own; the caller ends it. For the rest see the program."""
    facts = {
        "home": str(home.folder),
        "folder": folder.model_dump(mode="json"),
        "die_at": die_at,
        "die_after": die_after,
        "delay": delay,
    }
    return subprocess.Popen([sys.executable, str(PROGRAM), json.dumps(facts)], env=home.environment)


@contextmanager
def open_ledger(house: House) -> Iterator[Ledger]:
    ledger = Ledger(house.home.paths.watch_database)
    try:
        yield ledger
    finally:
        ledger.close()


def states(house: House) -> dict[str, FileState]:
    """The songs that the ledger of the whole home knows to be in this inbox."""
    if not house.home.paths.watch_database.exists():
        return {}
    with open_ledger(house) as ledger:
        return {entry.path: entry.state for entry in ledger.entries(str(house.inbox), *FileState)}


def ledger_counts(house: House) -> dict[FileState, int]:
    with open_ledger(house) as ledger:
        return ledger.counts(str(house.inbox))
