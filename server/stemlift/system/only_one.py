"""A folder that one process at a time writes to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from stemlift.errors import Reason, StemliftError

LOCK = ".stemlift-lock"


@contextlib.contextmanager
def only_one(folder: Path, kind: str) -> Iterator[None]:
    """The folder, which is made, for this process alone.

    Args:
        kind: what goes on there, in a word, such as "evaluation".

    Raises:
        StemliftError: ARGUMENT_INVALID while another process is there; OUTPUT_UNWRITABLE.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"Another {kind} is writing to {folder}.",
            "Wait for it, or name another folder with -o.",
        ) from error
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{folder} cannot be written: {error.strerror or error}.",
            "Choose another folder with -o, or make room.",
        ) from error
    try:
        yield
    finally:
        lock.release()
