"""REAPER's text files as lines of bytes: encoding and line ends stay as they are.

REAPER writes UTF-8 today and wrote the system's encoding once; both may be in one file, so
nothing is decoded but what is ours.
"""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass, field
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.system.whole import write_whole

BACKUP = ".stemlift-backup"
"""Added to the name of a file that is kept as it was before we changed it."""


@dataclass(slots=True)
class Lines:
    """A text file.

    lines: each with its end, all in all the bytes of the file.
    """

    path: Path
    lines: list[bytes] = field(default_factory=list)
    before: bytes | None = None

    @property
    def data(self) -> bytes:
        return b"".join(self.lines)

    @property
    def changed(self) -> bool:
        return self.data != (self.before or b"")

    @property
    def end(self) -> bytes:
        """The line end of this file; that of REAPER on this platform where it has none."""
        for line in self.lines:
            if line.endswith(b"\r\n"):
                return b"\r\n"
            if line.endswith(b"\n"):
                return b"\n"
        return b"\n"

    def insert(self, index: int, text: str) -> None:
        """Put a line before that of `index`, or at the end."""
        if index and not self.lines[index - 1].endswith(b"\n"):
            self.lines[index - 1] += self.end
        self.lines.insert(index, text.encode() + self.end)


def read_lines(path: Path) -> Lines:
    """The file's lines; none where there is no file.

    Raises:
        StemliftError: FILE_UNREADABLE.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Lines(path)
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"{path} cannot be read: {error.strerror or error}.",
            "Make it readable, then try again.",
        ) from error
    return Lines(path, data.splitlines(keepends=True), data)


def save(file: Lines, without_us: bytes) -> Path | None:
    """Write what changed, the old content kept beside it; the backup's path, if there is one.

    Args:
        without_us: the old content less the lines of an earlier installation, which the
            backup shall not hold.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE or DISK_FULL; then the file is as it was.
    """
    if not file.changed:
        return None
    backup = None
    # A file that holds nothing but our lines was not there before us.
    if file.before is not None and (without_us or not file.before):
        backup = backup_of(file.path)
        kept = _kept(file)
        if kept is None or not _alike(kept, without_us):
            write(backup, without_us)
    write(_behind_links(file.path), file.data)
    return backup


def restore(file: Lines) -> None:
    """Write what is left after our lines are gone; no backup stays that says the same.

    Raises:
        StemliftError: as `save`.
    """
    kept = _kept(file)
    data = file.data
    if kept is not None and _alike(kept, data):
        data = kept
    if file.before is not None and data != file.before:
        if data or kept is not None:
            write(_behind_links(file.path), data)
        else:
            # It was not there before we wrote it.
            file.path.unlink(missing_ok=True)
    if kept == data:
        with contextlib.suppress(OSError):
            backup_of(file.path).unlink()


def _alike(one: bytes, other: bytes) -> bool:
    """Whether they are the same but for their ends: ours may have been put after a last line
    that had none."""
    return one.rstrip(b"\r\n") == other.rstrip(b"\r\n")


def _behind_links(path: Path) -> Path:
    """The file itself where `path` is a link to it: the link is the user's and stays."""
    return path.resolve() if path.is_symlink() else path


def _kept(file: Lines) -> bytes | None:
    try:
        return backup_of(file.path).read_bytes()
    except OSError:
        return None


def backup_of(path: Path) -> Path:
    return path.with_name(path.name + BACKUP)


def write(path: Path, data: bytes) -> None:
    """Raises StemliftError (OUTPUT_UNWRITABLE, DISK_FULL)."""
    try:
        if path.exists() and not path.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, "it is read-only")
        write_whole(path, data)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StemliftError(
            Reason.DISK_FULL if full else Reason.OUTPUT_UNWRITABLE,
            f"{path} cannot be written: {error.strerror or error}.",
            "Free some space, then try again."
            if full
            else "Make it and its folder writable, then try again.",
        ) from error
