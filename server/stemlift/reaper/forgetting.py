"""Folders of jobs that go: those that a user forgets, and those of long ago."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.reaper.folder import (
    FORGOTTEN_FILE,
    IMPORTED_FILE,
    LOCK_FILE,
    LOG_FILE,
    PLAN_FILE,
    JobFolder,
    job_folders,
)
from stemlift.reaper.messages import CANCEL_FILE, JOB_FILE, STATUS_FILE, Phase, Status

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long the folder of a job stays after its last word."""

ANSWERS = f"answer-{'[0-9a-f]' * 16}"
"""Files in the folder of all jobs in which scripts ask for an answer of the helper."""

# Last the mark and the job: a removal that is broken off leaves a folder that is found again.
_OURS = (STATUS_FILE, CANCEL_FILE, IMPORTED_FILE, PLAN_FILE, LOG_FILE, FORGOTTEN_FILE, JOB_FILE)


def forget(folder: JobFolder, paths: Paths) -> bool:
    """Remove the folder of a job that nobody wants any more; its stems stay where they are.

    What runs for it is cancelled, by the helper that works on it where there is one; then False
    is returned, and that helper removes the folder, or a later one does.

    Args:
        paths: of the Stemlift whose server may work on it.

    Raises:
        StemliftError: FILE_NOT_FOUND for what is no folder of a job, OUTPUT_UNWRITABLE.
    """
    if not folder.is_ours:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"{folder.path} is no folder of a job: these have 16 hexadecimal digits for a name,"
            f" and a {JOB_FILE}.",
            "Give the folder of a job that the scripts in REAPER made.",
        )
    try:
        (folder.path / FORGOTTEN_FILE).touch()
    except OSError as error:
        raise _stuck(folder.path, error) from error
    try:
        with folder.held(folder.leaving()) as ours:
            if not ours:
                return False
            _stop(folder.read_status(), paths)
            _empty(folder.path)
        _close(folder.path)
    except OSError as error:
        raise _stuck(folder.path, error) from error
    return True


def remove_old(root: Path, now: float | None = None) -> list[Path]:
    """Remove the folders of jobs that were forgotten, and of those that ended long ago and that
    nobody can want to import.

    Only our own files go: whatever else lies there keeps its folder.
    """
    oldest = (time.time() if now is None else now) - KEPT_SECONDS
    removed = []
    for answer in root.glob(ANSWERS):
        with contextlib.suppress(OSError):
            if answer.stat().st_mtime < oldest:
                answer.unlink()
    for folder in job_folders(root):
        if not (folder.forgotten or _is_of_long_ago(folder, oldest)):
            continue
        # Another helper, or a script that reads it on Windows, keeps it a while longer.
        with contextlib.suppress(OSError, StemliftError):
            with folder.held() as ours:
                if not ours:
                    continue
                _empty(folder.path)
            _close(folder.path)
            if not folder.path.exists():
                removed.append(folder.path)
    return removed


def _is_of_long_ago(folder: JobFolder, oldest: float) -> bool:
    status = folder.read_status()
    if status is None or not status.phase.ended or status.updated > oldest:
        return False
    return folder.imported or status.phase in (Phase.CANCELLED, Phase.NOTHING)


def _stop(status: Status | None, paths: Paths) -> None:
    """Cancel what a helper that died left to the server. One that is not there is not started."""
    if status is None or status.phase.ended or not status.server_jobs:
        return
    from stemlift.rpc.client import Client

    with contextlib.suppress(StemliftError), Client(paths, start=False) as client:
        for each in status.server_jobs:
            # Some have ended, and others were deleted from the server's list.
            with contextlib.suppress(StemliftError):
                client.job(each).cancel()


def _empty(path: Path) -> None:
    for scratch in path.glob(".*.tmp"):
        scratch.unlink(missing_ok=True)
    for name in _OURS:
        (path / name).unlink(missing_ok=True)


def _close(path: Path) -> None:
    """Remove the folder itself, unless somebody keeps files of their own there."""
    (path / LOCK_FILE).unlink(missing_ok=True)
    if not any(path.iterdir()):
        path.rmdir()


def _stuck(path: Path, error: OSError) -> StemliftError:
    return StemliftError(
        Reason.OUTPUT_UNWRITABLE,
        f"The job's folder {path} cannot be removed: {error.strerror or error}.",
        "Make it writable, then try again.",
    )
