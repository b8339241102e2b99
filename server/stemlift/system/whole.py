"""Files that others read while we write: whole or as before, whatever happens."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ATTEMPTS = 40
"""With the pause, two seconds: longer than a reader or a virus scanner holds a file open."""

_PAUSE = 0.05

_NAMED = 40
"""Characters of a file's name by which the one beside it is known."""


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace `path` by a file that holds `data`; its mode stays.

    Args:
        sync: put it on the disk before the old one goes; for files that must survive a
            power cut.

    Raises:
        OSError: it cannot be written. The old file is as it was.
    """
    mode = _mode(path)
    handle, scratch = _scratch(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        scratch.chmod(mode)
        replace(scratch, path)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to, which takes its place at the end.

    Raises:
        OSError: it cannot be written. The old file is as it was then, and after any other
            exception inside.
    """
    mode = _mode(path)
    handle, scratch = _scratch(path)
    os.close(handle)
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.chmod(mode)
        replace(scratch, path)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise


def _scratch(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, open, whose name is no longer than one can be."""
    beginning = path.name[:_NAMED]
    handle, name = tempfile.mkstemp(prefix=f".{beginning}.", suffix=".tmp", dir=path.parent)
    return handle, Path(name)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0o644


def replace(scratch: Path, path: Path) -> None:
    """Rename `scratch` to `path`, in place of what has that name. Raises OSError."""
    for left in range(ATTEMPTS - 1, -1, -1):
        try:
            scratch.replace(path)
        except PermissionError:
            # Windows refuses while another process has the old file open for a moment.
            if os.name != "nt" or left == 0:
                raise
            time.sleep(_PAUSE)
        else:
            return


def flush_folder(folder: Path) -> None:
    """Make names survive a power cut, where the file system lets a folder be flushed."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
