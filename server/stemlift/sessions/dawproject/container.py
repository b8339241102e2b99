"""The ZIP around a project: read within limits, written as a whole.

CRC-32 and sizes stand in the local headers, as Cubase needs it: entries are written to a file
that can be sought, where they are put in afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.files import make_folder, unreadable
from stemlift.system.whole import whole_file

PROJECT = "project.xml"
METADATA = "metadata.xml"
MEDIA = "audio"
"""Folder inside for the sounds."""

MOST_ENTRIES = 20_000
LARGEST_PROJECT = 64 << 20
LARGEST_METADATA = 1 << 20
LARGEST_RATIO = 250
"""Of the text of a project: above it, it is made to fill memory. Smaller texts than a MiB
may be as dense as they like."""

_BLOCK = 1 << 20
# The oldest that a ZIP can say, so that twice the same session is twice the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
_ENCRYPTED = 1
# What zipfile raises of its own and of the libraries below it.
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    UnicodeError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The ZIP of a project, looked over before anything in it is read.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE; SESSION_UNREADABLE where it is no ZIP,
            has too many entries, two of one name, or one that is encrypted; or where an entry
            turns out to be damaged inside of the block.
    """
    try:
        if path.exists() and not path.is_file():
            raise unreadable(path, "is no file")
        with zipfile.ZipFile(path) as archive:
            _look_over(archive, path)
            yield archive
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no file {path}.",
            "Check the path; a removable or network drive may be away.",
        ) from error
    except _DAMAGED as error:
        raise unreadable(path, f"is no DAWproject, or a damaged one: {error}") from error
    except PermissionError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"{path} cannot be read: {error.strerror or error}.",
            "Check its permissions.",
        ) from error


def _look_over(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise unreadable(path, f"has more than {MOST_ENTRIES} entries")
    if len({entry.filename for entry in entries}) < len(entries):
        raise unreadable(path, "has two entries of one name")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise unreadable(path, "is encrypted")


def text_of(archive: zipfile.ZipFile, name: str, largest: int, path: Path) -> bytes | None:
    """An entry that is a text; None where there is none.

    Raises:
        StemliftError: SESSION_UNREADABLE where it is larger, whatever its header says, or
            packed so densely that it can be no project.
    """
    try:
        entry = archive.getinfo(name)
    except KeyError:
        return None
    try:
        with archive.open(entry) as file:
            data = file.read(largest + 1)
    except (OSError, RuntimeError, ValueError) as error:
        raise unreadable(path, f"is damaged: {name} cannot be unpacked") from error
    if len(data) > largest:
        raise unreadable(path, f"has a {name} of more than {largest >> 20} MiB")
    if len(data) > 1 << 20 and len(data) > LARGEST_RATIO * max(entry.compress_size, 1):
        raise unreadable(path, f"has a {name} that is packed too densely")
    return data


@contextlib.contextmanager
def new_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ZIP to write entries to, which takes its place at `path` at the end, whole.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE, DISK_FULL. What was there is as it was.
    """
    make_folder(path.parent)
    try:
        if path.exists() and not path.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, "it is read-only")
        with whole_file(path) as scratch, zipfile.ZipFile(scratch, "w") as archive:
            yield archive
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StemliftError(
            Reason.DISK_FULL if full else Reason.OUTPUT_UNWRITABLE,
            f"{path} cannot be written: {error.strerror or error}.",
            "Free some space." if full else "Choose a folder that can be written to.",
        ) from error


def add_text(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(_entry(name, zipfile.ZIP_DEFLATED), data)


def add_sound(archive: zipfile.ZipFile, name: str, file: Path) -> None:
    """Stream a sound file into the ZIP, as it is; sound packs badly.

    Raises:
        StemliftError: FILE_UNREADABLE. OSError where the ZIP cannot be written.
    """
    try:
        source = file.open("rb")
    except OSError as error:
        raise _unread(file, error) from error
    entry = _entry(name, zipfile.ZIP_STORED)
    with source:
        entry.file_size = file.stat().st_size
        with archive.open(entry, "w") as target:
            while block := _read(source.read, file):
                target.write(block)


def copy_entry(source: zipfile.ZipFile, entry: zipfile.ZipInfo, target: zipfile.ZipFile) -> None:
    """An entry with the same bytes, name, date and attributes, packed as it was."""
    copy = zipfile.ZipInfo(entry.filename, entry.date_time)
    for name in ("compress_type", "comment", "create_system", "external_attr", "internal_attr"):
        setattr(copy, name, getattr(entry, name))
    copy.file_size = entry.file_size
    if entry.is_dir():
        target.writestr(copy, b"")
        return
    with source.open(entry) as reading, target.open(copy, "w") as writing:
        shutil.copyfileobj(reading, writing, _BLOCK)


def extract(archive: zipfile.ZipFile, name: str, target: Path, path: Path) -> None:
    """Unpack one sound to `target`, whole or not at all.

    Raises:
        StemliftError: MEDIA_MISSING where there is none of that name; SESSION_UNREADABLE for a
            name that leads out of the ZIP, or a link; DISK_FULL, OUTPUT_UNWRITABLE.
    """
    try:
        entry = archive.getinfo(name)
    except KeyError as error:
        raise StemliftError(
            Reason.MEDIA_MISSING,
            f"{path} plays {name}, which is not in it.",
            "Save it again with its media, or leave those clips out.",
        ) from error
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or PureWindowsPath(name).anchor or "\0" in name:
        raise unreadable(path, f"has an entry that leads out of it, {name}")
    if stat.S_ISLNK(entry.external_attr >> 16) or entry.is_dir():
        raise unreadable(path, f"has an entry that is no file, {name}")
    make_folder(target.parent)
    try:
        if entry.file_size > shutil.disk_usage(target.parent).free:
            raise OSError(errno.ENOSPC, "there is no space left")
        with (
            whole_file(target) as scratch,
            archive.open(entry) as reading,
            scratch.open("wb") as writing,
        ):
            _copy_at_most(reading.read, writing.write, entry.file_size, path)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StemliftError(
            Reason.DISK_FULL if full else Reason.OUTPUT_UNWRITABLE,
            f"{target} cannot be written: {error.strerror or error}.",
            "Free some space." if full else "Choose a folder that can be written to.",
        ) from error


def _copy_at_most(
    read: Callable[[int], bytes], write: Callable[[bytes], object], most: int, path: Path
) -> None:
    left = most
    while block := read(min(_BLOCK, left + 1)):
        left -= len(block)
        if left < 0:
            raise unreadable(path, "has an entry that is larger than it says")
        write(block)


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = compression
    entry.external_attr = _MODE
    entry.create_system = 3
    return entry


def _read(read: Callable[[int], bytes], file: Path) -> bytes:
    try:
        return read(_BLOCK)
    except OSError as error:
        raise _unread(file, error) from error


def _unread(file: Path, error: OSError) -> StemliftError:
    return StemliftError(
        Reason.FILE_UNREADABLE,
        f"{file} cannot be read: {error.strerror or error}.",
        "Check its permissions; a removable or network drive may be away.",
    )
