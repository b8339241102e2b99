"""How good the network is: whole songs through the stream that separates with it later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from stemlift.audio.channels import ChannelGroup, GroupKind
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import MaskKind, ModelSpec, Network
from stemlift.networks.compact import Compact
from stemlift.quality.sdr import sdr
from stemlift.separation.backend import TorchBackend
from stemlift.separation.control import Stage
from stemlift.separation.inference import BatchSize, Inference, default_batch
from stemlift.separation.lanes import Lane
from stemlift.separation.mix import BLOCK, Audio
from stemlift.separation.options import Precision
from stemlift.separation.seams import cut_for
from stemlift.separation.spectrogram import MaskedSpectrogram, SpectrogramNetwork
from stemlift.separation.statistics import Normalisation
from stemlift.separation.stream import group_stems
from stemlift.training.dataset import SongFile
from stemlift.training.songs.mixing import RATE, STEMS

SEGMENT = 12 * RATE
"""Samples that the network is given at once when it separates."""

OVERLAP = 0.25

_SILENT = 1e-6
"""A stem with less than this share of the mix's energy has no figure: −60 dB."""

_FLOOR = -30.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Mean SDR over the songs in dB: (stem, dB) of the stems that sound, and their mean."""

    stems: tuple[tuple[str, float], ...]
    mean: float


@dataclass(frozen=True, slots=True)
class _Control:
    check: Callable[[], None]

    def report(self, stage: Stage, fraction: float) -> None:
        """Nobody waits for a song."""

    def warn(self, message: str) -> None:
        """A smaller batch changes no figure."""


def separate(
    network: Compact, mix: Audio, lanes: Sequence[Lane], check: Callable[[], None]
) -> Audio:
    """(samples, stems, 2) of (samples, 2), both at 44.1 kHz; in fp32, on the lanes in turn.

    Raises:
        StemliftError: OUT_OF_MEMORY, MODEL_OUTPUT_NOT_FINITE.
    """
    stride = round(SEGMENT * (1 - OVERLAP))
    ones = (1.0,) * len(STEMS)
    member = Member(network, STEMS, SEGMENT, stride, network.valid_length, ones)
    masks = (MaskKind.COMPLEX,)
    spec = ModelSpec("training", "", Network.COMPACT, STEMS, RATE, masks, -1, "", None)
    masked = MaskedSpectrogram(cast("SpectrogramNetwork", network), MaskKind.COMPLEX)
    blocks = (mix[at : at + BLOCK] for at in range(0, len(mix), BLOCK))
    engine = Inference(
        lambda where: TorchBackend(masked, where, Precision.FP32),
        lanes,
        BatchSize(default_batch(lanes[0].device)),
        _Control(check),
    )
    stream = group_stems(
        (blocks,),
        RATE,
        ChannelGroup(GroupKind.STEREO, (0, 1)),
        len(mix),
        LoadedModel(spec, (member,)),
        (engine,),
        (cut_for(member, len(mix)),),
        Normalisation(),
        check,
    )
    return np.concatenate(list(stream))


def validate(
    network: Compact, songs: Sequence[SongFile], lanes: Sequence[Lane], check: Callable[[], None]
) -> Figures:
    """The figures of a network on songs that it has not learnt from.

    Raises:
        StemliftError: as `separate`.
    """
    found: dict[str, list[float]] = {stem: [] for stem in STEMS}
    for song in songs:
        stems = np.asarray(song.sound, np.float32) / np.float32(32768.0)
        mix = np.ascontiguousarray(stems.sum(axis=0).T)
        guessed = separate(network, mix, lanes, check)
        energy = float(np.square(mix, dtype=np.float64).sum())
        for index, stem in enumerate(STEMS):
            true = stems[index].T
            if float(np.square(true, dtype=np.float64).sum()) > _SILENT * energy:
                found[stem].append(max(_FLOOR, sdr(true, guessed[:, index])))
    means = tuple((stem, float(np.mean(each))) for stem, each in found.items() if each)
    return Figures(means, float(np.mean([each for _, each in means])) if means else _FLOOR)
