"""The core: a mix in, stems out, as one stream from top to bottom."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
from torch import nn

from stemlift.audio.channels import ChannelGroup, GroupKind
from stemlift.audio.info import Bext
from stemlift.audio.levels import dbfs
from stemlift.audio.resample import resampled_length
from stemlift.audio.wav_writer import Encoding, with_time_reference
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import MaskKind
from stemlift.separation.backend import Backend, TorchBackend
from stemlift.separation.control import Control, Stage
from stemlift.separation.drafts import StemDraft, exact_encoding, settle_encoding
from stemlift.separation.inference import BatchSize, Inference, default_batch
from stemlift.separation.lanes import Lane
from stemlift.separation.mix import BLOCK, Audio, Mix, check_unchanged
from stemlift.separation.nulling import NullMeter
from stemlift.separation.options import OutputFormat, Precision
from stemlift.separation.outputs import FileLayout, check_room, explained
from stemlift.separation.precision import choose_precision
from stemlift.separation.rechunk import rechunk
from stemlift.separation.remainder import Arithmetic, arithmetic_for, complete_stems
from stemlift.separation.seams import cut_for
from stemlift.separation.share import share_channels
from stemlift.separation.spectrogram import (
    MaskedSpectrogram,
    SeparableNetwork,
    SpectrogramNetwork,
)
from stemlift.separation.statistics import Moments, Normalisation
from stemlift.separation.stems import StemPlan
from stemlift.separation.stream import group_stems, model_input


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the model: mask None takes the model's default, batch 0 the device's.

    precision: AUTO is settled for each network and device.
    """

    mask: MaskKind | None
    precision: Precision
    batch: int
    format: OutputFormat


@dataclass(frozen=True, slots=True)
class FinishedStem:
    """A complete stem file that has not got its final name yet; levels in dBFS."""

    stem: str
    file: Path
    peak_dbfs: float
    rms_dbfs: float


@dataclass(frozen=True, slots=True)
class Separation:
    """What a separation gave.

    null_dbfs: peak of (mix - sum of stems) relative to max(1, peak of the mix), -300 when
        exactly zero; None when the written stems are not meant to sum to the mix.
    batch: segments per forward pass at the end.
    precision: FP32 or BF16; BF16 where any network was computed in it.
    """

    stems: tuple[FinishedStem, ...]
    sample_rate: int
    channels: int
    frames: int
    start_frame: int
    null_dbfs: float | None
    encoding: str
    mix_peak_dbfs: float
    device: str
    batch: int
    precision: Precision


def separate(
    mix: Mix,
    plan: StemPlan,
    model: LoadedModel,
    lanes: Sequence[Lane],
    options: Options,
    folder: Path,
    control: Control,
) -> Separation:
    """Separate a mix into complete files in `folder`, which exists and is the job's own.

    Segments go to the lanes in turn, whose devices are alike.

    Memory is constant: it does not depend on the length of the mix.

    Raises:
        StemliftError: any reason of reading, of the model, of writing, or CANCELLED.
    """
    groups = mix.groups()
    if mix.info.frames is None:
        mix = _measured(mix, control)
    assert mix.frames is not None
    frames = mix.frames
    # Before the survey, which members that are left out need not have.
    model = _only_needed(model, plan)
    normalisations = _survey(mix, groups, frames, model, control)
    batch = BatchSize(options.batch or default_batch(lanes[0].device))
    engines = tuple(
        Inference(_backend_maker(member, model, plan, options, lanes), lanes, batch, control)
        for member in model.members
    )
    output = _model_output(mix, groups, frames, model, engines, normalisations, control)
    layout = FileLayout(
        mix.sample_rate,
        mix.layout.channels,
        mix.layout.channel_mask,
        mix.grid_bits,
        _time_stamp(mix),
        options.format,
    )
    if options.format is OutputFormat.FLAC and (mix.info.bext or mix.start_frame):
        control.warn(
            "FLAC files hold no time stamp (bext), so an editor will not find the place of the "
            "stems by itself. Use --format wav to keep it."
        )
    check_room(folder, layout, frames, len(plan.written))
    null = NullMeter(mix.grid_bits, plan.summing)
    with _drafts(plan, layout, folder) as drafts:
        _collect(mix, plan, output, drafts, null, folder, control)
        check_unchanged(mix.info)
        encoding = settle_encoding(layout, drafts.values())
        if encoding is not exact_encoding(layout):
            control.warn(
                "A stem passes full scale, so all of them are 32-bit float files: no level was "
                "changed."
            )
        stems = tuple(_finish(drafts, encoding, frames, folder, control))
    return Separation(
        stems=stems,
        sample_rate=mix.sample_rate,
        channels=mix.layout.channels,
        frames=frames,
        start_frame=mix.start_frame,
        null_dbfs=null.dbfs(written_as_float=encoding is Encoding.FLOAT),
        encoding=encoding.value,
        mix_peak_dbfs=dbfs(null.mix_peak),
        device=engines[0].device,
        batch=batch.segments,
        precision=_lowest(engine.precision for engine in engines),
    )


