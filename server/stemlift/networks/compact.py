"""Compact: a small band-split network of convolutions, four stems from one pass.

The spectrum is cut into bands as in Band-Split RNN; what passes between the bands and along
time are maps and dilated convolutions in place of recurrences, which on a CPU take several
times as long. One decoder serves all stems: each stem has its own view of a band, the map
from such a view to the band's bins is shared.

Axes: b batch, s stems, c channels, f bins, t frames, n features, k bands.

References:
    Y. Luo and J. Yu, "Music Source Separation with Band-split RNN", IEEE/ACM TASLP 31, 2023
        (arXiv 2209.15174).
    S. Bai, J. Z. Kolter and V. Koltun, "An Empirical Evaluation of Generic Convolutional and
        Recurrent Networks for Sequence Modeling", 2018 (arXiv 1803.01271): the dilations.
    S. Wisdom et al., "Differentiable Consistency Constraints for Improved Deep Speech
        Enhancement", ICASSP 2019: estimates that add up to the mix.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from stemlift.networks.depthwise import DepthwiseConv
from stemlift.networks.stft import Stft

BANDS = (*(4,) * 8, *(8,) * 8, *(16,) * 6, *(32,) * 6, *(64,) * 6, *(128,) * 6, 256, 257)
"""Bins of each band at 4096 samples and 44.1 kHz: 43 Hz wide at first, 2.8 kHz at last."""

_MOST_LAYERS = 256
_TINY = 1e-8
_CORNER = 16
"""Bin above which the mean spectrum of music begins to fall."""
_TILT = 0.75
"""Power of the frequency by which it falls."""


@dataclass(frozen=True, slots=True)
class CompactConfig:
    """See the module.

    bands: bins of each band, all bins in all; the fewer different widths, the faster.
    stems: how many are given.
    features: of each band and frame.
    dilations: of each block's convolution over time, in frames.
    kernel: taps of these convolutions; odd.
    expansion: width of a block's hidden layer over the features, in `features`.
    view: features of a stem's own view of a band.
    compression: power that magnitudes are heard with.
    phases: the network hears real and imaginary parts beside magnitudes.
    ratio: masks begin as shares of the mix, to which complex ones are added; else there are
        complex ones alone.
    """

    bands: tuple[int, ...] = BANDS
    stems: int = 4
    features: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 4, 16, 2)
    kernel: int = 7
    expansion: int = 2
    view: int = 64
    compression: float = 0.3
    phases: bool = True
    ratio: bool = True
    n_fft: int = 4096
    hop: int = 1024


class Compact(nn.Module):
    """forward: complex (b, c, f, t) → complex (b, s, c, f, t), c is 1 or 2.

    The stems add up to the mix; a mix n times as loud gives stems n times as loud.

    Raises:
        ValueError: the configuration is none that a network can have.
    """

    emphasis: Tensor

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.stft = Stft(config.n_fft, config.hop, reflect=True)
        _require_sound(config, self.stft.bins)
        self.config = config
        bins = np.arange(self.stft.bins)
        emphasis = ((bins + _CORNER) / _CORNER) ** _TILT
        self.register_buffer(
            "emphasis",
            torch.from_numpy(emphasis.astype(np.float32)).reshape(-1, 1),
            persistent=False,
        )
        heard = 8 if config.phases else 4
        given = 6 if config.ratio else 4
        self.split = BandSplit(config.bands, heard, config.features)
        self.body = nn.Sequential(*(_Block(config, each) for each in config.dilations))
        self.masks = BandMasks(config.bands, config.features, config.view, config.stems, given)

    def valid_length(self, samples: int) -> int:
        """The length to pad an input of so many samples to."""
        # The transform mirrors half a window at both ends, which must be there.
        return max(samples, self.stft.n_fft // 2 + 1)

    def forward(self, mix: Tensor) -> Tensor:
        channels = mix.shape[1]
        if channels not in (1, 2):
            raise ValueError(f"one or two channels, not {channels}")
        stereo = mix.expand(-1, 2, -1, -1)
        with torch.autocast(mix.device.type, enabled=False):
            heard = self._heard(stereo)
        given = self.masks(self.body(self.split(heard)))
        with torch.autocast(mix.device.type, enabled=False):
            masks = self._consistent(given.float())
            estimates = masks * stereo.unsqueeze(1)
        return estimates if channels == 2 else estimates.mean(dim=2, keepdim=True)

    def _heard(self, mix: Tensor) -> Tensor:
        """Real (b, heard, f, t): compressed magnitudes of left, right, middle and side, and
        perhaps the compressed parts of left and right."""
        loudness = mix.abs().square().mean(dim=(1, 2, 3), keepdim=True)
        # Where all is silence, this is zero times a number that is large, and no NaN.
        loud = mix * torch.rsqrt(loudness + torch.finfo(torch.float32).tiny) * self.emphasis
        left, right = loud.unbind(1)
        four = torch.stack((left, right, (left + right) / 2, (left - right) / 2), dim=1)
        power = four.real.square() + four.imag.square() + _TINY
        magnitudes = power ** (self.config.compression / 2)
        if not self.config.phases:
            return magnitudes
        turned = loud * (magnitudes[:, :2] * torch.rsqrt(power[:, :2]))
        parts = torch.view_as_real(turned).permute(0, 1, 4, 2, 3).flatten(1, 2)
        return torch.cat((magnitudes, parts), dim=1)

    def _consistent(self, given: Tensor) -> Tensor:
        """Complex masks (b, s, 2, f, t), which add up to 1, of (b, s, given, f, t)."""
        real, imaginary, *shares = torch.split(given, 2, dim=2)
        if shares:
            real = real - real.mean(dim=1, keepdim=True)
            real = real + torch.softmax(shares[0], dim=1)
        else:
            real = real + (1 - real.sum(dim=1, keepdim=True)) / self.config.stems
        imaginary = imaginary - imaginary.mean(dim=1, keepdim=True)
        return torch.complex(real, imaginary)


class BandSplit(nn.Module):
    """(b, heard, f, t) → (b, n, k, t): each band's bins through a map of their own.

    Neighbouring bands of one width share a product of matrices.
    """

    def __init__(self, bands: tuple[int, ...], heard: int, features: int) -> None:
        super().__init__()
        self.runs = _runs(bands)
        self.weights = nn.ParameterList(
            _uniform(count, features, heard * width) for count, width in self.runs
        )
        self.bias = nn.Parameter(torch.zeros(features, len(bands), 1))

    def forward(self, heard: Tensor) -> Tensor:
        batch, kinds, _, frames = heard.shape
        parts = []
        first = 0
        for (count, width), weight in zip(self.runs, self.weights, strict=True):
            run = heard[:, :, first : first + count * width]
            run = run.reshape(batch, kinds, count, width, frames).transpose(1, 2)
            parts.append(weight @ run.reshape(batch, count, kinds * width, frames))
            first += count * width
        return torch.cat(parts, dim=1).transpose(1, 2).contiguous() + self.bias


class BandMasks(nn.Module):
    """(b, n, k, t) → (b, s, given, f, t)."""

    def __init__(
        self, bands: tuple[int, ...], features: int, view: int, stems: int, given: int
    ) -> None:
        super().__init__()
        self.stems = stems
        self.given = given
        self.view = view
        self.runs = _runs(bands)
        self.norm = _Norm(features)
        self.views = _uniform(len(bands), stems * view, features)
        self.view_bias = nn.Parameter(torch.zeros(len(bands), stems * view, 1))
        # Small ones: at first every stem is an equal share of the mix.
        self.weights = nn.ParameterList(
            _uniform(count, given * width, view, 0.1) for count, width in self.runs
        )
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(stems, count, given * width, 1)) for count, width in self.runs
        )

    def forward(self, features: Tensor) -> Tensor:
        bands = self.norm(features).transpose(1, 2)
        views = nn.functional.gelu(self.views @ bands + self.view_bias)
        batch, count, _, frames = views.shape
        views = views.reshape(batch, count, self.stems, self.view, frames).transpose(1, 2)
        parts = []
        first = 0
        for (count, width), weight, bias in zip(self.runs, self.weights, self.biases, strict=True):
            run = weight @ views[:, :, first : first + count] + bias
            run = run.reshape(batch, self.stems, count, self.given, width, frames)
            run = run.transpose(2, 3)
            parts.append(run.reshape(batch, self.stems, self.given, count * width, frames))
            first += count
        return torch.cat(parts, dim=3)


class _Block(nn.Module):
    """(b, n, k, t) → the same: along time, then across the bands, then over the features."""

    def __init__(self, config: CompactConfig, dilation: int) -> None:
        super().__init__()
        features, bands = config.features, len(config.bands)
        hidden = config.expansion * features
        self.time_norm = _Norm(features)
        self.time = DepthwiseConv(features * bands, config.kernel, dilation)
        self.band_norm = _Norm(features)
        self.across = _uniform(features, bands, bands, 0.3)
        self.norm = _Norm(features)
        self.widen = nn.Conv1d(features, hidden, 1)
        self.narrow = nn.Conv1d(hidden, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.time(self.time_norm(x).flatten(1, 2)).unflatten(1, x.shape[1:3])
        x = x + self.across @ self.band_norm(x)
        hidden = nn.functional.gelu(self.widen(self.norm(x).flatten(2)))
        return cast("Tensor", x + self.narrow(hidden).unflatten(2, x.shape[2:]))


class _Norm(nn.Module):
    """Each band and frame divided by the root mean square of its features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.float().square().mean(dim=1, keepdim=True) + 1e-5)
        return x * scale.to(x.dtype) * self.weight.to(x.dtype)


