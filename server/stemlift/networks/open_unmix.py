"""Open-Unmix: one recurrent network per stem, from magnitudes to magnitudes.

Axes: b batch, s stems, c channels, f bins, l bins that are listened to, t frames, h hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stemlift.networks.stft import Stft

_MOST_TARGETS = 64
_MOST_LAYERS = 64


@dataclass(frozen=True, slots=True)
class OpenUnmixConfig:
    """What the networks of a model have in common.

    targets: names of the stems, one network each.
    channels: that a network hears; one that hears 1 is given the mean of the magnitudes.
    hidden_size: width of the layers between the spectra; even, unless unidirectional.
    layers: recurrent layers on top of each other.
    max_bin: how many of the lowest bins are heard; 0: all. All are given out.
    unidirectional: the recurrent layers run forward in time only.
    """

    targets: tuple[str, ...]
    n_fft: int
    hop: int
    hidden_size: int
    channels: int = 2
    layers: int = 3
    max_bin: int = 0
    unidirectional: bool = False

    @property
    def bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def heard_bins(self) -> int:
        return self.max_bin or self.bins


class OpenUnmix(nn.Module):
    """Magnitudes of the stems, each from a network of its own.

    State dict: `targets.0.` and so on, in the order of the configuration, and then the
    names of the published files.

    Reference:
        F.-R. Stöter, S. Uhlich, A. Liutkus and Y. Mitsufuji, "Open-Unmix - a reference
        implementation for music source separation", JOSS 4(41), 2019.
    """

    def __init__(self, config: OpenUnmixConfig) -> None:
        super().__init__()
        if config.channels not in (1, 2):
            raise ValueError(f"channels must be 1 or 2, not {config.channels}")
        if not config.targets:
            raise ValueError("there must be a target")
        if len(config.targets) > _MOST_TARGETS or not 0 < config.layers <= _MOST_LAYERS:
            raise ValueError(f"{len(config.targets)} targets of {config.layers} layers")
        if config.heard_bins > config.bins:
            raise ValueError(f"max_bin must be at most {config.bins}, not {config.max_bin}")
        self.stft = Stft(config.n_fft, config.hop, reflect=True)
        self.channels = config.channels
        self.targets = nn.ModuleList(OpenUnmixTarget(config) for _ in config.targets)

    def forward(self, mix: Tensor) -> Tensor:
        """Magnitudes of the stems, in the order of the configuration's `targets`.

        Args:
            mix: complex (b, c, f, t), c is 1 or 2, not normalised.

        Returns:
            (b, s, c, f, t), non-negative.
        """
        given = mix.shape[1]
        magnitudes = mix.abs()
        if self.channels == 1:
            magnitudes = magnitudes.mean(dim=1, keepdim=True)
        elif given == 1:
            magnitudes = magnitudes.expand(-1, 2, -1, -1)
        stems = torch.stack([target(magnitudes) for target in self.targets], dim=1)
        if given < self.channels:
            # Left and right pass through weights of their own, and differ a little.
            return stems.mean(dim=2, keepdim=True)
        return stems.expand(-1, -1, given, -1, -1)


class OpenUnmixTarget(nn.Module):
    """The magnitudes of one stem from those of the mix."""

    def __init__(self, config: OpenUnmixConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.heard_bins = config.heard_bins
        self.fc1 = nn.Linear(config.channels * config.heard_bins, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.lstm = nn.LSTM(
            hidden,
            hidden if config.unidirectional else hidden // 2,
            config.layers,
            bidirectional=not config.unidirectional,
        )
        self.fc2 = nn.Linear(2 * hidden, hidden, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.fc3 = nn.Linear(hidden, config.channels * config.bins, bias=False)
        self.bn3 = nn.BatchNorm1d(config.channels * config.bins)
        self.input_mean = nn.Parameter(torch.zeros(config.heard_bins))
        self.input_scale = nn.Parameter(torch.ones(config.heard_bins))
        self.output_mean = nn.Parameter(torch.ones(config.bins))
        self.output_scale = nn.Parameter(torch.ones(config.bins))

    def forward(self, mix: Tensor) -> Tensor:
        """(b, c, f, t) from (b, c, f, t), both real and non-negative."""
        batch, channels, bins, frames = mix.shape
        heard = mix[:, :, : self.heard_bins].permute(3, 0, 1, 2)
        heard = (heard + self.input_mean) * self.input_scale
        squeezed = torch.tanh(self.bn1(self.fc1(heard.reshape(frames * batch, -1))))
        recurrent, _ = self.lstm(squeezed.reshape(frames, batch, -1))
        both = torch.cat((squeezed, recurrent.flatten(0, 1)), dim=-1)
        shared = torch.relu(self.bn2(self.fc2(both)))
        gains = self.bn3(self.fc3(shared)).reshape(frames, batch, channels, bins)
        gains = torch.relu(gains * self.output_scale + self.output_mean)
        return gains.permute(1, 2, 3, 0) * mix
