"""The chunks of Sony Wave64 files: like RIFF, with GUIDs for names and 64-bit sizes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from stemlift.audio.opening import read_at
from stemlift.audio.riff import EXTENSIBLE, RiffError

_MAX_CHUNKS = 10_000
_HEADER = 24


@dataclass(frozen=True, slots=True)
class Wave64:
    """data_offset, data_size: of the samples, in bytes."""

    block_align: int
    channel_mask: int | None
    data_offset: int
    data_size: int


def read_wave64(file: BinaryIO, size: int) -> Wave64:
    """Read the chunks of a file of `size` bytes.

    Raises:
        RiffError: no `fmt ` or `data` chunk, or values that cannot be.
    """
    layout: tuple[int, int | None] | None = None
    offset = 40
    for _ in range(_MAX_CHUNKS):
        header = read_at(file, offset, _HEADER)
        if len(header) < _HEADER:
            break
        name, length = header[:4], struct.unpack_from("<Q", header, 16)[0]
        if length < _HEADER:
            raise RiffError("one of its chunks is shorter than its own header")
        if name == b"fmt " and layout is None:
            layout = _format(read_at(file, offset + _HEADER, 40))
        elif name == b"data":
            if layout is None:
                raise RiffError("it has no fmt chunk before its samples")
            return Wave64(*layout, offset + _HEADER, length - _HEADER)
        offset += length + -length % 8
        if offset >= size:
            break
    raise RiffError("it has no data chunk")


def _format(body: bytes) -> tuple[int, int | None]:
    if len(body) < 16:
        raise RiffError("its fmt chunk is too short")
    tag, align = struct.unpack_from("<H", body)[0], struct.unpack_from("<H", body, 12)[0]
    if align == 0:
        raise RiffError("its fmt chunk names no sample size")
    mask = struct.unpack_from("<I", body, 20)[0] if tag == EXTENSIBLE and len(body) >= 40 else 0
    return align, mask or None