def _uniform(count: int, to: int, of: int, gain: float = 1.0) -> nn.Parameter:
    """(count, to, of) maps that keep the variance of their input, times `gain` squared."""
    limit = gain * (3.0 / of) ** 0.5
    return nn.Parameter(torch.empty(count, to, of).uniform_(-limit, limit))


def _runs(bands: tuple[int, ...]) -> list[tuple[int, int]]:
    """How many bands of which width follow each other."""
    return [(len(list(run)), width) for width, run in groupby(bands)]


def _require_sound(config: CompactConfig, bins: int) -> None:
    if sum(config.bands) != bins or min(config.bands) < 1:
        raise ValueError(f"its bands do not make {bins} bins")
    if config.kernel < 1 or config.kernel % 2 == 0:
        raise ValueError(f"a kernel must be odd, not {config.kernel}")
    if not 0 < len(config.dilations) <= _MOST_LAYERS or min(config.dilations) < 1:
        raise ValueError("its dilations make no blocks")
    if config.n_fft < 2 or not 0 < config.hop <= config.n_fft // 2:
        raise ValueError(f"a transform of {config.n_fft} samples every {config.hop}")
    if min(config.stems, config.features, config.expansion, config.view) < 1:
        raise ValueError("stems, features, expansion and view must be at least 1")
