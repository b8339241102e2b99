"""Stem files in the making: temporaries first, the depth settled at the end, then the rename.

Everything is written into one hidden folder inside the output folder, on the same file
system, so that a stem appears under its final name by a rename alone.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from stemlift.audio.flac_header import DEFAULT_MASKS
from stemlift.audio.flac_writer import FlacWriter
from stemlift.audio.info import Bext
from stemlift.audio.levels import LevelMeter
from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding
from stemlift.errors import Reason, StemliftError
from stemlift.separation.mix import BLOCK
from stemlift.separation.options import OutputFormat

WORK_PREFIX = ".stemlift-"

# Windows has no quotas with a code of their own.
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR}

_TEMPORARY_TYPES = {None: "<f4", 24: "<i4", 32: "<i8"}


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


class StemTemporary:
    """One stem as raw samples, with its levels, until the depth of the job is known."""

    def __init__(self, path: Path, layout: FileLayout) -> None:
        self.path = path
        self.meter = LevelMeter()
        self.fits = True
        self._layout = layout
        # Integers need room above full scale until it is known that none pass it.
        self._type = _TEMPORARY_TYPES[layout.grid_bits]
        self._file: IO[bytes] = path.open("wb")

    def write(self, block: npt.NDArray[Any]) -> None:
        """Append (frames, channels): int64 on the grid, or float32."""
        bits = self._layout.grid_bits
        if bits is None:
            self.meter.update(block)
        else:
            full, held = 1 << (bits - 1), np.iinfo(self._type)
            lowest, highest = int(block.min()), int(block.max())
            self.fits &= lowest >= -full and highest < full
            if lowest < held.min or highest > held.max:
                block = np.clip(block, held.min, held.max)
            self.meter.update(block / full)
        self._file.write(np.ascontiguousarray(block, dtype=self._type).data)

    def close(self) -> None:
        self._file.close()

    def blocks(self) -> Iterator[npt.NDArray[Any]]:
        """The samples again, (frames, channels)."""
        width = self._layout.channels
        with self.path.open("rb") as file:
            while True:
                data = file.read(BLOCK * width * np.dtype(self._type).itemsize)
                if not data:
                    return
                yield np.frombuffer(data, dtype=self._type).reshape(-1, width)


def settle_encoding(layout: FileLayout, temporaries: list[StemTemporary]) -> Encoding:
    """Integers where the source has them and every stem stays within full scale.

    Raises:
        StemliftError: FORMAT_CANNOT_HOLD where FLAC cannot keep the samples.
    """
    if layout.grid_bits is not None and all(each.fits for each in temporaries):
        return Encoding.PCM_24 if layout.grid_bits == 24 else Encoding.PCM_32
    if layout.format is OutputFormat.FLAC:
        raise StemliftError(
            Reason.FORMAT_CANNOT_HOLD,
            "A stem passes full scale, and FLAC cannot hold that without changing its level.",
            "Use --format wav, which becomes 32-bit float.",
        )
    return Encoding.FLOAT


def write_final(
    temporary: StemTemporary,
    path: Path,
    layout: FileLayout,
    encoding: Encoding,
    advance: Callable[[int], None],
) -> None:
    """Write one finished stem file and flush it to the disk.

    advance: called with the frames of each block before it is written; what it raises
        leaves an unfinished file.
    """
    with _writer(path, layout, encoding) as writer:
        for block in temporary.blocks():
            advance(len(block))
            if encoding is Encoding.FLOAT and layout.grid_bits is not None:
                writer.write((block * 0.5 ** (layout.grid_bits - 1)).astype(np.float32))
            else:
                writer.write(block if encoding is Encoding.FLOAT else block.astype(np.int32))


def _writer(path: Path, layout: FileLayout, encoding: Encoding) -> BroadcastWavWriter | FlacWriter:
    if layout.format is OutputFormat.FLAC:
        return FlacWriter(path, layout.sample_rate, layout.channels)
    return BroadcastWavWriter(
        path, layout.sample_rate, layout.channels, encoding, layout.channel_mask, layout.bext
    )


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
    samples = frames * layout.channels
    kept = np.dtype(_TEMPORARY_TYPES[layout.grid_bits]).itemsize
    needed = samples * (stems * kept + 4)
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
