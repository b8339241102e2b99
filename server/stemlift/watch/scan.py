"""What lies in an inbox: every file that may be a song, as the file system has it now."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.watch.ignored import OUTBOX_MARKER, ignored, on_its_way

Id = tuple[int, int]

# Windows: a folder that leads elsewhere without being a link. Folders of cloud drives have
# other tags and are folders like any other.
_JUNCTION_TAG = 0xA0000003


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
    file_id: Id

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
    inbox_id: Id


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to be listed; `above` are the ids of all folders that it lies in, and its own."""

    path: str
    relative: str
    above: frozenset[Id]


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """Folders to be skipped, by identity and by place: either may fail on a file system."""

    ids: frozenset[Id]
    relatives: frozenset[str]

    def holds(self, own: Id, relative: str) -> bool:
        return relative in self.relatives or bool(own[1] and own in self.ids)


def scan(inbox: Path, skip: Collection[Path] = ()) -> Scan:
    """List the songs of `inbox` and its folders, without the folders in `skip`.

    Links to files are followed, links to folders are not. Pipes, sockets and devices are no
    songs. Songs that vanish meanwhile are left out, and so are outboxes, whosever they are. A
    folder that cannot be read is named among the problems, and hides only what is in it.

    Raises:
        StemliftError: INBOX_MISSING where the inbox itself cannot be listed: an unmounted
            share says nothing about its songs.
    """
    root = str(inbox)
    try:
        inbox_id = _id(os.stat(root))  # noqa: PTH116 - names stay byte-true as text
        left_out = _left_out(root, skip)
        files, problems = _walk(_Folder(root, "", frozenset({inbox_id})), left_out)
        # A share that went away meanwhile looks like folders that were deleted.
        if _id(os.stat(root)) != inbox_id:  # noqa: PTH116
            raise FileNotFoundError(errno.ENOENT, "it went away during the look")
    except (OSError, ValueError) as error:
        raise _missing(inbox, error) from error
    files.sort(key=lambda seen: seen.relative)
    problems.sort(key=lambda problem: problem.relative)
    return Scan(tuple(files), tuple(problems), inbox_id)


def _walk(top: _Folder, left_out: _LeftOut) -> tuple[list[Seen], list[Unlisted]]:
    """Raises OSError where the topmost folder cannot be listed."""
    files: list[Seen] = []
    problems: list[Unlisted] = []
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            entries = _entries(folder.path)
        except OSError as error:
            if folder is top:
                raise
            if not isinstance(error, FileNotFoundError):
                problems.append(_unlisted(folder, error))
            continue
        if folder is not top and any(entry.name == OUTBOX_MARKER for entry in entries):
            # Another inbox's results: taking stems for songs would have no end.
            continue
        found, below, failure = _sort_out(folder, entries, left_out)
        files += found
        folders += below
        if failure is not None:
            problems.append(_unlisted(folder, failure))
    return files, problems


def _entries(path: str) -> list[os.DirEntry[str]]:
    # Listed at once: an open folder would hinder whoever wants to rename or unmount it.
    with os.scandir(path) as entries:
        return list(entries)


def _sort_out(
    folder: _Folder, entries: list[os.DirEntry[str]], left_out: _LeftOut
) -> tuple[list[Seen], list[_Folder], OSError | None]:
    """The songs and folders in `folder`, and why something in it could not be looked at."""
    files: list[Seen] = []
    folders: list[_Folder] = []
    failure: OSError | None = None
    names = frozenset(entry.name for entry in entries)
    for entry in entries:
        relative = f"{folder.relative}/{entry.name}" if folder.relative else entry.name
        try:
            # Not the entry's own: Windows keeps there what the file was like some time ago.
            status = os.stat(entry.path)  # noqa: PTH116
            is_link = entry.is_symlink() or _is_junction(entry)
        except OSError as error:
            # A link that leads nowhere or in a circle, or a file that is gone again.
            if not isinstance(error, FileNotFoundError) and not entry.is_symlink():
                failure = error
            continue
        if stat.S_ISDIR(status.st_mode):
            own = _id(status)
            if not (
                is_link
                or ignored(entry.name, folder=True)
                or left_out.holds(own, relative)
                or (own in folder.above and own[1])
            ):
                folders.append(_Folder(entry.path, relative, folder.above | {own}))
        elif stat.S_ISREG(status.st_mode) and _is_candidate(entry.name, status.st_size, names):
            files.append(_seen(relative, status))
    return files, folders, failure


def _is_candidate(name: str, size: int, beside: frozenset[str]) -> bool:
    return not ignored(name) and not on_its_way(name, size, beside)


def _seen(relative: str, status: os.stat_result) -> Seen:
    return Seen(relative, status.st_size, status.st_mtime_ns, status.st_ctime_ns, _id(status))


def _id(status: os.stat_result) -> Id:
    return status.st_dev, status.st_ino


def _left_out(root: str, skip: Collection[Path]) -> _LeftOut:
    ids: set[Id] = set()
    relatives: set[str] = set()
    here = os.path.realpath(root)
    for path in skip:
        # On another drive of Windows there is no way from here to there.
        with contextlib.suppress(OSError, ValueError):
            relatives.add(Path(os.path.relpath(os.path.realpath(path), here)).as_posix())
            ids.add(_id(path.stat()))
    return _LeftOut(frozenset(ids), frozenset(relatives))


def _is_junction(entry: os.DirEntry[str]) -> bool:
    tag = getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0)
    return bool(tag == _JUNCTION_TAG)


def _unlisted(folder: _Folder, error: OSError) -> Unlisted:
    why = error.strerror or type(error).__name__
    return Unlisted(
        folder.relative,
        StemliftError(
            Reason.FILE_UNREADABLE,
            f"The folder {display_name(Path(folder.path))} cannot be read: {why}.",
            "Let this user read it; its songs wait until then.",
        ),
    )


def _missing(inbox: Path, error: Exception) -> StemliftError:
    why = getattr(error, "strerror", None) or str(error)
    return StemliftError(
        Reason.INBOX_MISSING,
        f"The inbox {display_name(inbox)} cannot be looked into: {why}.",
        "Make the folder, or bring back the share or disk that it is on; work goes on by itself.",
    )
