"""Opening a file that a user named: a regular file or a typed error, never a wait."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stemlift.audio import problems


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size in bytes and time of the last change, to notice a file that changes."""

    size: int
    modified_ns: int


def open_regular(path: Path) -> tuple[BinaryIO, Stamp]:
    """Open `path` for reading, unbuffered position 0.

    The file is checked before it is opened, since opening a pipe waits for its writer
    and opening a device may do anything, and again afterwards, since it may have been
    exchanged in between.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE.
    """
    flags = os.O_RDONLY
    # Absent on Windows: O_NONBLOCK (a pipe must not block), O_CLOEXEC. Absent elsewhere:
    # O_BINARY and O_NOINHERIT.
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, name, 0)
    try:
        _require_regular(path, path.stat())
        descriptor = os.open(path, flags)
    except OSError as error:
        raise problems.unopenable(path, error) from error
    except ValueError as error:
        raise problems.unopenable(path, FileNotFoundError(str(error))) from error
    try:
        status = os.fstat(descriptor)
        _require_regular(path, status)
        file = os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
    return file, Stamp(status.st_size, status.st_mtime_ns)


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise problems.unreadable(path, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise problems.unreadable(path, "it is a pipe, a socket or a device")


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """At most `count` bytes from `offset`; fewer only at the end of the file."""
    file.seek(offset)
    return file.read(count)
