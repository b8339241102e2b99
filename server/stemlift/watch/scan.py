"""What lies in an inbox: every file that may be a song, as the file system has it now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from stemlift.errors import StemliftError


@dataclass(frozen=True, slots=True)
class Seen:
    """A file of the inbox, as one look found it.

    relative: path below the inbox with "/" between its parts, byte-true: names that are no
        UTF-8 hold surrogate escapes, and NFC and NFD stay as they are.
    size: in bytes.
    mtime_ns, ctime_ns: times of the last change, of content and of anything; on Windows
        ctime is that of creation.
    file_id: device and inode; it tells links and moved files, but is not steady on FAT and
        on some network file systems, so nothing may follow from its change alone.
    """

    relative: str
    size: int
    mtime_ns: int
    ctime_ns: int
    file_id: tuple[int, int]

    @property
    def state(self) -> tuple[int, int, int]:
        """What changes whenever the file does: size, mtime_ns, ctime_ns."""
        return self.size, self.mtime_ns, self.ctime_ns


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder that could not be read; relative as in `Seen`."""

    relative: str
    error: StemliftError


@dataclass(frozen=True, slots=True)
class Scan:
    """files: sorted by relative. inbox_id: device and inode of the inbox itself."""

    files: tuple[Seen, ...]
    problems: tuple[Unlisted, ...]
    inbox_id: tuple[int, int]


def scan(inbox: Path, skip: Collection[Path] = ()) -> Scan:
    """List the songs of `inbox` and its folders, without those in `skip`.

    Raises:
        StemliftError: INBOX_MISSING.
    """
    raise NotImplementedError
