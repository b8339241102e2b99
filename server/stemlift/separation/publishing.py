"""Giving finished files their final names."""

from __future__ import annotations

import os
from pathlib import Path

from stemlift.errors import Reason, StemliftError


def publish(moves: list[tuple[Path, Path]], *, replace: bool) -> None:
    """Give finished files their final names.

    Args:
        moves: (finished file, final path), on one file system.
        replace: whether an existing file may be replaced.

    Raises:
        StemliftError: OUTPUT_EXISTS for the first name that is taken; the names given before
            are taken back.
    """
    done: list[Path] = []
    try:
        for finished, final in moves:
            if replace:
                finished.replace(final)
            else:
                _rename_new(finished, final)
            done.append(final)
    except BaseException:
        if not replace:
            for final in done:
                final.unlink(missing_ok=True)
        raise
    if moves and os.name == "posix":
        folder = os.open(moves[0][1].parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _rename_new(finished: Path, final: Path) -> None:
    """Rename without ever replacing: by a hard link where the file system has them."""
    try:
        os.link(finished, final)
    except FileExistsError as error:
        raise output_exists(final) from error
    except (OSError, NotImplementedError) as error:
        if final.exists():
            raise output_exists(final) from error
        finished.rename(final)
    else:
        finished.unlink()


def output_exists(path: Path) -> StemliftError:
    return StemliftError(
        Reason.OUTPUT_EXISTS,
        f"{path} exists already and was left as it is.",
        "Use --overwrite to replace it, or choose another folder with --out.",
    )
