"""What the ledger holds: a file of an inbox, and an inbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FileState(StrEnum):
    """From a file that arrives to its end.

    ARRIVING: it changed, and is not complete yet. WAITING: complete, to be worked on.
    WORKING: taken up; its content and recipe are soon recorded. PUBLISHING: its result is
    complete in the hidden folder and has its name reserved. FINISHING: the result has its
    name; what is left is the original. DONE, FAILED: ended, until the file changes.
    """

    ARRIVING = "arriving"
    WAITING = "waiting"
    WORKING = "working"
    PUBLISHING = "publishing"
    FINISHING = "finishing"
    DONE = "done"
    FAILED = "failed"


BUSY = (FileState.WORKING, FileState.PUBLISHING, FileState.FINISHING)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an inbox.

    path: below the inbox, as `Seen.relative`. since: when it came to this state, UNIX time.
    nonce: part of every id that is made for this visit of the file, new for each.
    absent: it was not there at the last scan.
    touched: since its last result it was written or dropped again. A change that leaves size
        and modification time, such as of its permissions, is no touch.
    attempts: that failed, in this visit. next_try: UNIX time; delay: how long before it the
        last attempt was, which shows when the clock was set back.
    content, recipe, plan, key: what is being made: SHA-256 of the file, digest of the recipe,
        the recipe itself, and the id of the result.
    folder: reserved for it, or its own. done_content, result_key: of the last result.
    moved_to: where the original goes, below the inbox.
    reason, message, remedy: of the last failure. report: its folder in _failed.
    """

    id: int
    inbox: str
    path: str
    state: FileState
    size: int
    mtime_ns: int
    ctime_ns: int
    since: float
    nonce: str
    absent: bool
    touched: bool
    attempts: int
    next_try: float
    delay: float
    content: str | None
    recipe: str | None
    plan: dict[str, Any] | None
    key: str | None
    folder: str | None
    job_id: str | None
    moved_to: str | None
    done_content: str | None
    result_key: str | None
    reason: str | None
    message: str
    remedy: str
    report: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """As much of an entry as a scan needs. stamp: as `Seen.state`."""

    state: FileState
    stamp: tuple[int, int, int]
    report: str | None


@dataclass(frozen=True, slots=True)
class InboxFacts:
    """An inbox as its watcher last described it.

    device, outbox_device: of the folders when they were seen; empty before that.
    pid, birth: of the watcher. arriving: files that are not complete yet.
    """

    inbox: str
    outbox: str
    device: str
    outbox_device: str
    pid: int
    birth: float
    arriving: int
    notices: tuple[str, ...]
