"""One group of channels through the model: blocks at the model's rate in, stems out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from stemlift.audio.channels import ChannelGroup, GroupKind
from stemlift.audio.resample import resample_blocks, resampled_length
from stemlift.models.loaded import LoadedModel, Member
from stemlift.separation.inference import Inference
from stemlift.separation.mix import BLOCK, Audio
from stemlift.separation.rechunk import rechunk
from stemlift.separation.seams import Cut, trimmed
from stemlift.separation.segments import OverlapAdd
from stemlift.separation.statistics import Normalisation

Positions = tuple[int | None, ...]


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
    cuts: tuple[Cut, ...],
    normalisation: Normalisation,
    advance: Callable[[], None],
) -> Iterator[Audio]:
    """The model's stems of one group at the mix's rate, `frames` in all.

    Args:
        sources: the group's channels of the mix, (frames, channels of the group) blocks, once
            for each member of the model; an LFE group needs one.
        engines: one for each member of the model.
        cuts: of a stream at the model's rate, one for each member.
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
                _positions(member, model.spec.stems),
                cut,
                member,
                engine,
                normalisation if member.normalise else Normalisation(),
                advance,
            ),
            BLOCK,
        )
        for source, member, engine, cut in zip(sources, model.members, engines, cuts, strict=True)
    ]
    weights = np.array([member.weights for member in model.members])
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
    positions: Positions,
    cut: Cut,
    member: Member,
    engine: Inference,
    normalisation: Normalisation,
    advance: Callable[[], None],
) -> Iterator[Audio]:
    """(samples, stems of the model, 2) blocks of one network at the model's rate."""
    mean = np.float32(normalisation.mean)
    scale = np.float32(normalisation.scale)
    normal = ((block - mean) / scale for block in blocks)

    def joined() -> Iterator[Audio]:
        overlap: OverlapAdd | None = None
        for segment, output in engine.run(cut.segments(normal)):
            if overlap is None:
                overlap = OverlapAdd(member.segment, output.shape[0], output.shape[1])
            overlap.add(segment.offset, output, cut.weight(segment))
            # Of many groups all but one wait here: none of them may hold what it is done with.
            del output
            advance()
            yield overlap.take_until(min(segment.offset + member.stride, cut.length)).T

    for block in trimmed(joined(), cut.border, total):
        stems = np.ascontiguousarray(block.transpose(0, 2, 1)) * scale + mean
        yield _placed(stems, positions)


def _positions(member: Member, stems: tuple[str, ...]) -> Positions:
    """Where in the member's output each stem of the model is; None where it is not."""
    return tuple(member.stems.index(stem) if stem in member.stems else None for stem in stems)


def _placed(block: Audio, positions: Positions) -> Audio:
    """A member's (samples, stems, channels) in the order of the model's stems."""
    if positions == tuple(range(block.shape[1])):
        return block
    placed = np.zeros((len(block), len(positions), block.shape[2]), dtype=np.float32)
    for to, source in enumerate(positions):
        if source is not None:
            placed[:, to] = block[:, source]
    return placed


def _average(parts: tuple[Audio, ...], weights: npt.NDArray[np.float64]) -> Audio:
    """Weighted mean of the members' (samples, stems, channels), stem by stem.

    Args:
        weights: (members, stems).
    """
    # The shares add up to 1 before they are rounded, so that a member that is alone in a stem
    # gives it unchanged, and the bytes do not tell which members other stems called in.
    if len(parts) == 1 and weights.all():
        # Nor does the sign of a zero.
        return parts[0] + np.float32(0)
    # A stem that no member gives is not needed; zero is as good as any.
    shares = weights / np.maximum(weights.sum(axis=0), np.finfo(np.float32).tiny)
    mean = np.zeros_like(parts[0])
    for part, share in zip(parts, shares.astype(np.float32), strict=True):
        mean += part * share[:, None]
    return mean


def _low_frequency(source: Iterator[Audio], stems: tuple[str, ...]) -> Iterator[Audio]:
    """The LFE channel belongs to the bass; without a bass stem it is left to the remainder."""
    for block in rechunk(source, BLOCK):
        part = np.zeros((len(block), len(stems), block.shape[1]), dtype=np.float32)
        if "bass" in stems:
            part[:, stems.index("bass")] = block
        yield part