def _lowest(precisions: Iterable[Precision]) -> Precision:
    return Precision.BF16 if Precision.BF16 in precisions else Precision.FP32


@contextmanager
def _drafts(plan: StemPlan, layout: FileLayout, folder: Path) -> Iterator[dict[str, StemDraft]]:
    """A draft of every stem that is written; closed afterwards, finished or not."""
    drafts: dict[str, StemDraft] = {}
    try:
        with explained(folder):
            for name in plan.written:
                drafts[name] = StemDraft(folder / f"{name}.{layout.format.value}", layout)
        yield drafts
    finally:
        with explained(folder):
            for draft in drafts.values():
                draft.close()


def _collect(
    mix: Mix,
    plan: StemPlan,
    output: Iterator[Audio],
    drafts: Mapping[str, StemDraft],
    null: NullMeter,
    folder: Path,
    control: Control,
) -> None:
    """Run the stream to its end, into the drafts."""
    arithmetic: Arithmetic = arithmetic_for(mix.grid_bits)
    for mix_block, block in zip(rechunk(mix.blocks(), BLOCK), output, strict=True):
        control.check()
        stems = complete_stems(plan, mix_block, block, arithmetic)
        null.update(mix_block, stems)
        with explained(folder):
            for name, samples in stems.items():
                drafts[name].write(samples)


def _finish(
    drafts: Mapping[str, StemDraft],
    encoding: Encoding,
    frames: int,
    folder: Path,
    control: Control,
) -> Iterator[FinishedStem]:
    """Complete one draft after the other."""
    for place, (name, draft) in enumerate(drafts.items()):
        done = 0

        def advance(written: int, before: int = place) -> None:
            nonlocal done
            control.check()
            done += written
            control.report(Stage.WRITING, (before + done / frames) / len(drafts))

        control.check()
        control.report(Stage.WRITING, place / len(drafts))
        with explained(folder):
            draft.finish(encoding, advance)
        yield FinishedStem(name, draft.path, draft.meter.peak_dbfs, draft.meter.rms_dbfs)
    control.report(Stage.WRITING, 1.0)


def _only_needed(model: LoadedModel, plan: StemPlan) -> LoadedModel:
    """Without the members of a bag that give nothing to any needed stem."""
    wanted = [model.spec.stems.index(name) for name in plan.needed]
    members = tuple(
        member for member in model.members if any(member.weights[index] for index in wanted)
    )
    return replace(model, members=members or model.members[:1])


def _measured(mix: Mix, control: Control) -> Mix:
    """The mix with its exact length, for files that tell it only when they are decoded."""
    frames = 0
    for block in replace(mix, frames=None).blocks():
        control.check()
        control.report(Stage.ANALYSING, 0.0)
        frames += len(block)
        if mix.frames is not None and frames >= mix.frames:
            return mix
    if mix.frames is not None:
        control.warn(f"The range was longer than the file and ends with it: {frames} frames.")
    return replace(mix, frames=frames)


