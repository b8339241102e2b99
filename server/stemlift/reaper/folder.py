"""The folder of one job: what a script put there, and what the helper adds.

`job.json`, `cancel`, `imported` and `forgotten` come from the script; `status.json`, `plan.json`
(kept, so that a helper started again goes on with the same jobs), `lock` and `helper.log` from the
helper.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
from pydantic import ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.facts import VERSION
from stemlift.reaper.messages import CANCEL_FILE, JOB_FILE, STATUS_FILE, JobFile, Status
from stemlift.reaper.plan import Plan
from stemlift.system.whole import write_whole

IMPORTED_FILE = "imported"
FORGOTTEN_FILE = "forgotten"
PLAN_FILE = "plan.json"
LOCK_FILE = "lock"
LOG_FILE = "helper.log"

_NAME = re.compile(r"[0-9A-Fa-f]{16}")

LEAVING_SECONDS = 2.0
"""A helper that has said its last word is gone by then."""


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The folder of one job, whose name is the job's id."""

    path: Path

    @property
    def status_file(self) -> Path:
        return self.path / STATUS_FILE

    @property
    def log_file(self) -> Path:
        return self.path / LOG_FILE

    @property
    def is_ours(self) -> bool:
        """Whether a script may have made it: others have their own job.json in theirs."""
        named = _NAME.fullmatch(self.path.name) is not None
        return named and not self.path.is_symlink() and (self.path / JOB_FILE).is_file()

    @property
    def cancel_asked(self) -> bool:
        """Also where nobody wants the job any more, or its whole folder was removed."""
        return (self.path / CANCEL_FILE).exists() or self.forgotten or not self.path.is_dir()

    @property
    def imported(self) -> bool:
        """Whether its stems are in a project."""
        return (self.path / IMPORTED_FILE).exists()

    @property
    def forgotten(self) -> bool:
        """Whether nobody wants it any more."""
        return (self.path / FORGOTTEN_FILE).exists()

    def forget_cancel(self) -> None:
        """So that the job can be tried again."""
        with contextlib.suppress(FileNotFoundError):
            (self.path / CANCEL_FILE).unlink()

    def read_job(self) -> JobFile:
        """What the script asks for.

        Raises:
            StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE, or ARGUMENT_INVALID with the first
                field that is wrong.
        """
        file = self.path / JOB_FILE
        try:
            data = file.read_bytes()
        except FileNotFoundError as error:
            raise StemliftError(
                Reason.FILE_NOT_FOUND,
                f"There is no job in {self.path}: it has no {JOB_FILE}.",
                "Separate the items again.",
            ) from error
        except OSError as error:
            raise StemliftError(
                Reason.FILE_UNREADABLE,
                f"{file} cannot be read: {error.strerror or error}.",
                "Make it readable, then try again.",
            ) from error
        _check_version(file, data)
        try:
            return JobFile.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"{file} is no job: {f'{field}: ' if field else ''}{first['msg']}.",
                "Bring the scripts in REAPER up to date with `stemlift reaper install`.",
            ) from error

    def read_status(self) -> Status | None:
        """The last word of the helper before; None where there is none that can be read."""
        try:
            return Status.model_validate_json(self.status_file.read_bytes())
        except (OSError, ValidationError):
            return None

    def read_plan(self) -> Plan | None:
        """The plan that an earlier helper followed; None where there is none of this version."""
        try:
            plan = Plan.model_validate_json((self.path / PLAN_FILE).read_bytes())
        except (OSError, ValidationError):
            return None
        return plan if plan.version == VERSION else None

    def keep_plan(self, plan: Plan) -> None:
        """Raises OSError."""
        write_whole(self.path / PLAN_FILE, plan.model_dump_json().encode())

    def leaving(self) -> float:
        """Seconds to wait for a lock that the helper before may still have: 0 while it works."""
        status = self.read_status()
        return LEAVING_SECONDS if status is None or status.phase.ended else 0.0

    @contextmanager
    def held(self, wait: float = 0.0) -> Iterator[bool]:
        """The right to work on this job; False where another helper has it.

        Args:
            wait: so many seconds for a helper that is about to leave.

        Raises:
            StemliftError: OUTPUT_UNWRITABLE.
        """
        lock = filelock.FileLock(self.path / LOCK_FILE)
        try:
            lock.acquire(timeout=wait)
        except filelock.Timeout:
            yield False
            return
        except OSError as error:
            raise StemliftError(
                Reason.OUTPUT_UNWRITABLE,
                f"The job's folder {self.path} cannot be written: {error.strerror or error}.",
                "Make it writable, then try again.",
            ) from error
        try:
            yield True
        finally:
            lock.release()


def job_folders(root: Path) -> list[JobFolder]:
    """All jobs in `root`, the oldest first; none where it is not there."""
    try:
        found = [path for path in root.iterdir() if JobFolder(path).is_ours]
    except OSError:
        return []
    return [JobFolder(path) for path in sorted(found, key=_age)]


def _age(path: Path) -> float:
    try:
        return (path / JOB_FILE).stat().st_mtime
    except OSError:
        return 0.0


def _check_version(file: Path, data: bytes) -> None:
    """Say first that the versions differ: what else is wrong follows from it."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{file} is no JSON in UTF-8: {error}.",
            "Separate the items again; paths with signs outside Unicode cannot be used.",
        ) from error
    version = found.get("version", VERSION) if isinstance(found, dict) else VERSION
    if version != VERSION:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The scripts in REAPER speak version {version}, this Stemlift version {VERSION}.",
            "Bring them up to date with `stemlift reaper install`, then start REAPER again.",
        )
