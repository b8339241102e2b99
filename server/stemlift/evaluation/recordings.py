"""The sound of a song and of its true stems, whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemlift.audio.libav import open_stream
from stemlift.audio.probe import probe
from stemlift.audio.reader import open_reader
from stemlift.audio.stem_mp4 import track_blocks
from stemlift.errors import Reason, StemliftError
from stemlift.evaluation.layouts import Multitrack, Part

Audio = NDArray[np.float32]

_LOSSY_ENDS = 4096
"""Frames by which the tracks of a lossy stem file may differ: a few packets of its codec."""

_STEM_MP4_SCALE = 2.0**23
"""Integers in stem files come on a grid of 24 bits."""


@dataclass(frozen=True, slots=True)
class Shape:
    """rate: in Hz. frames: None where only decoding tells."""

    rate: int
    channels: int
    frames: int | None


@dataclass(frozen=True, slots=True)
class Recording:
    """stems, mixture: (frames, channels) of one shape, full scale 1. rate: in Hz."""

    stems: dict[str, Audio]
    mixture: Audio
    rate: int


def shape_of(song: Multitrack) -> Shape:
    """What all parts of a song have in common, without decoding them.

    Raises:
        StemliftError: ARGUMENT_INVALID where they differ; reasons of reading.
    """
    first, *others = song.parts
    shape = _shape(first)
    for part in others:
        found = _shape(part)
        for what, one, two in (
            ("rate", f"{shape.rate} Hz", f"{found.rate} Hz"),
            ("number of channels", shape.channels, found.channels),
            ("length", shape.frames, found.frames),
        ):
            if one != two and None not in (one, two):
                raise _differ(song, what, f"{first.path.name} {one}, {part.path.name} {two}")
    return shape


def load(song: Multitrack, check: Callable[[], None] = lambda: None) -> Recording:
    """Read a song; without a mixture of its own, the sum of its stems takes its place.

    Args:
        check: called before each part; what it raises ends it.

    Raises:
        StemliftError: as `shape_of`.
    """
    shape = shape_of(song)
    sounds = {}
    for name, part in song.stems.items():
        check()
        sounds[name] = read(part)
    mixture = None if song.mixture is None else read(song.mixture)
    parts = [*sounds.values(), *([] if mixture is None else [mixture])]
    lengths = [len(sound) for sound in parts]
    shortest = min(lengths)
    # stempeg, by which MUSDB18 is read elsewhere, cuts them to the shortest, too.
    lossy = all(part.track is not None for part in song.parts)
    if max(lengths) - shortest > (_LOSSY_ENDS if lossy else 0):
        raise _differ(song, "length", f"{shortest} and {max(lengths)} frames")
    if shortest == 0:
        raise StemliftError(
            Reason.FILE_EMPTY,
            f"The song {song.name} has no sound.",
            "Take it out of the folder, or export it again.",
        )
    sounds = {name: sound[:shortest] for name, sound in sounds.items()}
    if mixture is None:
        mixture = np.sum(np.stack(tuple(sounds.values())), axis=0, dtype=np.float64)
    return Recording(sounds, np.asarray(mixture[:shortest], np.float32), shape.rate)


def read(part: Part) -> Audio:
    """(frames, channels) float32, full scale 1.

    Raises:
        StemliftError: reasons of reading.
    """
    blocks = list(_blocks(part))
    return np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)


def read_file(path: Path) -> Audio:
    """As `read`, of a whole file."""
    return read(Part(path))


def _blocks(part: Part) -> Iterator[Audio]:
    if part.track is not None:
        for block in track_blocks(part.path, part.track):
            whole = np.issubdtype(block.dtype, np.integer)
            yield (block / _STEM_MP4_SCALE if whole else block).astype(np.float32)
        return
    with open_reader(part.path) as reader:
        bits = reader.info.grid_bits
        scale = 1.0 if bits is None else 2.0 ** (1 - bits)
        for block in reader.blocks():
            yield (block * scale).astype(np.float32)


def _shape(part: Part) -> Shape:
    if part.track is None:
        info = probe(part.path)
        return Shape(info.sample_rate, info.channels, info.frames)
    with open_stream(part.path, "mov", {}, part.track) as stream:
        # Tracks of stem files are stereo; how long one is shows when it is decoded.
        return Shape(stream.codec_context.sample_rate, 2, None)


def _differ(song: Multitrack, what: str, how: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"The parts of the song {song.name} differ in their {what}: {how}.",
        "Export them again at one rate and length, or take the song out of the folder.",
    )
