"""A model in memory, ready for a backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from stemlift.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Member:
    """One network of a bag.

    network: waveform networks map (batch, channels, samples) to (batch, stems,
        channels, samples); spectrogram networks see `networks.spectral`.
    segment: longest input in samples at the model's rate.
    stride: distance between the starts of neighbouring segments in samples.
    valid_length: the padded length the network wants for an input of that many samples.
    weights: share of each stem in the bag's mean, in the order of the model's stems.
    """

    network: nn.Module
    segment: int
    stride: int
    valid_length: Callable[[int], int]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """members: one, or several that are averaged (a bag).

    normalise: the input is shifted and scaled by the mean and standard deviation of
        the whole range's channel mean, and the output back (the demucs command line).
    """

    spec: ModelSpec
    members: tuple[Member, ...]
    normalise: bool
