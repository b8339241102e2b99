"""The chunks of AIFF and AIFF-C files that say how much sound there should be."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from stemlift.audio.opening import read_at
from stemlift.audio.riff import RiffError

_MAX_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class Aiff:
    """frames: as COMM says. sound_end: first byte after the SSND chunk, None without one."""

    channels: int
    frames: int
    bits: int
    sound_end: int | None


def read_aiff(file: BinaryIO, size: int) -> Aiff:
    """Read the chunks of a file of `size` bytes.

    Raises:
        RiffError: no COMM chunk, or values that cannot be.
    """
    common: tuple[int, int, int] | None = None
    sound_end: int | None = None
    offset = 12
    for _ in range(_MAX_CHUNKS):
        header = read_at(file, offset, 8)
        if len(header) < 8:
            break
        name, length = struct.unpack(">4sI", header)
        if name == b"COMM" and common is None:
            body = read_at(file, offset + 8, 8)
            if len(body) < 8:
                raise RiffError("its COMM chunk is too short")
            common = struct.unpack(">HIH", body)
        elif name == b"SSND" and sound_end is None:
            sound_end = offset + 8 + length
        offset += 8 + length + length % 2
        if offset >= size:
            break
    else:
        raise RiffError("it has more chunks than any sound file needs")
    if common is None:
        raise RiffError("it has no COMM chunk")
    channels, frames, bits = common
    if channels == 0:
        raise RiffError("its COMM chunk names no channels")
    return Aiff(channels, frames, bits, sound_end)
