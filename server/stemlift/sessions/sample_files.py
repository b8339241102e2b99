"""Samples as WAV files that samplers and DAWs know the tempo and the loop of.

Chunks: "smpl" as in Microsoft's and IBM's "Multimedia Programming Interface and Data
Specifications", with one loop over all of the file; "acid" as libsndfile's wav.c reads it: that
format was never published.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stemlift.sessions.slicing import SILENT_DB, Slice, faded

if TYPE_CHECKING:
    from stemlift.audio.reader import AudioReader

Chunks = tuple[tuple[bytes, bytes], ...]

_ONE_SHOT, _ROOT_SET, _STRETCHED = 0x01, 0x02, 0x04
_MIDDLE_C = 60


@dataclass(frozen=True, slots=True)
class Tags:
    """beats_per_bar: of the song. tonic: semitones above C, None for a stem without a pitch."""

    beats_per_bar: int
    tonic: int | None


def chunks_of(piece: Slice, rate: int, tags: Tags) -> Chunks:
    """The chunks "smpl" and "acid" of a sample; a one-shot has no loop."""
    loop = piece.bars is not None
    note = _MIDDLE_C + (tags.tonic or 0)
    loops = struct.pack("<6I", 0, 0, 0, piece.frames - 1, 0, 0) if loop else b""
    smpl = struct.pack("<9I", 0, 0, round(1e9 / rate), note, 0, 0, 0, int(loop), 0) + loops
    flags = (_STRETCHED if loop else _ONE_SHOT) | (_ROOT_SET if tags.tonic is not None else 0)
    beats = (piece.bars or 0) * tags.beats_per_bar
    acid = struct.pack(
        "<IHHfIHHf", flags, note, 0x8000, 0.0, beats, 4, tags.beats_per_bar, piece.bpm or 0.0
    )
    return ((b"smpl", smpl), (b"acid", acid))


def read_slice(reader: AudioReader, piece: Slice) -> np.ndarray:
    """(frames, channels), as `AudioReader.blocks` gives them; silence behind the stem's end."""
    total = reader.info.frames or piece.start + piece.frames
    wanted = min(piece.frames, total - piece.start)
    blocks = list(reader.blocks(piece.start, wanted, max(1, wanted)))
    block: np.ndarray = np.concatenate(blocks)
    return np.pad(block, ((0, piece.frames - len(block)), (0, 0)))


def peak_dbfs(block: np.ndarray, grid_bits: int | None) -> float:
    peak = float(np.abs(block.astype(np.float64)).max(initial=0.0))
    scaled = peak if grid_bits is None else peak * 2.0 ** (1 - grid_bits)
    return 20 * math.log10(scaled) if scaled else -math.inf


def is_silent(level: float) -> bool:
    return level < SILENT_DB


def write_sample(
    path: Path, reader: AudioReader, block: np.ndarray, piece: Slice, tags: Tags
) -> None:
    """Write a sample of the source's depth: 24 bits for 16, too. Raises OSError."""
    from stemlift.audio.pcm import Encoding
    from stemlift.audio.wav_writer import BroadcastWavWriter

    info = reader.info
    encoding = {24: Encoding.PCM_24, 32: Encoding.PCM_32, None: Encoding.FLOAT}[info.grid_bits]
    out = faded(block, info.sample_rate)
    if encoding is Encoding.FLOAT:
        out = out.astype(np.float32, copy=False)
    with BroadcastWavWriter(
        path,
        info.sample_rate,
        info.channels,
        encoding,
        info.channel_mask,
        chunks=chunks_of(piece, info.sample_rate, tags),
    ) as writer:
        writer.write(np.ascontiguousarray(out))


def level_of(reader: AudioReader) -> np.ndarray:
    """(frames,) float32: the largest magnitude of the channels, 1 full scale."""
    scale = 1.0 if reader.info.grid_bits is None else 2.0 ** (1 - reader.info.grid_bits)
    return np.concatenate([np.zeros(0, np.float32), *_levels(reader, scale)])


def _levels(reader: AudioReader, scale: float) -> Iterator[np.ndarray]:
    for block in reader.blocks():
        yield (np.abs(block.astype(np.float32)).max(axis=1) * scale).astype(np.float32)
