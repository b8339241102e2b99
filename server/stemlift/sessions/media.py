"""The sound files of a session: whether they are there, what they are, and copies beside it."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import itertools
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.naming import source_name
from stemlift.sessions.files import make_folder
from stemlift.sessions.timeline import Media, Session, Track

FOLDER = "Media"
"""Name of the folder beside a session that copies of its sound files go to."""


def media_of(file: Path) -> Media:
    """A sound file and its facts.

    Raises:
        StemliftError: what `stemlift.audio.probe.probe` raises; FILE_CORRUPT where its length
            is known only when all of it is decoded.
    """
    # On demand: it brings decoders, which writing a session does not need.
    from stemlift.audio.probe import probe

    info = probe(file)
    if not info.frames:
        raise StemliftError(
            Reason.FILE_CORRUPT,
            f"{file} does not tell its length.",
            "Convert it to WAV or FLAC first.",
        )
    return Media(file, info.sample_rate, info.channels, info.frames)


def with_facts(session: Session) -> Session:
    """The session with the facts of all media that can be looked at, the others as they were.

    It opens every file that the session names.
    """
    found: dict[Path, Media] = {}
    for media in session.media:
        with contextlib.suppress(StemliftError):
            found[media.file] = media if media.known else media_of(media.file)
    return with_media(session, lambda media: found.get(media.file, media))


def require_media(session: Session) -> None:
    """Raises StemliftError (MEDIA_MISSING) for the first file that is not there."""
    for media in session.media:
        if not media.file.is_file():
            raise StemliftError(
                Reason.MEDIA_MISSING,
                f"The session plays {media.file}, which is not there.",
                "Put the file back, or leave its clips out.",
            )


def with_media(session: Session, change: Callable[[Media], Media]) -> Session:
    """The session with other media, clip by clip."""

    def track(one: Track) -> Track:
        clips = tuple(replace(clip, media=change(clip.media)) for clip in one.clips)
        return replace(one, clips=clips, children=tuple(map(track, one.children)))

    return session.with_tracks(map(track, session.tracks))


def copy_names(file: Path) -> Iterator[str]:
    """Names for a copy of a file that every system and DAW takes: "x.wav", "x 2.wav", …"""
    name = source_name(str(file))
    ending = "".join(c for c in file.suffix.lower() if c == "." or c.isalnum())
    yield f"{name}{ending}"
    yield from (f"{name} {count}{ending}" for count in itertools.count(2))


class Copies:
    """Copies of sound files in one folder, under names that every system and DAW takes.

    A file that lies in the folder already, or under it, stays as it is; one of the same bytes is
    used again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: list[Path] = []
        self._new_folder = False

    def of(self, session: Session) -> Session:
        """The session with its media in the folder, copied where they were not.

        Raises:
            StemliftError: MEDIA_MISSING, DISK_FULL, OUTPUT_UNWRITABLE. No copy is left then.
        """
        require_media(session)
        try:
            copies = {media.file: self._copied(media.file) for media in session.media}
        except StemliftError:
            self.undo()
            raise
        return with_media(session, lambda media: replace(media, file=copies[media.file]))

    def undo(self) -> None:
        """Remove the copies that were made here, and the folder if it was."""
        for path in self._made:
            with contextlib.suppress(OSError):
                path.unlink()
        self._made.clear()
        if self._new_folder:
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def _copied(self, file: Path) -> Path:
        if file.resolve().is_relative_to(self.folder.resolve()):
            return file
        self._new_folder |= not self.folder.exists()
        make_folder(self.folder)
        scratch = self.folder / f".{uuid.uuid4().hex}.part"
        try:
            target = self._target(file)
            if not target.exists():
                shutil.copyfile(file, scratch)
                scratch.replace(target)
                self._made.append(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                scratch.unlink()
            full = error.errno == errno.ENOSPC
            raise StemliftError(
                Reason.DISK_FULL if full else Reason.OUTPUT_UNWRITABLE,
                f"{file} cannot be copied to {self.folder}: {error.strerror or error}.",
                "Free some space, or leave the media where they are.",
            ) from error
        return target

    def _target(self, file: Path) -> Path:
        """A name that is free, or that of the same bytes."""
        targets = (self.folder / name for name in copy_names(file))
        return next(
            target
            for target in targets
            if not target.exists() or filecmp.cmp(file, target, shallow=False)
        )
