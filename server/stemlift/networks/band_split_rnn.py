"""Band-Split RNN: bands of the spectrum as vectors, recurrences along time and along the bands.

Y. Luo and J. Yu, "Music Source Separation with Band-split RNN", IEEE/ACM TASLP 31, 2023
(arXiv 2209.15174). The paper trains one network per stem; here each is a part, and a part
may also give several stems from one encoder.

Axes: b batch, s stems, c channels, f bins, t frames.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stemlift.networks.band_split_channel import ChannelNetwork, ChannelPart
from stemlift.networks.band_split_pair import PairNetwork, PairPart
from stemlift.networks.stft import Stft

_MOST_PARTS = 64


@dataclass(frozen=True, slots=True)
class BandSplitRnnConfig:
    """parts: in the order of their stems; n_fft, hop, window: see `Stft`."""

    parts: tuple[PairPart | ChannelPart, ...]
    n_fft: int = 2048
    hop: int = 512
    window: int = 0


class BandSplitRnn(nn.Module):
    """forward: complex (b, c, f, t) → complex (b, s, c, f, t), c is 1 or 2.

    Attributes:
        stft: how the spectra must be made.
        frames: t, where only that many will do; None for any.
    """

    def __init__(self, config: BandSplitRnnConfig) -> None:
        super().__init__()
        self.stft = Stft(config.n_fft, config.hop, config.window, reflect=True)
        if not 0 < len(config.parts) <= _MOST_PARTS:
            raise ValueError(f"{len(config.parts)} parts")
        for part in config.parts:
            if sum(part.bands) != self.stft.bins or min(part.bands) < 1:
                raise ValueError(f"its bands do not make {self.stft.bins} bins")
        self.counts = tuple(part.stems for part in config.parts)
        self.parts = nn.ModuleList(
            PairNetwork(part) if isinstance(part, PairPart) else ChannelNetwork(part)
            for part in config.parts
        )
        self.wanted = frozenset(range(sum(self.counts)))
        fixed = {part.frames for part in config.parts if isinstance(part, PairPart)}
        if len(fixed) > 1:
            raise ValueError(f"parts for {sorted(fixed)} frames cannot run side by side")
        self.frames = fixed.pop() if fixed else None

    def valid_length(self, samples: int) -> int:
        """The length to pad an input of so many samples to."""
        if self.frames is not None:
            return (self.frames - 1) * self.stft.hop
        # The transform mirrors half a window at both ends, which must be there.
        return max(samples, self.stft.n_fft // 2 + 1)

    def only(self, indices: Collection[int]) -> BandSplitRnn:
        """This network, its parameters shared, running just the parts of these stems.

        Stems of the other parts come out as zeros.
        """
        view = copy.copy(self)
        view.wanted = frozenset(indices)
        return view

    def forward(self, mix: Tensor) -> Tensor:
        estimates = []
        first = 0
        for part, count in zip(self.parts, self.counts, strict=True):
            if self.wanted.isdisjoint(range(first, first + count)):
                estimates.append(mix.new_zeros(mix.shape[0], count, *mix.shape[1:]))
            else:
                estimates.append(part(mix))
            first += count
        return torch.cat(estimates, dim=1)
