"""Taking single files out of a zip archive that came from the network. No torch.

Names in the archive are compared and never made into paths; no file is longer than its table
of contents says, and its checksum is held to.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LARGEST_MEMBER = 8_000_000_000
"""Bytes. Several times the largest published checkpoint; a zip bomb is far above."""

_LONGEST_TABLE = 16 * 1024 * 1024
_BLOCK = 1 << 20
_END, _END_SIZE, _LONGEST_COMMENT = b"PK\x05\x06", 22, 2**16
_LARGE_LOCATOR, _LARGE_LOCATOR_SIZE = b"PK\x06\x07", 20
_LARGE_END, _LARGE_END_SIZE = b"PK\x06\x06", 56
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others either need far more memory or are seen nowhere."""


class ArchiveError(Exception):
    """What is wrong with an archive; the message is a clause."""


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at `path`, for `find_members` and `take_out`.

    Raises:
        ArchiveError: it is damaged or none, or, from within, as those two.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        try:
            _require_short_table(file)
            with zipfile.ZipFile(file) as archive:
                yield archive
        # What zipfile raises for damaged or strange archives; RuntimeError is a password's.
        except (
            *(zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError),
            *(zlib.error, struct.error, OverflowError),
        ) as error:
            raise ArchiveError(f"it is damaged or no zip archive ({error})") from error
        except OSError as error:
            # A position that no file has, which only a damaged archive asks for.
            if error.errno != errno.EINVAL:
                raise
            raise ArchiveError("it is damaged: its parts are not where it says") from error


def _require_short_table(file: BinaryIO) -> None:
    """A table of contents is read whole: a file made of nothing else would take all memory.

    Its length stands at the end of the file: APPNOTE 6.3.10 of PKWARE, 4.3.14 to 4.3.16.
    """
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _LARGE_END_SIZE - _LARGE_LOCATOR_SIZE - _END_SIZE - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    at_end = tail[-_END_SIZE:].startswith(_END)
    end = len(tail) - _END_SIZE if at_end else tail.rfind(_END)
    if end < 0 or len(tail) < end + _END_SIZE:
        raise ArchiveError("it is damaged or no zip archive")
    length = struct.unpack_from("<L", tail, end + 12)[0]
    large = end - _LARGE_LOCATOR_SIZE - _LARGE_END_SIZE
    if large >= 0 and tail.startswith(_LARGE_LOCATOR, end - _LARGE_LOCATOR_SIZE):
        if not tail.startswith(_LARGE_END, large):
            raise ArchiveError("it is damaged: its table of contents is not where it says")
        length = struct.unpack_from("<Q", tail, large + 40)[0]
    if length > _LONGEST_TABLE:
        raise ArchiveError("its table of contents is far too long")


def find_members(archive: zipfile.ZipFile, names: Sequence[str]) -> list[zipfile.ZipInfo]:
    """The files called `names`, in that order.

    Raises:
        ArchiveError: one is missing, there twice, encrypted, compressed in an unusual way or
            of no sensible size.
    """
    found = []
    for name in names:
        entries = [entry for entry in archive.infolist() if entry.filename == name]
        if len(entries) != 1:
            raise ArchiveError(f"it holds {'several' if entries else 'no'} files called {name}")
        entry = entries[0]
        if entry.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"{name} in it is encrypted")
        if entry.compress_type not in _METHODS:
            raise ArchiveError(f"{name} in it is compressed in a way that is not known")
        if not 0 < entry.file_size <= LARGEST_MEMBER:
            raise ArchiveError(f"{name} in it has {entry.file_size} bytes")
        found.append(entry)
    return found


def take_out(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, report: Callable[[int], None]
) -> str:
    """Write the file `entry` to `target`, which is on the disk afterwards.

    Args:
        report: called with the bytes that are out.

    Returns:
        The SHA-256.

    Raises:
        ArchiveError: there is less of it than its table says, or its checksum is wrong;
            zipfile's own errors become one in `open_archive`.
        OSError: it cannot be written.
    """
    digest = hashlib.sha256()
    done = 0
    with archive.open(entry) as source, target.open("wb") as stream:
        # zipfile gives no more than the table says, and compares the CRC-32 at the end.
        while block := source.read(_BLOCK):
            stream.write(block)
            digest.update(block)
            done += len(block)
            report(done)
        if done != entry.file_size:
            raise ArchiveError(f"it is damaged: {entry.filename} in it is cut short")
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()
