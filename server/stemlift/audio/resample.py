"""Streaming sample rate conversion through soxr, aligned and of exact length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

QUALITY = "VHQ"


def resampled_length(frames: int, from_rate: int, to_rate: int) -> int:
    """Frames of `frames` frames after conversion: ceil(frames · to_rate / from_rate)."""
    return -(-frames * to_rate // from_rate)


def resample_blocks(
    blocks: Iterable[np.ndarray], from_rate: float, to_rate: float, channels: int, out_frames: int
) -> Iterator[np.ndarray]:
    """Convert float32 blocks (frames, channels) and yield exactly `out_frames` frames.

    soxr's stream is aligned by itself: input frame 0 is output frame 0. Its length is
    that of `resampled_length` to within one frame; what is beyond `out_frames` is
    dropped, and what lacks is filled with zeros. With equal rates the blocks pass as
    they are.
    """
    converted = blocks if from_rate == to_rate else _convert(blocks, from_rate, to_rate, channels)
    left = out_frames
    for block in converted:
        part = block[:left]
        left -= len(part)
        if len(part):
            yield part
        if left <= 0:
            return
    if left > 0:
        yield np.zeros((left, channels), np.float32)


def _convert(
    blocks: Iterable[np.ndarray], from_rate: float, to_rate: float, channels: int
) -> Iterator[np.ndarray]:
    stream = soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality=QUALITY)
    for block in blocks:
        if len(block):
            yield _chunk(stream, block, channels, last=False)
    yield _chunk(stream, np.zeros((0, channels), np.float32), channels, last=True)


def _chunk(
    stream: soxr.ResampleStream, block: np.ndarray, channels: int, *, last: bool
) -> np.ndarray:
    # soxr takes one channel as a flat array.
    given = block[:, 0] if channels == 1 else block
    converted: np.ndarray = stream.resample_chunk(np.ascontiguousarray(given), last=last)
    return converted.reshape(-1, channels)
