"""The chunks of WAV, RF64 and BW64 files.

Sources: Microsoft's "Multiple Channel Audio Data and WAVE Files" (fmt), EBU Tech 3306
(RF64), ITU-R BS.2088 (BW64), EBU Tech 3285 (bext). Sizes come from the file and are
never trusted: nothing is read or allocated by a size beyond a fixed bound.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from stemlift.audio.info import Bext
from stemlift.audio.opening import read_at

UNKNOWN_SIZE = 0xFFFFFFFF
EXTENSIBLE = 0xFFFE
_MAX_CHUNKS = 10_000
_MAX_BEXT = 1 << 20
_BEXT_TIME_REFERENCE = 338
_BEXT_MINIMUM = 602


class RiffError(Exception):
    """The chunks make no sense; the message says which."""


@dataclass(frozen=True, slots=True)
class Format:
    """The `fmt ` chunk. bits: of the container a sample is stored in."""

    tag: int
    channels: int
    sample_rate: int
    block_align: int
    bits: int
    channel_mask: int | None


@dataclass(frozen=True, slots=True)
class Data:
    """Where the samples lie, in bytes.

    size: what the file says, None where its writer never filled it in.
    size_field: offset and width of the number that says so.
    """

    offset: int
    size: int | None
    size_field: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Riff:
    """form: b"RIFF", b"RF64" or b"BW64".

    odd_chunks: offset of the 32-bit size and that size, of the chunks before the data
        whose size is odd; a pad byte follows them.
    """

    form: bytes
    format: Format
    data: Data
    bext: Bext | None
    odd_chunks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Ds64:
    data_size: int
    field: int
    table: dict[bytes, int]


def read_riff(file: BinaryIO, size: int) -> Riff:
    """Read the chunks of a file of `size` bytes.

    A data size of 0xFFFFFFFF (a stream that could not be rewound), or of 0 in a header
    that was never finished (a recorder that crashed), counts as unknown.

    Raises:
        RiffError: no `fmt ` or `data` chunk, or values that cannot be.
    """
    form = read_at(file, 0, 4)
    riff_size = struct.unpack("<I", read_at(file, 4, 4))[0]
    wide: _Ds64 | None = None
    layout: Format | None = None
    data: Data | None = None
    bext: Bext | None = None
    odd_chunks: list[tuple[int, int]] = []
    offset = 12
    for _ in range(_MAX_CHUNKS):
        header = read_at(file, offset, 8)
        if len(header) < 8:
            break
        name, length = struct.unpack("<4sI", header)
        body = offset + 8
        if name == b"ds64" and form != b"RIFF":
            wide = _ds64(read_at(file, body, min(length, 28 + 12 * 1000)), body)
        elif name == b"fmt " and layout is None:
            layout = _format(read_at(file, body, min(length, 64)))
        elif name == b"bext" and bext is None:
            bext = _bext(read_at(file, body, length)) if length <= _MAX_BEXT else None
        elif name == b"data" and data is None:
            data = _data(body, length, wide, riff_size, size)
            if data.size is None:
                break
            length = data.size
        elif length == UNKNOWN_SIZE and wide is not None:
            length = wide.table.get(name, length)
        if length % 2 and data is None:
            odd_chunks.append((body - 4, length))
        offset = body + length + length % 2
        if offset >= size:
            break
    else:
        raise RiffError("it has more chunks than any sound file needs")
    if layout is None:
        raise RiffError("it has no fmt chunk before its end")
    if data is None:
        raise RiffError("it has no data chunk")
    return Riff(form, layout, data, bext, tuple(odd_chunks))


def _data(body: int, length: int, wide: _Ds64 | None, riff_size: int, size: int) -> Data:
    if wide is not None and length == UNKNOWN_SIZE:
        known = wide.data_size if wide.data_size not in (0, 2**64 - 1) else None
        if known is None and size <= body:
            known = 0
        return Data(body, known, (wide.field, 8))
    field = (body - 4, 4)
    if length == UNKNOWN_SIZE:
        return Data(body, None, field)
    finished = abs(riff_size + 8 - size) <= 1
    if length == 0 and size > body and not finished:
        return Data(body, None, field)
    return Data(body, length, field)


def _ds64(body: bytes, offset: int) -> _Ds64:
    if len(body) < 28:
        raise RiffError("its ds64 chunk is too short")
    _, data_size, _, count = struct.unpack_from("<QQQI", body)
    table: dict[bytes, int] = {}
    for at in range(28, min(len(body), 28 + 12 * count) - 11, 12):
        name, length = struct.unpack_from("<4sQ", body, at)
        table[name] = length
    return _Ds64(data_size, offset + 8, table)


def _format(body: bytes) -> Format:
    if len(body) < 16:
        raise RiffError("its fmt chunk is too short")
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", body)
    mask: int | None = None
    if tag == EXTENSIBLE:
        if len(body) < 40:
            raise RiffError("its extensible fmt chunk is too short")
        mask, tag = struct.unpack_from("<IH", body, 20)
    if channels == 0 or align == 0 or rate == 0:
        raise RiffError("its fmt chunk names no channels, no rate or no sample size")
    return Format(tag, channels, rate, align, bits, mask or None)


def _bext(body: bytes) -> Bext | None:
    if len(body) < _BEXT_MINIMUM:
        return None
    low, high = struct.unpack_from("<II", body, _BEXT_TIME_REFERENCE)
    return Bext(low | high << 32, body)
