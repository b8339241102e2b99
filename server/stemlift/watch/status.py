"""What the watched folders are doing, for `stemlift watch status`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stemlift.audio.problems import display_name
from stemlift.errors import StemliftError
from stemlift.paths import Paths
from stemlift.watch.entry import Entry, FileState, InboxFacts
from stemlift.watch.ledger import Ledger
from stemlift.watch.watcher import is_watched

if TYPE_CHECKING:
    from stemlift.rpc.client import Client

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A song. path: below the inbox. since, next_try: UNIX time.

    fraction, seconds_left: of the running job; None while there is none.
    result: its folder in the outbox. reason, message, remedy: of the last failure.
    """

    path: str
    state: FileState
    since: float
    next_try: float
    fraction: float | None
    seconds_left: float | None
    result: str | None
    reason: str | None
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class InboxStatus:
    """An inbox. running: whether a watcher is at work. arriving: files not complete yet.

    waiting, done, failed: counts. files: what runs, waits and failed, at most a hundred of
    each. notices: why something is not seen, as sentences.
    """

    inbox: str
    outbox: str
    running: bool
    arriving: int
    waiting: int
    working: int
    done: int
    failed: int
    files: tuple[FileStatus, ...]
    notices: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `stemlift watch status --json` prints it."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        files = [{name: getattr(each, name) for name in each.__slots__} for each in self.files]
        return plain | {"files": files, "notices": list(self.notices)}


def read_status(paths: Paths, client: Client | None = None) -> list[InboxStatus]:
    """All inboxes that were ever watched from this state folder.

    client: asked for the progress of running jobs; None: nobody is asked.

    Raises:
        StemliftError: STATE_UNUSABLE.
    """
    if not paths.watch_database.exists():
        return []
    ledger = Ledger(paths.watch_database)
    try:
        return [_inbox(ledger, facts, client) for facts in ledger.inboxes()]
    finally:
        ledger.close()


def ask_to_retry(paths: Paths, files: list[Path] | None = None) -> int:
    """Have failed songs tried again, and those that wait for their next try tried now.

    files: absolute; None: all. A running watcher takes them up within its interval.

    Returns:
        How many songs that concerns.

    Raises:
        StemliftError: STATE_UNUSABLE.
    """
    if not paths.watch_database.exists():
        return 0
    ledger = Ledger(paths.watch_database)
    try:
        count = 0
        for facts in ledger.inboxes():
            wanted = None if files is None else _below(facts.inbox, files)
            count += ledger.retry(facts.inbox, wanted, time.time())
        return count
    finally:
        ledger.close()


def _below(inbox: str, files: list[Path]) -> list[str]:
    found = []
    for file in files:
        # The inbox is a real path; the song itself may be a link.
        real = Path(os.path.realpath(file.parent)) / file.name
        if real.is_relative_to(inbox):
            found.append(real.relative_to(inbox).as_posix())
    return found


def _inbox(ledger: Ledger, facts: InboxFacts, client: Client | None) -> InboxStatus:
    counts = ledger.counts(facts.inbox)
    working = (FileState.WORKING, FileState.PUBLISHING, FileState.FINISHING)
    files: list[FileStatus] = []
    for states in (working, (FileState.WAITING,), (FileState.FAILED,)):
        entries = ledger.entries(facts.inbox, *states)[:_SHOWN]
        files += [_file(entry, client) for entry in entries]
    return InboxStatus(
        inbox=_shown(facts.inbox),
        outbox=_shown(facts.outbox),
        running=is_watched(facts),
        arriving=facts.arriving,
        waiting=counts.get(FileState.WAITING, 0),
        working=sum(counts.get(state, 0) for state in working),
        done=counts.get(FileState.DONE, 0),
        failed=counts.get(FileState.FAILED, 0),
        files=tuple(files),
        notices=facts.notices,
    )


def _shown(path: str) -> str:
    return display_name(Path(path))


def _file(entry: Entry, client: Client | None) -> FileStatus:
    fraction = seconds_left = None
    if client is not None and entry.job_id and entry.state is FileState.WORKING:
        try:
            update = client.job(entry.job_id).latest
        except StemliftError:
            # Away for the moment; the song is shown without its progress.
            pass
        else:
            fraction, seconds_left = update.fraction, update.seconds_left
    return FileStatus(
        path=_shown(entry.path),
        state=entry.state,
        since=entry.since,
        next_try=entry.next_try,
        fraction=fraction,
        seconds_left=seconds_left,
        result=entry.folder,
        reason=entry.reason,
        message=entry.message,
        remedy=entry.remedy,
    )
