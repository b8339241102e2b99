"""How a member's segments are cut and joined: as the reference of its network does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from stemlift.models.loaded import Member, Seams
from stemlift.separation.segments import (
    Audio,
    Segment,
    cut_segments,
    segment_count,
    slices,
    triangle,
)

_LEAST_WEIGHT = 1e-6
"""Where a fade ends at zero and no other segment covers the sample, it must not vanish."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to cut a stream and to join it again.

    length: of the stream that the segments lie on, in samples, its mirrored ends included.
    border: samples that are to be dropped at both ends afterwards.
    count: of the segments.
    segments: cuts a stream of (samples, channels) blocks.
    weight: of each sample of a segment.
    """

    length: int
    border: int
    count: int
    segments: Callable[[Iterable[Audio]], Iterator[Segment]]
    weight: Callable[[Segment], Audio]


def cut_for(member: Member, total: int) -> Cut:
    """The way of `member` for a stream of `total` samples."""
    if member.seams is Seams.FADES:
        return _fades(member, total)
    weight = triangle(member.segment)
    return Cut(
        total,
        0,
        segment_count(total, member.stride),
        lambda blocks: cut_segments(
            blocks, total, member.segment, member.stride, member.valid_length
        ),
        lambda _: weight,
    )


def _fades(member: Member, total: int) -> Cut:
    """As the framework of the community's transformer checkpoints does it.

    The stream is mirrored at both ends by what neighbouring segments share, if it is long
    enough. Segments start every stride, weigh 1 and fade over a tenth of their length at
    both ends, but for the outer ends of the first and the last. Short last segments are
    filled up behind: with their mirror image, or with silence where less than half is there.
    """
    segment, stride = member.segment, member.stride
    border = segment - stride if total > 2 * (segment - stride) else 0
    length = total + 2 * border
    # What starts beyond this lies in the mirrored end, which is dropped.
    starts = range(0, border + total, stride)
    fade = segment // 10
    window = np.ones(segment, dtype=np.float32)
    window[:fade] = np.linspace(0, 1, fade)
    window[segment - fade :] = np.linspace(1, 0, fade)
    window = np.maximum(window, np.float32(_LEAST_WEIGHT))

    def segments(blocks: Iterable[Audio]) -> Iterator[Segment]:
        ranges = [(at, min(at + segment, length)) for at in starts]
        parts = slices(mirrored(blocks, border), ranges)
        for (first, last), part in zip(ranges, parts, strict=True):
            missing = ((0, 0), (0, segment - (last - first)))
            mostly_there = last - first > segment // 2
            filled = np.pad(part, missing, "reflect") if mostly_there else np.pad(part, missing)
            yield Segment(first, last - first, 0, filled)

    def weight(of: Segment) -> Audio:
        own = window.copy()
        if of.offset == 0:
            own[:fade] = 1
        if of.offset + stride >= length:
            own[segment - fade :] = 1
        return own

    return Cut(length, border, len(starts), segments, weight)


def mirrored(blocks: Iterable[Audio], border: int) -> Iterator[Audio]:
    """The stream with `border` mirrored samples at both ends; it must be longer than that.

    The outermost sample itself is not repeated. Holds `border` samples and a block.
    """
    if not border:
        yield from blocks
        return
    source = iter(blocks)
    head = next(source)
    while len(head) <= border:
        head = np.concatenate((head, next(source)))
    yield head[border:0:-1]
    yield head
    tail = head[-border - 1 :]
    for block in source:
        yield block
        tail = np.concatenate((tail, block))[-border - 1 :]
    yield tail[-2::-1]


def trimmed(blocks: Iterable[Audio], skip: int, keep: int) -> Iterator[Audio]:
    """`keep` samples of a stream of (samples, …) blocks, after the first `skip`."""
    for block in blocks:
        part = block[skip : skip + keep]
        skip -= min(skip, len(block))
        keep -= len(part)
        if len(part):
            yield part
