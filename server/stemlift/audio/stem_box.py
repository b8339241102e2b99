"""The `stem` box that makes an MP4 file a Native Instruments stem file.

The format: an MP4 file of five stereo tracks, the mix first, and under `moov/udta` a box
`stem` of JSON: a version, the name and colour of the four stems in the order of their
tracks, and what a player may do to their sum (compressor and limiter, here switched off).
https://www.native-instruments.com/en/specials/stems/
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from stemlift.audio import problems
from stemlift.audio.mp4 import Box, SoundTrack, body_of, boxes, child, sound_tracks
from stemlift.audio.opening import open_regular


@dataclass(frozen=True, slots=True)
class NamedStem:
    """A stem as players show it; colour as "#RRGGBB", "" where the file has none."""

    name: str
    colour: str


# The order and the colours that Native Instruments' own tools give, which players know.
STEMS = (
    NamedStem("Drums", "#009E73"),
    NamedStem("Bass", "#D55E00"),
    NamedStem("Other", "#CC79A7"),
    NamedStem("Vocals", "#56B4E9"),
)

# A player wants these numbers to be there; `enabled` keeps it from using them.
_MASTERING = {
    "compressor": {
        "enabled": False,
        "input_gain": 0.0,
        "output_gain": 0.0,
        "threshold": 0.0,
        "dry_wet": 50,
        "attack": 0.003,
        "release": 0.3,
        "ratio": 3.0,
        "hp_cutoff": 300,
    },
    "limiter": {"enabled": False, "threshold": 0.0, "ceiling": -0.35, "release": 0.05},
}


@dataclass(frozen=True, slots=True)
class StemBox:
    """A stem file, as its boxes tell it.

    stems: without the mix, in the order of their tracks.
    tracks: all sound tracks, the mix first; None for one that tells no length.
    """

    version: int
    stems: tuple[NamedStem, ...]
    tracks: tuple[SoundTrack | None, ...]


def append_stem_box(file: BinaryIO, stems: tuple[NamedStem, ...] = STEMS) -> None:
    """Add the box to an MP4 file, open for reading and writing, that ends with its `moov`.

    Sound is found by its place in the file (the boxes stco and co64 count from the file's
    start), so whatever grows ahead of it would move it away from where these point. Behind
    it, as FFmpeg writes it, `moov` can grow freely: the box goes to the end of the file,
    and the boxes around it get their new length.

    Raises:
        ValueError: the file is of another make; nothing was written.
        OSError: the system refuses.
    """
    size = file.seek(0, 2)
    movie = _last(file, 0, size)
    if movie.kind != b"moov":
        raise ValueError("the file does not end with its moov")
    text = json.dumps(
        {
            "mastering_dsp": _MASTERING,
            "version": 1,
            "stems": [{"name": stem.name, "color": stem.colour} for stem in stems],
        },
        separators=(",", ":"),
    )
    box = _box(b"stem", text.encode())
    last = _last(file, movie.start, movie.end)
    grown = [movie]
    if last.kind == b"udta":
        grown.append(last)
    elif child(file, movie, size, b"udta") is None:
        box = _box(b"udta", box)
    else:
        raise ValueError("the moov does not end with its udta")
    file.seek(size)
    file.write(box)
    for each in grown:
        file.seek(each.start - 8)
        file.write(struct.pack(">I", each.end - each.start + 8 + len(box)))


def read_stem_box(path: Path) -> StemBox | None:
    """What `path` says of its stems; None where it is no stem file.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE; FILE_CORRUPT when the box holds
            something else than it should.
    """
    file, stamp = open_regular(path)
    with file:
        movie = next((box for box in boxes(file, 0, stamp.size) if box.kind == b"moov"), None)
        box = None if movie is None else child(file, movie, stamp.size, b"udta", b"stem")
        if movie is None or box is None:
            return None
        # Some writers end the text with a zero.
        text = body_of(file, box).rstrip(b"\0")
        tracks = sound_tracks(file, movie, stamp.size)
    try:
        said: dict[str, Any] = json.loads(text)
        stems = tuple(
            NamedStem(str(stem.get("name", "")), str(stem.get("color", "")))
            for stem in said["stems"]
        )
        return StemBox(int(said.get("version", 1)), stems, tracks)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise problems.corrupt(path, "its box 'stem' holds no list of stems") from error


def _last(file: BinaryIO, start: int, end: int) -> Box:
    last = None
    for last in boxes(file, start, end):  # noqa: B007 - the last one is what is wanted
        pass
    # A 64-bit length lies elsewhere; no index grows that long.
    if last is None or last.end != end:
        raise ValueError("the boxes do not fill the file")
    return last


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
