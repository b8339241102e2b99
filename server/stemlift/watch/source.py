"""The song that is being worked on, which may change or go at any moment."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from stemlift.audio.problems import display_name, unreadable
from stemlift.errors import Reason, StemliftError
from stemlift.watch.entry import Entry
from stemlift.watch.manifest import hash_file

_LOOK_SECONDS = 1.0


class GoneError(Exception):
    """The song is no longer there."""


class ChangedError(Exception):
    """The song is not what it was when it was taken."""


class Source:
    """A song of an inbox, as the entry has it.

    beat: called often; what it raises ends whatever is being done.
    """

    def __init__(self, entry: Entry, beat: Callable[[], None]) -> None:
        self.path = Path(entry.inbox, *entry.path.split("/"))
        self._inbox = Path(entry.inbox)
        self._stamp = (entry.size, entry.mtime_ns)
        self._beat = beat
        self._looked = time.monotonic()

    def check(self) -> None:
        """Raises GoneError, ChangedError or StemliftError (INBOX_MISSING, FILE_UNREADABLE)."""
        self._looked = time.monotonic()
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            if not self._inbox.is_dir():
                raise _inbox_missing(self._inbox) from error
            raise GoneError from error
        except OSError as error:
            raise unreadable(self.path, error.strerror or str(error)) from error
        if (status.st_size, status.st_mtime_ns) != self._stamp:
            raise ChangedError

    def beat(self) -> None:
        """Called often while the song is worked on; looks at it once a second."""
        self._beat()
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self.check()

    def hash(self) -> str:
        """SHA-256 of its content. Raises as `check`."""
        self.check()
        try:
            digest = hash_file(self.path, self.beat)
        except OSError as error:
            self.check()
            raise unreadable(self.path, error.strerror or str(error)) from error
        self.check()
        return digest

    def move(self, target: Path) -> None:
        """Move the song, or the link to it, to `target`; never over anything.

        Repeated after a crash it goes on. Raises FileExistsError where something else has
        that name, OSError where the system refuses.
        """
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            # Another name for the song would not help.
            raise NotADirectoryError(errno.ENOTDIR, "a file is in the way", str(target)) from error
        if os.path.lexists(target):
            if not self._one_file_with(target):
                raise FileExistsError(f"{target} is there already")
        else:
            try:
                os.link(self.path, target, follow_symlinks=False)
            except FileExistsError:
                raise
            except (OSError, NotImplementedError):
                # A file system without hard links. Windows never renames over a file.
                self.path.rename(target)
                return
        self.path.unlink()

    def _one_file_with(self, target: Path) -> bool:
        """Whether a crash came between linking and unlinking."""
        try:
            mine, other = self.path.lstat(), target.lstat()
        except OSError:
            return False
        return (mine.st_dev, mine.st_ino) == (other.st_dev, other.st_ino) and mine.st_nlink > 1


def _inbox_missing(inbox: Path) -> StemliftError:
    return StemliftError(
        Reason.INBOX_MISSING,
        f"The inbox {display_name(inbox)} is not there.",
        "Connect its drive or share; work then goes on by itself.",
    )
