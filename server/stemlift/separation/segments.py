"""Cutting a stream into overlapping segments and adding the results together again.

The cut is that of demucs: segments start every `stride` samples, each weighted by a
triangle and the sum divided by the sum of the weights; the short last segments are
centred in a full one, with the audio before them as context. `seams` knows another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Segment:
    """One model input.

    offset: where its part of the output starts, in samples of the whole stream.
    length: how many output samples it accounts for.
    lead: samples of context in front of that part, within `samples`.
    samples: (channels, padded length).
    """

    offset: int
    length: int
    lead: int
    samples: Audio


def segment_count(total: int, stride: int) -> int:
    """Number of segments that `cut_segments` makes of a stream of `total` samples."""
    return -(-total // stride)


def cut_segments(
    blocks: Iterable[Audio],
    total: int,
    segment: int,
    stride: int,
    valid_length: Callable[[int], int],
) -> Iterator[Segment]:
    """Cut a stream of (samples, channels) blocks, `total` samples in all, into segments.

    Holds one segment and its context at a time. Beyond both ends of the stream the
    context is silence.
    """
    spans = []
    for offset in range(0, total, stride):
        length = min(segment, total - offset)
        padded = valid_length(length)
        start = offset - (padded - length) // 2
        spans.append((offset, length, start, start + padded))
    parts = slices(blocks, [(max(0, start), min(total, end)) for _, _, start, end in spans])
    for (offset, length, start, end), part in zip(spans, parts, strict=True):
        edges = ((0, 0), (max(0, -start), max(0, end - total)))
        yield Segment(offset, length, offset - start, np.pad(part, edges))


def slices(blocks: Iterable[Audio], ranges: Iterable[tuple[int, int]]) -> Iterator[Audio]:
    """(channels, last - first) of a stream for each (first, last), which must not go back.

    Holds no more of the stream than one range and one block.
    """
    source = iter(blocks)
    held: Audio | None = None
    held_from = 0
    for first, last in ranges:
        if held is not None and first > held_from:
            drop = min(first - held_from, held.shape[1])
            held = held[:, drop:]
            held_from += drop
        while held is None or held_from + held.shape[1] < last:
            block = np.ascontiguousarray(next(source).T, dtype=np.float32)
            held = block if held is None else np.concatenate((held, block), axis=1)
            if held_from < first:
                drop = min(first - held_from, held.shape[1])
                held = held[:, drop:]
                held_from += drop
        yield held[:, first - held_from : last - held_from]


def triangle(segment: int) -> Audio:
    """The weight of each sample of a segment; 1 in the middle."""
    rise = np.arange(1, segment // 2 + 1)
    fall = np.arange(segment - segment // 2, 0, -1)
    weight = np.concatenate((rise, fall)).astype(np.float32)
    return np.asarray(weight / weight.max(), dtype=np.float32)


class OverlapAdd:
    """Adds weighted segments and gives each sample out once no later segment touches it."""

    def __init__(self, segment: int, stems: int, channels: int) -> None:
        self._sum = np.zeros((stems, channels, segment), dtype=np.float32)
        self._weights = np.zeros(segment, dtype=np.float32)
        self._from = 0

    def add(self, offset: int, part: Audio, weight: Audio) -> None:
        """Add (stems, channels, length) output that starts at `offset` of the stream.

        Args:
            weight: of each sample, at least `length` of them.
        """
        at = offset - self._from
        length = part.shape[-1]
        self._sum[..., at : at + length] += weight[:length] * part
        self._weights[at : at + length] += weight[:length]

    def take_until(self, offset: int) -> Audio:
        """The finished samples up to `offset`: (stems, channels, samples)."""
        count = offset - self._from
        done = self._sum[..., :count] / self._weights[:count]
        for array in (self._sum, self._weights):
            array[..., : -count or None] = array[..., count:].copy()
            array[..., array.shape[-1] - count :] = 0
        self._from = offset
        return done
