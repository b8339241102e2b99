"""Giving finished files their final names, and telling afterwards whose a final file is."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.system.whole import flush_folder


@dataclass(frozen=True, slots=True)
class Move:
    """A finished file and its final path, on one file system."""

    finished: Path
    final: Path

    @property
    def done(self) -> bool:
        """Whether the file under the final name is the finished one.

        Exact for moves that were begun: a rename takes the finished file away, and between
        linking and unlinking both names are one file.
        """
        if not os.path.lexists(self.finished):
            return os.path.lexists(self.final)
        with contextlib.suppress(OSError):
            return self.finished.samefile(self.final)
        return False

    @property
    def former(self) -> Path:
        """Where the file that is being replaced is kept until the job has succeeded."""
        return self.finished.with_name(f"{self.finished.name}.former")

    @property
    def lost(self) -> bool:
        """Whether the file is under neither name."""
        return not os.path.lexists(self.finished) and not os.path.lexists(self.final)


def publish(moves: Sequence[Move], *, overwrite: bool) -> None:
    """Give finished files their final names; what was done of it before is kept.

    Raises:
        StemliftError: OUTPUT_EXISTS for the first name that is taken. Whatever is raised, then
            none of the names is given, and what had one of them before has it again.
    """
    try:
        for move in moves:
            if move.done:
                move.finished.unlink(missing_ok=True)
            elif overwrite:
                _replace(move)
            else:
                _rename_new(move)
    except BaseException:
        take_back(moves)
        raise
    flush_folder(moves[0].final.parent)


def take_back(moves: Sequence[Move]) -> None:
    """Undo moves: finished files go back, and what they replaced has its name again.

    Somebody else's files stay. Doing it twice changes nothing.
    """
    for move in moves:
        # A folder that can no longer be written keeps its files, whatever we want.
        with contextlib.suppress(OSError):
            if move.done and os.path.lexists(move.finished):
                move.final.unlink()
            elif move.done:
                move.final.rename(move.finished)
            if os.path.lexists(move.former) and not os.path.lexists(move.final):
                move.former.rename(move.final)


def _replace(move: Move) -> None:
    """Rename over what has the name; that is kept aside, by a second name where it can be."""
    if os.path.lexists(move.final) and not os.path.lexists(move.former):
        if move.final.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(move.final))
        try:
            os.link(move.final, move.former, follow_symlinks=False)
        except (OSError, NotImplementedError):
            move.final.rename(move.former)
    move.finished.replace(move.final)


def _rename_new(move: Move) -> None:
    """Rename without ever replacing: by a hard link where the file system has them."""
    try:
        os.link(move.finished, move.final)
    except FileExistsError as error:
        raise output_exists(move.final) from error
    except (OSError, NotImplementedError) as error:
        if os.path.lexists(move.final):
            raise output_exists(move.final) from error
        move.finished.rename(move.final)
    else:
        move.finished.unlink()


def output_exists(path: Path) -> StemliftError:
    return StemliftError(
        Reason.OUTPUT_EXISTS,
        f"{path} exists already and was left as it is.",
        "Use --overwrite to replace it, or choose another folder with --out.",
    )
