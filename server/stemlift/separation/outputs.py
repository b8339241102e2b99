"""Where stem files are made, what they can hold, and what a disk says against it.

Everything is written into one hidden folder inside the output folder, on the same file
system, so that a stem appears under its final name by a rename alone.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stemlift.audio.flac_header import DEFAULT_MASKS
from stemlift.audio.info import Bext
from stemlift.errors import Reason, StemliftError
from stemlift.separation.options import OutputFormat

WORK_PREFIX = ".stemlift-"

# Windows has no quotas with a code of their own.
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR}

_LARGEST_SAMPLE = 4
"""Bytes."""


@dataclass(frozen=True, slots=True)
class FileLayout:
    """What all stem files of a job share.

    grid_bits: 24 or 32 for an integer source, None for a float one.
    """

    sample_rate: int
    channels: int
    channel_mask: int | None
    grid_bits: int | None
    bext: Bext | None
    format: OutputFormat


def check_format(layout: FileLayout) -> None:
    """Raises StemliftError (FORMAT_CANNOT_HOLD) where FLAC cannot hold such stems."""
    if layout.format is not OutputFormat.FLAC:
        return
    if layout.grid_bits is None:
        what = "samples of a float or lossy source, which stay 32-bit float"
    elif layout.grid_bits == 32:
        what = "32-bit samples"
    elif layout.channels > 8:
        what = f"{layout.channels} channels"
    elif layout.channel_mask and layout.channel_mask != DEFAULT_MASKS[layout.channels]:
        what = (
            f"the speaker places {layout.channel_mask:#x}: its {layout.channels} channels "
            f"always have the places {DEFAULT_MASKS[layout.channels]:#x}"
        )
    else:
        return
    raise StemliftError(Reason.FORMAT_CANNOT_HOLD, f"FLAC cannot hold {what}.", "Use --format wav.")


def check_room(folder: Path, layout: FileLayout, frames: int, stems: int) -> None:
    """Refuse a job that the disk plainly cannot hold, before the work is done.

    Raises:
        StemliftError: DISK_FULL.
    """
    # One stem more: where stems become float files, one after the other is there twice.
    needed = frames * layout.channels * (stems + 1) * _LARGEST_SAMPLE
    with explained(folder):
        free = shutil.disk_usage(folder).free
    if free < needed:
        raise StemliftError(
            Reason.DISK_FULL,
            f"The stems need about {needed / 1e6:.0f} MB in {_users_folder(folder)} while they "
            f"are made, and {free / 1e6:.0f} MB are free.",
            "Free some space or choose another folder with --out, then start again.",
        )


def work_folder(output_folder: Path, job: str) -> Path:
    """The hidden folder that holds a job's unfinished files."""
    return output_folder / f"{WORK_PREFIX}{job}"


def remove_work(folder: Path) -> None:
    """Remove a job's unfinished files; nothing happens where there are none."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn the system's errors while writing into ours.

    Raises:
        StemliftError: DISK_FULL, OUTPUT_UNWRITABLE or WRITE_FAILED.
    """
    try:
        yield
    except OSError as error:
        raise _write_error(folder, error) from error


def _write_error(work: Path, error: OSError) -> StemliftError:
    folder = _users_folder(work)
    # A name outside the hidden folder is a final one: the file that is in the way.
    named = Path(os.fsdecode(error.filename2 or error.filename or work))
    place = folder if _is_hidden(named) or _is_hidden(named.parent) else named
    why = os.strerror(error.errno) if error.errno else str(error)
    # EFBIG is a size limit on files; to the user it is the same wall.
    if error.errno in _FULL:
        return StemliftError(
            Reason.DISK_FULL,
            f"There was no room left for the stems in {folder}.",
            "Free some space or choose another folder with --out, then start again.",
        )
    if error.errno in _DENIED:
        return StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{place} cannot be written: {why}.",
            "Close the file in other programs, or choose another folder with --out.",
        )
    if error.errno == errno.ENOENT:
        return StemliftError(
            Reason.WRITE_FAILED,
            f"The folder {folder} was removed or disconnected while the stems were written.",
            "Put it back or connect its drive, then start again.",
        )
    return StemliftError(
        Reason.WRITE_FAILED,
        f"Writing {place} failed: {why}.",
        "Check that the drive is connected and healthy, then start again.",
    )


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(WORK_PREFIX)


def _users_folder(folder: Path) -> Path:
    """The folder as the user named it, without the hidden one inside."""
    return folder.parent if _is_hidden(folder) else folder
