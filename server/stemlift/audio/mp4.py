"""How long the sound of an MP4 or QuickTime file is, to the sample.

FFmpeg rounds the end of an edit to the movie's clock (often milliseconds) and leaves
an encoder's padding in place, so the boxes are read here (ISO/IEC 14496-12) and the
reader trims by them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from stemlift.audio.opening import read_at

_MAX_BOXES = 10_000
_MAX_TABLE = 1 << 24


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """One sound track, times in units of its timescale.

    start: media time at which its edit starts (what comes before is an encoder's priming).
    length: from there to the end of what is to be heard.
    has_edit: whether the file said so; without, start is 0.
    """

    timescale: int
    start: int
    length: int
    has_edit: bool


@dataclass(frozen=True, slots=True)
class Mp4:
    """track: the first sound track; None where the boxes do not tell its length
    (fragments, several edits)."""

    track: SoundTrack | None
    cut_short: bool


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its kind, and the body's place in the file from `start` to before `end`."""

    kind: bytes
    start: int
    end: int


def read_mp4(file: BinaryIO, size: int) -> Mp4:
    """Read the boxes of a file of `size` bytes. Nonsense gives `track=None`."""
    cut_short, movie = False, None
    for box in boxes(file, 0, size):
        if box.end > size:
            cut_short = True
        if box.kind == b"moov" and movie is None:
            movie = box
    if movie is None:
        return Mp4(None, cut_short)
    try:
        return Mp4(next(_sound_tracks(file, movie, size), None), cut_short)
    except (struct.error, ValueError):
        # Boxes too short for what they should hold; FFmpeg decides whether it can play.
        return Mp4(None, cut_short)


def sound_tracks(file: BinaryIO, movie: Box, size: int) -> tuple[SoundTrack | None, ...]:
    """The sound tracks in the box `moov`, in order; None for one that tells no length."""
    try:
        return tuple(_sound_tracks(file, movie, size))
    except (struct.error, ValueError):
        return ()


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes that follow each other from `start` to `end`; ends where they make no sense."""
    for _ in range(_MAX_BOXES):
        header = read_at(file, start, 16) if start + 8 <= end else b""
        if len(header) < 8:
            return
        length, kind = struct.unpack(">I4s", header[:8])
        body = start + 8
        if length == 1:
            if len(header) < 16:
                return
            length, body = struct.unpack(">Q", header[8:])[0], start + 16
        elif length == 0:
            length = end - start
        if length < body - start:
            return
        yield Box(kind, body, start + length)
        start += length


def child(file: BinaryIO, parent: Box, size: int, *path: bytes) -> Box | None:
    """The box that `path` leads to, kind by kind, from `parent` down."""
    for kind in path:
        limit = min(parent.end, size)
        found = next((box for box in boxes(file, parent.start, limit) if box.kind == kind), None)
        if found is None:
            return None
        parent = found
    return parent


def body_of(file: BinaryIO, box: Box) -> bytes:
    """What the box holds, at most 16 MiB of it."""
    return read_at(file, box.start, min(box.end - box.start, _MAX_TABLE))


def _sound_tracks(file: BinaryIO, movie: Box, size: int) -> Iterator[SoundTrack | None]:
    header = child(file, movie, size, b"mvhd")
    if header is None:
        return
    movie_scale = _timescale(body_of(file, header))
    for track in boxes(file, movie.start, min(movie.end, size)):
        if track.kind != b"trak":
            continue
        handler = child(file, track, size, b"mdia", b"hdlr")
        if handler is None or read_at(file, handler.start + 8, 4) != b"soun":
            continue
        clock = child(file, track, size, b"mdia", b"mdhd")
        times = child(file, track, size, b"mdia", b"minf", b"stbl", b"stts")
        if clock is None or times is None:
            yield None
            continue
        edits = child(file, track, size, b"edts", b"elst")
        yield _apply_edits(
            _timescale(body_of(file, clock)),
            _total(body_of(file, times)),
            _edits(body_of(file, edits)) if edits is not None else [],
            movie_scale,
        )


def _apply_edits(
    timescale: int, total: int, edits: list[tuple[int, int, int]], movie_scale: int
) -> SoundTrack | None:
    if total == 0 or timescale == 0 or movie_scale == 0:
        return None
    # An edit of media time -1 is a pause before the sound, which starts the file here.
    heard = [edit for edit in edits if edit[1] >= 0]
    if not heard:
        return SoundTrack(timescale, 0, total, has_edit=False)
    if len(heard) > 1:
        return None
    duration, start, rate = heard[0]
    length = total - start
    if length <= 0 or rate != 0x10000:
        return None
    # The movie's clock is coarse: only an end that is earlier by more than one of its
    # ticks was meant to be earlier.
    tick = -(-timescale // movie_scale)
    edited = (duration * timescale + movie_scale // 2) // movie_scale
    if duration and edited + tick < length:
        length = edited
    return SoundTrack(timescale, start, length, has_edit=True)


def _timescale(body: bytes) -> int:
    offset = 20 if body[:1] == b"\x01" else 12
    return int(struct.unpack_from(">I", body, offset)[0])


def _total(body: bytes) -> int:
    count = struct.unpack_from(">I", body, 4)[0]
    entries = body[8 : 8 + 8 * count]
    if len(entries) < 8 * count:
        raise ValueError("stts is cut short")
    return sum(samples * delta for samples, delta in struct.iter_unpack(">II", entries))


def _edits(body: bytes) -> list[tuple[int, int, int]]:
    count = struct.unpack_from(">I", body, 4)[0]
    layout = ">QqI" if body[:1] == b"\x01" else ">IiI"
    width = struct.calcsize(layout)
    entries = body[8 : 8 + width * count]
    if len(entries) < width * count:
        raise ValueError("elst is cut short")
    return [(edit[0], edit[1], edit[2]) for edit in struct.iter_unpack(layout, entries)]
