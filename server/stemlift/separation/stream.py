"""One group of channels through the model: blocks at the model's rate in, stems out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from stemlift.audio.channels import ChannelGroup, GroupKind
from stemlift.audio.resample import resample_blocks, resampled_length
from stemlift.models.loaded import LoadedModel, Member
from stemlift.separation.inference import Inference
from stemlift.separation.mix import BLOCK, Audio
from stemlift.separation.rechunk import rechunk
from stemlift.separation.segments import OverlapAdd, cut_segments
from stemlift.separation.statistics import Normalisation


def model_input(
    blocks: Iterable[Audio], group: ChannelGroup, from_rate: int, rate: int, frames: int
) -> Iterator[Audio]:
    """(samples, 2) blocks at the model's rate of a group's blocks; a lone channel is doubled."""
    resampled = resample_blocks(
        blocks, from_rate, rate, len(group.channels), resampled_length(frames, from_rate, rate)
    )
    for block in resampled:
        yield np.repeat(block, 2, axis=1) if block.shape[1] == 1 else block


def group_stems(
    sources: tuple[Iterator[Audio], ...],
    mix_rate: int,
    group: ChannelGroup,
    frames: int,
    model: LoadedModel,
    engines: tuple[Inference, ...],
    normalisation: Normalisation,
    advance: Callable[[], None],
) -> Iterator[Audio]:
    """The model's stems of one group at the mix's rate, `frames` in all.

    Args:
        sources: the group's channels of the mix, (frames, channels of the group) blocks, once
            for each member of the model; an LFE group needs one.
        engines: one for each member of the model.
        advance: called after each segment of each member.

    Returns:
        (samples, stems, channels of the group) blocks of BLOCK samples; the last is shorter.
    """
    rate = model.spec.sample_rate
    stems = len(model.spec.stems)
    if group.kind is GroupKind.LFE:
        yield from _low_frequency(sources[0], model.spec.stems)
        return
    total = resampled_length(frames, mix_rate, rate)
    streams = [
        rechunk(
            _member_stems(
                model_input(source, group, mix_rate, rate, frames),
                total,
                member,
                engine,
                normalisation,
                advance,
            ),
            BLOCK,
        )
        for source, member, engine in zip(sources, model.members, engines, strict=True)
    ]
    weights = np.array([member.weights for member in model.members], dtype=np.float32)
    averaged = (_average(parts, weights) for parts in zip(*streams, strict=True))
    mono = len(group.channels) == 1
    flat = (
        (part.mean(axis=2, keepdims=True) if mono else part).reshape(len(part), -1)
        for part in averaged
    )
    width = stems * len(group.channels)
    back = resample_blocks(flat, rate, mix_rate, width, frames)
    for block in rechunk(back, BLOCK):
        yield block.reshape(len(block), stems, -1)


def _member_stems(
    blocks: Iterable[Audio],
    total: int,
    member: Member,
    engine: Inference,
    normalisation: Normalisation,
    advance: Callable[[], None],
) -> Iterator[Audio]:
    """(samples, stems, 2) blocks of one network of the bag at the model's rate."""
    mean = np.float32(normalisation.mean)
    scale = np.float32(normalisation.scale)
    normal = ((block - mean) / scale for block in blocks)
    segments = cut_segments(normal, total, member.segment, member.stride, member.valid_length)
    overlap: OverlapAdd | None = None
    for segment, output in engine.run(segments):
        if overlap is None:
            overlap = OverlapAdd(member.segment, output.shape[0], output.shape[1])
        overlap.add(segment.offset, output)
        # Of many groups all but one wait here: none of them may hold what it is done with.
        del output
        advance()
        until = min(segment.offset + member.stride, total)
        yield np.ascontiguousarray(overlap.take_until(until).transpose(2, 0, 1)) * scale + mean


def _average(parts: tuple[Audio, ...], weights: Audio) -> Audio:
    """Weighted mean of the members' (samples, stems, channels), stem by stem."""
    if len(parts) == 1:
        return parts[0]
    # A stem that no member gives is not needed; zero is as good as any.
    total = np.maximum(weights.sum(axis=0), np.finfo(np.float32).tiny)
    mean = sum(part * weight[:, None] for part, weight in zip(parts, weights, strict=True))
    return np.asarray(mean / total[:, None], dtype=np.float32)


def _low_frequency(source: Iterator[Audio], stems: tuple[str, ...]) -> Iterator[Audio]:
    """The LFE channel belongs to the bass; without a bass stem it is left to the remainder."""
    for block in rechunk(source, BLOCK):
        part = np.zeros((len(block), len(stems), block.shape[1]), dtype=np.float32)
        if "bass" in stems:
            part[:, stems.index("bass")] = block
        yield part