def _survey(
    mix: Mix, groups: tuple[ChannelGroup, ...], frames: int, model: LoadedModel, control: Control
) -> list[Normalisation]:
    """Each group's statistics over the whole range, where the model wants them."""
    rate = model.spec.sample_rate
    normalise = any(member.normalise for member in model.members)
    normalisations = []
    work = max(1, resampled_length(frames, mix.sample_rate, rate) * len(groups))
    done = 0
    for group in groups:
        moments = Moments()
        if normalise and group.kind is not GroupKind.LFE:
            (picked,) = share_channels(mix.float_blocks(), [group.channels])
            for part in model_input(picked, group, mix.sample_rate, rate, frames):
                control.check()
                moments.update(part)
                done += len(part)
                control.report(Stage.ANALYSING, done / work)
        normalisations.append(moments.normalisation() if moments.count else Normalisation())
    return normalisations


def _model_output(
    mix: Mix,
    groups: tuple[ChannelGroup, ...],
    frames: int,
    model: LoadedModel,
    engines: tuple[Inference, ...],
    normalisations: list[Normalisation],
    control: Control,
) -> Iterator[Audio]:
    """(samples, stems of the model, channels of the mix) blocks at the mix's rate."""
    total = resampled_length(frames, mix.sample_rate, model.spec.sample_rate)
    cuts = tuple(cut_for(member, total) for member in model.members)
    per_group = sum(cut.count for cut in cuts)
    work = max(1, per_group * sum(group.kind is not GroupKind.LFE for group in groups))
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        control.report(Stage.SEPARATING, done / work)

    control.report(Stage.SEPARATING, 0.0)
    # Each group reads the mix once for each member; the zip below keeps them all in step.
    readers = [1 if group.kind is GroupKind.LFE else len(model.members) for group in groups]
    picks = [
        group.channels for group, count in zip(groups, readers, strict=True) for _ in range(count)
    ]
    sources = iter(share_channels(mix.float_blocks(), picks))
    streams = [
        group_stems(
            tuple(islice(sources, count)),
            mix.sample_rate,
            group,
            frames,
            model,
            engines,
            cuts,
            normalisation,
            advance,
        )
        for group, count, normalisation in zip(groups, readers, normalisations, strict=True)
    ]
    for parts in zip(*streams, strict=True):
        block = np.empty(
            (len(parts[0]), len(model.spec.stems), mix.layout.channels), dtype=np.float32
        )
        for group, part in zip(groups, parts, strict=True):
            block[:, :, list(group.channels)] = part
        yield block


def _backend_maker(
    member: Member,
    model: LoadedModel,
    plan: StemPlan,
    options: Options,
    lanes: Sequence[Lane],
) -> _BackendMaker:
    copied = frozenset(lane.device for lane in lanes) - {lanes[0].device}
    if not member.masks:
        return _BackendMaker(member.network, member.network, options.precision, copied)
    # An ensemble's own mask is that of its parts: each takes its default.
    mask = options.mask or member.masks[0]
    network: nn.Module = member.network
    wanted = {
        member.stems.index(stem)
        for stem, weight in zip(model.spec.stems, member.weights, strict=True)
        if weight and stem in plan.needed
    }
    # The other masks, and a complement, are made of all estimates.
    apart = mask is MaskKind.COMPLEX and not member.complement
    if apart and isinstance(network, SeparableNetwork):
        network = network.only(wanted)
    # nn.Module declares its attributes as tensors or modules; these are plain values.
    spectrogram = cast("SpectrogramNetwork", network)
    masked = MaskedSpectrogram(spectrogram, mask, member.complement)
    return _BackendMaker(masked, member.network, options.precision, copied)


@dataclass(frozen=True, slots=True)
class _BackendMaker:
    """network: what runs. core: the network in it, which settles what "auto" means.

    copied: devices that get a copy; a network that stays in memory moves to the first one.
    """

    network: nn.Module
    core: nn.Module
    precision: Precision
    copied: frozenset[str]

    def __call__(self, device: str) -> Backend:
        network = copy.deepcopy(self.network) if device in self.copied else self.network
        return TorchBackend(network, device, choose_precision(self.precision, self.core, device))


def _time_stamp(mix: Mix) -> Bext:
    """The time stamp of the range: the file's, or midnight, plus the range's start."""
    return with_time_reference(mix.info.bext or _plain_bext(), mix.start_frame)


def _plain_bext() -> Bext:
    """A time stamp of midnight: version 1 of the chunk (EBU Tech 3285), Stemlift its origin."""
    body = bytearray(602)
    body[256:264] = b"Stemlift"
    body[346] = 1
    return Bext(0, bytes(body))
