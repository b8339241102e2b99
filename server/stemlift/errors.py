"""Every failure a user can meet: a reason code, a plain sentence and a remedy.

The reason decides the exit code of the command line and the gRPC status code, so
that one error reads the same through every way in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Exit:
    """Exit codes of the command line."""

    DONE = 0
    FAULT = 1
    BAD_INPUT = 2
    SERVER = 3
    JOB_FAILED = 4
    CANCELLED = 130


class Reason(StrEnum):
    """Reason codes, the same in every way in; one page each in docs/errors/."""

    # The input file
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    FILE_UNREADABLE = "FILE_UNREADABLE"
    NOT_AUDIO = "NOT_AUDIO"
    FILE_EMPTY = "FILE_EMPTY"
    FILE_TRUNCATED = "FILE_TRUNCATED"
    FILE_CORRUPT = "FILE_CORRUPT"
    FILE_CHANGED = "FILE_CHANGED"
    SAMPLES_NOT_FINITE = "SAMPLES_NOT_FINITE"
    RATE_UNSUPPORTED = "RATE_UNSUPPORTED"
    PATH_UNSUPPORTED = "PATH_UNSUPPORTED"
    # What was asked for
    ARGUMENT_INVALID = "ARGUMENT_INVALID"
    RANGE_OUTSIDE = "RANGE_OUTSIDE"
    CHANNEL_MAP_INVALID = "CHANNEL_MAP_INVALID"
    MODEL_UNKNOWN = "MODEL_UNKNOWN"
    MODEL_EXISTS = "MODEL_EXISTS"
    CHECKPOINT_UNKNOWN = "CHECKPOINT_UNKNOWN"
    CHECKPOINT_REFUSED = "CHECKPOINT_REFUSED"
    MODEL_NOT_INSTALLED = "MODEL_NOT_INSTALLED"
    MODEL_BUSY = "MODEL_BUSY"
    STEM_UNKNOWN = "STEM_UNKNOWN"
    MASK_UNSUPPORTED = "MASK_UNSUPPORTED"
    FORMAT_CANNOT_HOLD = "FORMAT_CANNOT_HOLD"
    OUTPUT_EXISTS = "OUTPUT_EXISTS"
    OUTPUT_UNWRITABLE = "OUTPUT_UNWRITABLE"
    DEVICE_UNAVAILABLE = "DEVICE_UNAVAILABLE"
    LISTEN_REFUSED = "LISTEN_REFUSED"
    SETTINGS_INVALID = "SETTINGS_INVALID"
    # REAPER
    REAPER_NOT_FOUND = "REAPER_NOT_FOUND"
    REAPER_RUNNING = "REAPER_RUNNING"
    # The watched folder
    RECIPE_INVALID = "RECIPE_INVALID"
    INBOX_MISSING = "INBOX_MISSING"
    OUTBOX_UNUSABLE = "OUTBOX_UNUSABLE"
    WATCH_ACTIVE = "WATCH_ACTIVE"
    SERVICE_FAILED = "SERVICE_FAILED"
    # Sessions
    SESSION_EXISTS = "SESSION_EXISTS"
    SESSION_UNREADABLE = "SESSION_UNREADABLE"
    MEDIA_MISSING = "MEDIA_MISSING"
    ANALYSIS_UNAVAILABLE = "ANALYSIS_UNAVAILABLE"
    STRETCHING_UNAVAILABLE = "STRETCHING_UNAVAILABLE"
    TEMPLATE_INVALID = "TEMPLATE_INVALID"
    # Training
    TRAINING_UNAVAILABLE = "TRAINING_UNAVAILABLE"
    # Jobs
    JOB_NOT_FOUND = "JOB_NOT_FOUND"
    JOB_ACTIVE = "JOB_ACTIVE"
    REQUEST_CONFLICT = "REQUEST_CONFLICT"
    CANCELLED = "CANCELLED"
    # While a job runs
    DISK_FULL = "DISK_FULL"
    WRITE_FAILED = "WRITE_FAILED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    DOWNLOAD_FAILED = "DOWNLOAD_FAILED"
    CHECKPOINT_INVALID = "CHECKPOINT_INVALID"
    MODEL_OUTPUT_NOT_FINITE = "MODEL_OUTPUT_NOT_FINITE"
    SERVER_CRASHED = "SERVER_CRASHED"
    # Reaching the server
    SERVER_START_FAILED = "SERVER_START_FAILED"
    SERVER_LOST = "SERVER_LOST"
    SERVER_ALREADY_RUNNING = "SERVER_ALREADY_RUNNING"
    TOKEN_REJECTED = "TOKEN_REJECTED"  # noqa: S105 - a word, no secret
    STATE_UNUSABLE = "STATE_UNUSABLE"
    # A fault of ours
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reason means to a caller: exit code and gRPC status code by name."""

    exit_code: int
    grpc_code: str


