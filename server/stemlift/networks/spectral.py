"""Separation without weights, by published signal-processing methods.

Axes: b batch, c channels, f bins, t frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stemlift.networks.spectral_median import running_median


class Spectral(nn.Module):
    """Drums, bass, other and vocals from stereo position and the shape of the spectrum.

    References:
        D. FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
        J. Driedger, M. Müller and S. Disch, "Extending harmonic-percussive separation of
            audio signals", ISMIR 2014: what is neither steady nor percussive.
        C. Avendano, "Frequency-domain source identification and manipulation in stereo
            mixes", WASPAA 2003: the similarity of the channels.
    """

    stems = ("drums", "bass", "other", "vocals")

    def __init__(self, sample_rate: int = 44100, n_fft: int = 4096, hop: int = 1024) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop = hop
        hertz = torch.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
        self.register_buffer("low", _fade(hertz, 320.0, 140.0), persistent=False)
        voice = _fade(hertz, 120.0, 240.0) * _fade(hertz, 14000.0, 9000.0)
        self.register_buffer("voice", voice, persistent=False)

    low: Tensor
    voice: Tensor

    def forward(self, mix: Tensor) -> Tensor:
        """Magnitudes of the stems, in the order of `stems`.

        Args:
            mix: complex (b, c, f, t), c is 1 or 2.

        Returns:
            (b, 4, c, f, t), non-negative.
        """
        magnitude = mix.abs()
        left, right = mix[:, 0], mix[:, -1]
        power = (magnitude[:, 0].square() + magnitude[:, -1].square()) / 2
        level = power.sqrt()
        steady = running_median(level, dim=-1, stages=2)
        broad = running_median(level, dim=-2, stages=2)
        harmonic = steady.square() / (steady.square() + broad.square() + 1e-12)
        low, voice = self.low[:, None], self.voice[:, None]

        similarity = (left * right.conj()).real / (power + 1e-12)
        centre = similarity.clamp(0.0, 1.0).pow(8)

        pluck = ((level - steady) / (level + 1e-6)).clamp(0.0, 1.0)
        drums = (1 - low) * (1 - harmonic) + low * pluck
        tonal = 1 - drums
        bass = low * tonal * centre.sqrt()
        rest = tonal - bass
        vocals = rest * centre * voice * (0.3 + 0.7 * pluck)
        other = rest - vocals
        shares = torch.stack((drums, bass, other, vocals), dim=1).clamp_min(0.0)
        return shares.unsqueeze(2) * magnitude.unsqueeze(1)


def _fade(hertz: Tensor, zero: float, one: float) -> Tensor:
    """Weight per bin that goes from 0 at `zero` Hz to 1 at `one` Hz, a line in log frequency."""
    position = (hertz.clamp_min(1.0) / zero).log() / torch.tensor(one / zero).log()
    return position.clamp(0.0, 1.0)
