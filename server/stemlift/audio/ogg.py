"""Ogg pages: which codec a file begins with, whether it ends, how its channels lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from stemlift.audio.opening import read_at

# Vorbis I specification, section 4.3.9, which Opus shares (RFC 7845, section 5.1.1.2):
# for each channel of the WAVE order its place in the Ogg order, and the WAVE mask.
_WAVE_ORDER: dict[int, tuple[tuple[int, ...], int]] = {
    3: ((0, 2, 1), 0x7),
    4: ((0, 1, 2, 3), 0x33),
    5: ((0, 2, 1, 3, 4), 0x37),
    6: ((0, 2, 1, 5, 3, 4), 0x3F),
    7: ((0, 2, 1, 6, 5, 3, 4), 0x70F),
    8: ((0, 2, 1, 7, 5, 6, 3, 4), 0x63F),
}
_PAGE_HEADER = 27
_MAX_PAGE = _PAGE_HEADER + 255 + 255 * 255
_END_OF_STREAM = 4


@dataclass(frozen=True, slots=True)
class OggStart:
    """codec: "VORBIS", "OPUS" or "" for another.

    ordered: whether the channels have the places the specification gives them.
    """

    codec: str
    ordered: bool


def read_ogg_start(file: BinaryIO) -> OggStart:
    page = read_at(file, 0, 512)
    segments = page[26] if len(page) > 26 else 0
    packet = page[_PAGE_HEADER + segments :]
    if packet.startswith(b"\x01vorbis"):
        return OggStart("VORBIS", True)
    if packet.startswith(b"OpusHead"):
        family = packet[18] if len(packet) > 18 else 255
        return OggStart("OPUS", family in (0, 1))
    return OggStart("", True)


def wave_order(channels: int) -> tuple[tuple[int, ...], int] | None:
    """The places to take channels from for the WAVE order, and its mask; None below 3."""
    return _WAVE_ORDER.get(channels)


def ends_properly(file: BinaryIO, size: int) -> bool:
    """Whether the last page is whole and marked as the last of its stream.

    Every encoder must set the mark (RFC 3533, section 6), so without it the file was
    cut at a page. Tags behind the last page do no harm.
    """
    tail_start = max(0, size - 2 * _MAX_PAGE)
    tail = read_at(file, tail_start, size - tail_start)
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + _PAGE_HEADER:
        return False
    table = tail[at + _PAGE_HEADER : at + _PAGE_HEADER + tail[at + 26]]
    whole = len(table) == tail[at + 26] and len(tail) >= at + _PAGE_HEADER + len(table) + sum(table)
    return whole and bool(tail[at + 5] & _END_OF_STREAM)
