"""The outbox as a place: whether it is there, and what of ours lies in it unseen.

An outbox on a share that is not mounted must not be made anew on the local disk below the
mount point, where nobody would look for stems. So it is made once, and marked; afterwards it
has to be there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.watch.ignored import OUTBOX_MARKER
from stemlift.watch.ledger import Ledger
from stemlift.watch.manifest import write_whole

MARKER = OUTBOX_MARKER
_HIDDEN = ".stemlift-watch-"
_MARK = b"An outbox of Stemlift. This file tells it from an empty mount point.\n"

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR}


class Outbox:
    """An outbox, and the hidden folders in which this ledger's results are made."""

    def __init__(self, path: Path, inbox: str, ledger: Ledger) -> None:
        self.path = path
        self._inbox = inbox
        self._ledger = ledger
        self._prefix = f"{_HIDDEN}{ledger.id}-"

    def open(self) -> None:
        """See that it is there; make it where it never was.

        Raises:
            StemliftError: OUTBOX_UNUSABLE, which passes when it is there again.
        """
        facts = self._ledger.describe(self._inbox, str(self.path))
        with self.explained():
            if not facts.outbox_device:
                self.path.mkdir(parents=True, exist_ok=True)
            try:
                device = str(self.path.stat().st_dev)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise self._away("it is not there") from error
            if not os.path.lexists(self.path / MARKER):
                if facts.outbox_device and device != facts.outbox_device:
                    raise self._away("another folder is in its place, which seems to be empty")
                write_whole(self.path / MARKER, _MARK)
        if device != facts.outbox_device:
            self._ledger.describe(self._inbox, str(self.path), outbox_device=device)

    def staging(self, key: str) -> Path:
        """The hidden folder of a result in the making."""
        return self.path / f"{self._prefix}{key}"

    def raw(self, key: str) -> Path:
        """Where the server writes the stems; apart, since it may tidy up there later."""
        return self.path / f"{self._prefix}{key}.raw"

    def aside(self, key: str) -> Path:
        """Where the result is kept that the one with this key replaces."""
        return self.path / f"{self._prefix}{key}.former"

    def sweep(self) -> None:
        """Remove what is left of results that nobody makes any more."""
        # Listed first: a key is in the ledger before its folder is here.
        found = {path: key for path in self._hidden() if (key := self._key(path))}
        wanted: Set[str] = self._ledger.keys()
        for path, key in found.items():
            if key not in wanted:
                remove_tree(path)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the system's errors in the outbox into ours.

        Raises:
            StemliftError: OUTBOX_UNUSABLE, DISK_FULL, OUTPUT_UNWRITABLE, WRITE_FAILED.
        """
        try:
            yield
        except OSError as error:
            raise self._explain(error) from error

    def _explain(self, error: OSError) -> StemliftError:
        why = error.strerror or type(error).__name__
        shown = display_name(self.path)
        if error.errno in _FULL:
            return StemliftError(
                Reason.DISK_FULL,
                f"There is no room left in the outbox {shown}.",
                "Free some space; work then goes on by itself.",
            )
        if not self.path.is_dir():
            return self._away("it is not there")
        if error.errno in _DENIED:
            return StemliftError(
                Reason.OUTPUT_UNWRITABLE,
                f"The outbox {shown} cannot be written: {why}.",
                "Allow this user to write there; work then goes on by itself.",
            )
        return StemliftError(
            Reason.WRITE_FAILED,
            f"Writing in the outbox {shown} failed: {why}.",
            "Check that its drive is connected and healthy.",
        )

    def _away(self, why: str) -> StemliftError:
        return StemliftError(
            Reason.OUTBOX_UNUSABLE,
            f"The outbox {display_name(self.path)} cannot be used: {why}.",
            "Connect its drive or share, or make the folder again; work then goes on by itself."
            f" A folder that shall be a new outbox needs an empty file {MARKER} in it.",
        )

    def _hidden(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return [Path(entry.path) for entry in os.scandir(self.path)]
        return []

    def _key(self, path: Path) -> str:
        if not path.name.startswith(self._prefix):
            return ""
        return path.name.removeprefix(self._prefix).partition(".")[0]


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it; what cannot be removed now stays for the next sweep."""
    shutil.rmtree(path, ignore_errors=True)
