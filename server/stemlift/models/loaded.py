"""A model in memory, ready for a backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from torch import nn

from stemlift.models.spec import MaskKind, ModelSpec


class Seams(StrEnum):
    """How neighbouring segments are joined; see `separation.segments`."""

    TRIANGLE = "triangle"
    FADES = "fades"


@dataclass(frozen=True, slots=True)
class Member:
    """One network of a model.

    network: waveform networks map (batch, channels, samples) to (batch, stems,
        channels, samples); spectrogram networks see `separation.spectrogram`.
    stems: what the network gives, in its order; with `complement`, one more at the end.
    segment: longest input in samples at the model's rate.
    stride: distance between the starts of neighbouring segments in samples.
    valid_length: the padded length the network wants for an input of that many samples.
    weights: share of each stem of the *model* in the mean over the members, in the order of
        the model's stems; 0 where this network does not give it.
    normalise: the input is shifted and scaled by the mean and standard deviation of
        the whole range's channel mean, and the output back (the demucs command line).
    masks: kinds it offers, its default first; empty for waveform networks.
    complement: the last of `stems` is the mix less all the others.
    """

    network: nn.Module
    stems: tuple[str, ...]
    segment: int
    stride: int
    valid_length: Callable[[int], int]
    weights: tuple[float, ...]
    normalise: bool = False
    seams: Seams = Seams.TRIANGLE
    masks: tuple[MaskKind, ...] = ()
    complement: bool = False


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """members: one, or several whose weighted mean is taken (a bag, an ensemble)."""

    spec: ModelSpec
    members: tuple[Member, ...]
