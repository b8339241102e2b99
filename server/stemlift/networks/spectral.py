"""Separation without weights, by published signal-processing methods.

Axes: b batch, c channels, f bins, t frames.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from stemlift.networks.spectral_median import running_median, sustained
from stemlift.networks.spectral_pitch import PitchComb
from stemlift.networks.stft import Stft

_TINY = 1e-12


class Spectral(nn.Module):
    """Drums, bass, other and vocals from stereo position and the shape of the spectrum.

    Each bin is shared out in four steps: what is percussive goes to the drums; of the tonal
    rest, the harmonics of the lowest line go to the bass; of what remains, what is panned to
    the centre and lies on the harmonics of the predominant melody goes to the vocals; what is
    left is other. In a mono mix, where everything is in the centre, the melody and what
    wavers decide alone.

    It hears no timbre: a solo guitar in the centre counts as vocals, a bowed tom as bass.

    References:
        D. FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
        J. Driedger, M. Müller and S. Disch, "Extending harmonic-percussive separation of
            audio signals", ISMIR 2014: the margin, and the voice among what is neither
            steady nor percussive.
        C. Avendano, "Frequency-domain source identification and manipulation in stereo
            mixes", WASPAA 2003: the similarity of the channels.
        For the pitch of bass and voice see `spectral_pitch`.
    """

    stems = ("drums", "bass", "other", "vocals")

    def __init__(self, sample_rate: int = 44100, n_fft: int = 4096, hop: int = 1024) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.stft = Stft(n_fft, hop)
        bins, width = n_fft // 2 + 1, sample_rate / n_fft
        hertz = (torch.arange(bins) * width).unsqueeze(-1)
        self._low_bins = int(_LOW_HERTZ / width)
        self.register_buffer("low", _fade(hertz, 400.0, 150.0), False)
        self.register_buffer("bass_line", _fade(hertz, 250.0, 120.0), False)
        self.register_buffer("bass_floor", _fade(hertz, 140.0, 100.0), False)
        self.register_buffer("melody", _fade(hertz, 90.0, 180.0), False)
        self.register_buffer("voice", _fade(hertz, 100.0, 200.0), False)
        self.register_buffer("sung", self.voice * _fade(hertz, 9000.0, 5000.0), False)
        self.bass_comb = PitchComb(width, bins, lowest=36.0, octaves=2.0)
        self.voice_comb = PitchComb(width, bins, lowest=110.0, octaves=3.1)

    low: Tensor
    bass_line: Tensor
    bass_floor: Tensor
    melody: Tensor
    voice: Tensor
    sung: Tensor

    def forward(self, mix: Tensor) -> Tensor:
        """Magnitudes of the stems, in the order of `stems`.

        Args:
            mix: complex (b, c, f, t), c is 1 or 2.

        Returns:
            (b, 4, c, f, t), non-negative; they add up to the magnitudes of the mix.
        """
        # In real numbers throughout: complex products cost several times more on the CPU.
        left_re, left_im = mix[:, 0].real.contiguous(), mix[:, 0].imag.contiguous()
        right_re, right_im = mix[:, -1].real.contiguous(), mix[:, -1].imag.contiguous()
        left_power = left_re.square() + left_im.square()
        right_power = right_re.square() + right_im.square()
        power = (left_power + right_power) / 2
        common = left_re * right_re + left_im * right_im
        level = power.sqrt()
        steady = sustained(level, (3, 3), offset=4)
        broad = running_median(level, -2, (5, 5))
        wavering = _share(level - steady, level)
        centre = _centre(common, power)
        percussive = self._percussive(level, steady, broad)

        line = self.bass_comb((steady * centre.sqrt()).sqrt())
        bass = torch.maximum(line * self.bass_line, self.bass_floor) * centre

        partials = (level - broad).clamp_min(0.0) * centre * (0.4 + 0.6 * wavering)
        comb = self.voice_comb(partials.sqrt() * self.melody * (1 - bass))
        width = _width(common, power)
        by_place = 0.15 + 0.85 * comb
        by_melody = 0.3 + 0.7 * comb * (0.75 + 0.25 * wavering)
        vocals = (width * by_place + (1 - width) * by_melody) * centre * self.voice

        # A gliding voice looks percussive; its own harmonics do not belong to the drums.
        drums = percussive * (1 - 0.7 * comb * centre * self.sung)
        tonal = 1 - drums
        rest = tonal * (1 - bass)
        shares = torch.stack((drums, tonal * bass, rest * (1 - vocals), rest * vocals), dim=1)
        magnitudes = torch.stack((left_power, right_power)[: mix.shape[1]], dim=1).sqrt_()
        return shares.clamp_min_(0.0).unsqueeze(2) * magnitudes.unsqueeze(1)

    def _percussive(self, level: Tensor, steady: Tensor, broad: Tensor) -> Tensor:
        """Share of drums in each bin, (b, f, t).

        Above, FitzGerald's masks. Below 400 Hz a drum is hardly broader than a note, and
        what dies within a tenth of a second counts as much as what is broad.
        """
        bins = self._low_bins
        level_low = level[:, :bins]
        steady_low = sustained(level_low, (5,), offset=3)
        broad_low = running_median(level_low, -2, (5,))
        brief = _share(level_low - steady_low, level_low)
        low = 0.5 * brief + 0.5 * _against(broad_low, steady_low, 2)
        low = functional.pad(low, (0, 0, 0, level.shape[1] - bins))
        return torch.lerp(_against(broad, steady, 3), low, self.low)


_LOW_HERTZ = 500.0
"""Up to here the low masks are computed; their weight ends below it."""


def _centre(common: Tensor, power: Tensor) -> Tensor:
    """Share of each bin that is panned to the centre, (b, f, t).

    The real part of Avendano's similarity is 1 for equal channels and cos(pan · π/2) for a
    source panned at constant power, so that a mix of both lies between in proportion.

    Args:
        common: real part of left · conj(right), (b, f, t).
        power: mean of the channels' powers.
    """
    similarity = common / (power + _TINY)
    aside = 0.2
    return ((similarity - aside) / (1 - aside)).clamp(0.0, 1.0).pow(0.8)


def _width(common: Tensor, power: Tensor) -> Tensor:
    """0 for a mono mix to 1 for a wide one, (b, 1, 1): how far place can be trusted.

    The share of |left − right|² in all power decides.
    """
    whole = power.sum(dim=(-1, -2))
    share = (whole - common.sum(dim=(-1, -2))).clamp_min(0.0) / (2 * (whole + _TINY))
    return (share / (share + 0.02))[:, None, None]


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return (part / (whole + _TINY)).clamp(0.0, 1.0)


def _against(one: Tensor, other: Tensor, exponent: int) -> Tensor:
    """Soft mask of `one` against `other`; a half where both are silent."""
    # As a ratio, since the powers of quiet bins would underflow.
    greater = torch.maximum(one, other).clamp_min(_TINY)
    one, other = (one / greater) ** exponent, (other / greater) ** exponent
    return torch.where(one + other > 0, one / (one + other).clamp_min(_TINY), 0.5)


def _fade(hertz: Tensor, zero: float, one: float) -> Tensor:
    """Weight that goes from 0 at `zero` Hz to 1 at `one` Hz, a line in log frequency."""
    position = (hertz.clamp_min(1.0) / zero).log() / math.log(one / zero)
    return position.clamp(0.0, 1.0)
