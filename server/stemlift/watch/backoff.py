"""Which failures pass by themselves, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass

from stemlift.errors import Reason

FIRST_DELAY = 5.0
LONGEST_DELAY = 600.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How a failure is met.

    attempts: tried so often before the file fails; None: for ever.
    everybody: the cause concerns all files, so all of them wait.
    """

    attempts: int | None
    everybody: bool = False


_FOR_ALL = Patience(None, everybody=True)
_FOR_EVER = Patience(None)

# A song under which the server died is tried anew, but one that kills it each time must not
# do so for months.
_PATIENCE: dict[Reason, Patience] = {
    Reason.SERVER_LOST: _FOR_ALL,
    Reason.SERVER_START_FAILED: _FOR_ALL,
    Reason.SERVER_ALREADY_RUNNING: _FOR_ALL,
    Reason.TOKEN_REJECTED: _FOR_ALL,
    Reason.STATE_UNUSABLE: _FOR_ALL,
    Reason.SETTINGS_INVALID: _FOR_ALL,
    Reason.INBOX_MISSING: _FOR_ALL,
    Reason.OUTBOX_UNUSABLE: _FOR_ALL,
    # A shorter song may still fit.
    Reason.DISK_FULL: _FOR_EVER,
    Reason.RECIPE_INVALID: _FOR_EVER,
    Reason.OUTPUT_UNWRITABLE: _FOR_EVER,
    Reason.WRITE_FAILED: _FOR_EVER,
    Reason.DOWNLOAD_FAILED: _FOR_EVER,
    Reason.MODEL_BUSY: _FOR_EVER,
    Reason.OUT_OF_MEMORY: Patience(6),
    Reason.DEVICE_UNAVAILABLE: Patience(6),
    Reason.FILE_UNREADABLE: Patience(6),
    Reason.FILE_CHANGED: Patience(6),
    Reason.FILE_NOT_FOUND: Patience(6),
    Reason.OUTPUT_EXISTS: Patience(6),
    Reason.SERVER_CRASHED: Patience(3),
    Reason.JOB_NOT_FOUND: Patience(6),
    Reason.REQUEST_CONFLICT: Patience(6),
    Reason.INTERNAL: Patience(3),
}

_FINAL = Patience(1)


def patience(reason: Reason) -> Patience:
    """One attempt for everything that will not change by itself."""
    return _PATIENCE.get(reason, _FINAL)


def delay(attempts: int) -> float:
    """Seconds to wait after this many failed attempts, from 5 s doubling up to 10 min."""
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(max(attempts - 1, 0), 30)))
