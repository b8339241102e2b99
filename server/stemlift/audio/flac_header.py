"""The metadata blocks at the head of a FLAC stream (RFC 9639)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from stemlift.audio.opening import read_at
from stemlift.audio.riff import RiffError

# RFC 9639, section 9.1.3: the channel order is that of WAVE files.
DEFAULT_MASKS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
_MASK_TAG = re.compile(rb"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x([0-9A-F]{1,8})", re.IGNORECASE)
_MAX_BLOCKS = 1000
_MAX_COMMENTS = 1 << 20


@dataclass(frozen=True, slots=True)
class FlacHeader:
    """frames: None where the encoder did not know it."""

    sample_rate: int
    channels: int
    bits: int
    frames: int | None
    channel_mask: int | None


def read_flac_header(file: BinaryIO, start: int) -> FlacHeader:
    """Read the blocks that follow the `fLaC` mark at `start`.

    Raises:
        RiffError: no STREAMINFO.
    """
    info: FlacHeader | None = None
    mask: int | None = None
    offset = start + 4
    for _ in range(_MAX_BLOCKS):
        header = read_at(file, offset, 4)
        if len(header) < 4:
            break
        kind, length = header[0] & 0x7F, int.from_bytes(header[1:], "big")
        if kind == 0 and info is None:
            info = parse_stream_info(read_at(file, offset + 4, 34))
        elif kind == 4 and mask is None:
            found = _MASK_TAG.search(read_at(file, offset + 4, min(length, _MAX_COMMENTS)))
            mask = int(found[1], 16) if found else None
        offset += 4 + length
        if header[0] & 0x80:
            break
    if info is None:
        raise RiffError("it has no STREAMINFO block")
    return FlacHeader(
        info.sample_rate, info.channels, info.bits, info.frames, mask or info.channel_mask
    )


def parse_stream_info(body: bytes) -> FlacHeader:
    """Parse the 34 bytes of STREAMINFO.

    Raises:
        RiffError: too few bytes.
    """
    if len(body) < 34:
        raise RiffError("its STREAMINFO block is too short")
    packed = struct.unpack_from(">Q", body, 10)[0]
    channels = (packed >> 41 & 0x7) + 1
    return FlacHeader(
        sample_rate=packed >> 44,
        channels=channels,
        bits=(packed >> 36 & 0x1F) + 1,
        frames=packed & (1 << 36) - 1 or None,
        channel_mask=DEFAULT_MASKS[channels] if channels > 2 else None,
    )