_BAD_ARGUMENT = Outcome(Exit.BAD_INPUT, "INVALID_ARGUMENT")
_BAD_STATE = Outcome(Exit.BAD_INPUT, "FAILED_PRECONDITION")
_JOB_FAILED = Outcome(Exit.JOB_FAILED, "ABORTED")

OUTCOMES: dict[Reason, Outcome] = {
    Reason.FILE_NOT_FOUND: Outcome(Exit.BAD_INPUT, "NOT_FOUND"),
    Reason.FILE_UNREADABLE: Outcome(Exit.BAD_INPUT, "PERMISSION_DENIED"),
    Reason.NOT_AUDIO: _BAD_ARGUMENT,
    Reason.FILE_EMPTY: _BAD_ARGUMENT,
    Reason.FILE_TRUNCATED: _BAD_ARGUMENT,
    Reason.FILE_CORRUPT: _BAD_ARGUMENT,
    Reason.FILE_CHANGED: _BAD_STATE,
    Reason.SAMPLES_NOT_FINITE: _BAD_ARGUMENT,
    Reason.RATE_UNSUPPORTED: _BAD_ARGUMENT,
    Reason.PATH_UNSUPPORTED: _BAD_ARGUMENT,
    Reason.ARGUMENT_INVALID: _BAD_ARGUMENT,
    Reason.RANGE_OUTSIDE: Outcome(Exit.BAD_INPUT, "OUT_OF_RANGE"),
    Reason.CHANNEL_MAP_INVALID: _BAD_ARGUMENT,
    Reason.MODEL_UNKNOWN: Outcome(Exit.BAD_INPUT, "NOT_FOUND"),
    Reason.MODEL_EXISTS: Outcome(Exit.BAD_INPUT, "ALREADY_EXISTS"),
    Reason.CHECKPOINT_UNKNOWN: _BAD_ARGUMENT,
    Reason.CHECKPOINT_REFUSED: _BAD_ARGUMENT,
    Reason.MODEL_NOT_INSTALLED: _BAD_STATE,
    Reason.MODEL_BUSY: _BAD_STATE,
    Reason.STEM_UNKNOWN: _BAD_ARGUMENT,
    Reason.MASK_UNSUPPORTED: _BAD_ARGUMENT,
    Reason.FORMAT_CANNOT_HOLD: _BAD_STATE,
    Reason.OUTPUT_EXISTS: Outcome(Exit.BAD_INPUT, "ALREADY_EXISTS"),
    Reason.OUTPUT_UNWRITABLE: _BAD_STATE,
    Reason.DEVICE_UNAVAILABLE: _BAD_STATE,
    Reason.LISTEN_REFUSED: _BAD_ARGUMENT,
    Reason.SETTINGS_INVALID: _BAD_STATE,
    Reason.REAPER_NOT_FOUND: Outcome(Exit.BAD_INPUT, "NOT_FOUND"),
    Reason.REAPER_RUNNING: _BAD_STATE,
    Reason.RECIPE_INVALID: _BAD_ARGUMENT,
    Reason.INBOX_MISSING: Outcome(Exit.BAD_INPUT, "NOT_FOUND"),
    Reason.OUTBOX_UNUSABLE: _BAD_STATE,
    Reason.WATCH_ACTIVE: Outcome(Exit.BAD_INPUT, "ALREADY_EXISTS"),
    Reason.SERVICE_FAILED: _BAD_STATE,
    Reason.SESSION_EXISTS: Outcome(Exit.BAD_INPUT, "ALREADY_EXISTS"),
    Reason.SESSION_UNREADABLE: _BAD_ARGUMENT,
    Reason.MEDIA_MISSING: Outcome(Exit.BAD_INPUT, "NOT_FOUND"),
    Reason.ANALYSIS_UNAVAILABLE: _BAD_STATE,
    Reason.STRETCHING_UNAVAILABLE: _BAD_STATE,
    Reason.TEMPLATE_INVALID: _BAD_ARGUMENT,
    Reason.TRAINING_UNAVAILABLE: _BAD_STATE,
    Reason.JOB_NOT_FOUND: Outcome(Exit.BAD_INPUT, "NOT_FOUND"),
    Reason.JOB_ACTIVE: _BAD_STATE,
    Reason.REQUEST_CONFLICT: Outcome(Exit.BAD_INPUT, "ALREADY_EXISTS"),
    Reason.CANCELLED: Outcome(Exit.CANCELLED, "CANCELLED"),
    Reason.DISK_FULL: Outcome(Exit.JOB_FAILED, "RESOURCE_EXHAUSTED"),
    Reason.WRITE_FAILED: _JOB_FAILED,
    Reason.OUT_OF_MEMORY: Outcome(Exit.JOB_FAILED, "RESOURCE_EXHAUSTED"),
    Reason.DOWNLOAD_FAILED: Outcome(Exit.JOB_FAILED, "UNAVAILABLE"),
    Reason.CHECKPOINT_INVALID: Outcome(Exit.JOB_FAILED, "DATA_LOSS"),
    Reason.MODEL_OUTPUT_NOT_FINITE: _JOB_FAILED,
    Reason.SERVER_CRASHED: _JOB_FAILED,
    Reason.SERVER_START_FAILED: Outcome(Exit.SERVER, "UNAVAILABLE"),
    Reason.SERVER_LOST: Outcome(Exit.SERVER, "UNAVAILABLE"),
    Reason.SERVER_ALREADY_RUNNING: Outcome(Exit.SERVER, "ALREADY_EXISTS"),
    Reason.TOKEN_REJECTED: Outcome(Exit.SERVER, "UNAUTHENTICATED"),
    Reason.STATE_UNUSABLE: Outcome(Exit.SERVER, "UNAVAILABLE"),
    Reason.INTERNAL: Outcome(Exit.FAULT, "INTERNAL"),
}


class StemliftError(Exception):
    """A failure with a reason code, a plain sentence and what to do about it.

    Attributes:
        reason: the code that programs branch on.
        message: one sentence that names what failed, the file included.
        remedy: one sentence that says what to do.
        job_id: the job the failure belongs to, once there is one.
    """

    def __init__(
        self, reason: Reason, message: str, remedy: str = "", *, job_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.remedy = remedy
        self.job_id = job_id

    @property
    def exit_code(self) -> int:
        return OUTCOMES[self.reason].exit_code

    @property
    def grpc_code(self) -> str:
        return OUTCOMES[self.reason].grpc_code

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


def severity(exit_code: int) -> int:
    """Rank of an exit code, for the worst of several songs."""
    order = (
        Exit.DONE,
        Exit.BAD_INPUT,
        Exit.JOB_FAILED,
        Exit.SERVER,
        Exit.FAULT,
        Exit.CANCELLED,
    )
    return order.index(exit_code)
