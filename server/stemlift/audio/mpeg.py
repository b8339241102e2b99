"""MPEG audio frame headers and the Xing/Info frame (ISO/IEC 11172-3, 13818-3)."""

from __future__ import annotations

_BITRATES = {
    # (MPEG-1, layer) -> kbit/s by index
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44100, 48000, 32000)
_CONSECUTIVE = 3


def frame_length(header: bytes) -> int | None:
    """Bytes of the MPEG audio frame that begins with these four, None if none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer_bits = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer_bits == 0 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    first, layer = version == 3, 4 - layer_bits
    rate = _RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _BITRATES[first, layer][bitrate_index] * 1000
    if layer == 1:
        return (12 * bits // rate + padding) * 4
    slots = 72 if layer == 3 and not first else 144
    return slots * bits // rate + padding


def begins_with_frames(data: bytes) -> bool:
    """Whether several frames follow one another from the first byte of `data`.

    Frames beyond the end of `data` are taken on trust, the first excepted.
    """
    at = 0
    for count in range(_CONSECUTIVE):
        if count and at + 4 > len(data):
            return True
        length = frame_length(data[at : at + 4])
        if length is None:
            return False
        at += length
    return True


def counted_lengths(frame: bytes) -> frozenset[int]:
    """The lengths in samples that a Xing or Info frame may mean, none without a count.

    The LAME extension gives the encoder's delay and padding, to be taken off where it
    is there; whether it is, is left to the decoder.
    """
    for mark in (b"Xing", b"Info"):
        at = frame.find(mark, 4, 200)
        if at < 0 or len(frame) < at + 12 or not frame[at + 7] & 1:
            continue
        flags = frame[at + 7]
        total = int.from_bytes(frame[at + 8 : at + 12], "big") * _samples(frame)
        tag = at + 12 + 4 * bool(flags & 2) + 100 * bool(flags & 4) + 4 * bool(flags & 8)
        trim = int.from_bytes(frame[tag + 21 : tag + 24], "big")
        return frozenset({total, total - (trim >> 12) - (trim & 0xFFF)})
    return frozenset()


def _samples(header: bytes) -> int:
    """Samples in the frame that begins with this header."""
    first, layer = header[1] >> 3 & 3 == 3, 4 - (header[1] >> 1 & 3)
    return 384 if layer == 1 else 576 if layer == 3 and not first else 1152


def is_adts(data: bytes) -> bool:
    """Whether several AAC frames with ADTS headers follow one another (ISO/IEC 13818-7)."""
    at = 0
    for count in range(_CONSECUTIVE):
        if count and at + 7 > len(data):
            return True
        header = data[at : at + 7]
        if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
            return False
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        if length < 7:
            return False
        at += length
    return True
