"""Stems of a batch changed as records differ: what is drawn depends on seed and step alone.

Axes: b batch, s stems, c channels (2), n samples.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stemlift.training.recipe import Augmentation

_DRAWS = 1_000_003
_LOUDEST_DB = 12.0
_LIMITS = (3_600.0, 5_500.0, 8_000.0, 11_000.0, 16_000.0)
"""Hz where narrow bands end: telephones, old recordings, lossy files."""


def generator_at(seed: int, step: int) -> torch.Generator:
    """The source of chance of one step."""
    return torch.Generator().manual_seed(seed * _DRAWS + step)


def augment(stems: Tensor, rate: int, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """(b, s, 2, n) from (b, s, 2, n), float32. The mix is the sum over the stems.

    Args:
        generator: of the CPU, so that every device hears the same.
    """
    draw = _Draw(stems.shape[0], stems.shape[1], stems.device, generator)
    stems = _widths(stems, settings, draw)
    stems = stems * draw.levels(settings.gain) * draw.signs(settings.polarity)
    stems = _filtered(stems, rate, settings, draw)
    stems = _saturated(stems, settings.saturate, draw)
    stems = stems * draw.left(settings.silence, settings.solo)
    mono = draw.examples(settings.mono_mix)
    stems = torch.where(mono, stems.mean(dim=2, keepdim=True), stems)
    return _clipped(stems, settings.clip, draw)


class _Draw:
    """Chances for each example or each stem, drawn on the CPU, given on the batch's device."""

    def __init__(
        self, batch: int, stems: int, device: torch.device, generator: torch.Generator
    ) -> None:
        self._batch = batch
        self._stems = stems
        self._device = device
        self._generator = generator

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self._generator).to(self._device)

    def each(self) -> Tensor:
        """(b, s, 1, 1) in [0, 1)."""
        return self.uniform(self._batch, self._stems, 1, 1)

    def some(self, share: float) -> Tensor:
        """(b, s, 1, 1): whether."""
        return self.each() < share

    def examples(self, share: float) -> Tensor:
        """(b, 1, 1, 1): whether."""
        return self.uniform(self._batch, 1, 1, 1) < share

    def signs(self, share: float) -> Tensor:
        return 1.0 - 2.0 * self.some(share).float()

    def levels(self, spread: float) -> Tensor:
        normal = torch.randn(self._batch, self._stems, 1, 1, generator=self._generator)
        decibels = (normal * spread).clamp(-_LOUDEST_DB, _LOUDEST_DB)
        return torch.pow(10.0, decibels / 20.0).to(self._device)

    def left(self, silence: float, solo: float) -> Tensor:
        """(b, s, 1, 1): 0 for stems that are left out."""
        kept = ~self.some(silence)
        alone = self.uniform(self._batch, 1, 1, 1) * self._stems
        ordinal = torch.arange(self._stems, device=self._device).reshape(1, -1, 1, 1)
        solos = self.examples(solo)
        return torch.where(solos, alone.long() == ordinal, kept).float()


def _widths(stems: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """Channels exchanged, sides nearer or wider, or none."""
    stems = torch.where(draw.some(settings.swap), stems.flip(2), stems)
    wide = 0.5 + draw.each()
    wide = torch.where(draw.some(settings.mono), torch.zeros_like(wide), wide)
    middle = stems.mean(dim=2, keepdim=True)
    return middle + (stems - middle) * wide


def _filtered(stems: Tensor, rate: int, settings: Augmentation, draw: _Draw) -> Tensor:
    """A tilt and a broad bell for some stems; for whole examples, an end to the highs."""
    tilt = 6.0 * draw.each() - 3.0
    centre = 80.0 * 100.0 ** draw.each()
    bell = 12.0 * draw.each() - 6.0
    shaped = draw.some(settings.equalise)
    narrow = draw.examples(settings.band_limit)
    limits = torch.tensor(_LIMITS, device=stems.device)
    limit = limits[(draw.uniform(stems.shape[0], 1, 1, 1) * len(_LIMITS)).long()]
    chosen = (shaped | narrow)[:, :, 0, 0]
    if not bool(chosen.any()):
        return stems
    samples = stems.shape[-1]
    hertz = torch.fft.rfftfreq(samples, 1.0 / rate, device=stems.device).clamp_min(20.0)
    octaves = torch.log2(hertz / 1000.0)
    around = torch.log2(hertz / centre)
    decibels = shaped * (tilt * octaves.clamp(-4, 4) + bell * torch.exp(-(around**2)))
    gains = 10.0 ** (decibels / 20.0)
    steep = torch.sigmoid((limit - hertz) / (0.02 * limit))
    gains = torch.where(narrow, gains * steep, gains)
    spectra = torch.fft.rfft(stems[chosen])
    changed = torch.fft.irfft(spectra * gains[chosen], n=samples)
    return stems.masked_scatter(chosen[:, :, None, None].expand_as(stems), changed)


def _saturated(stems: Tensor, share: float, draw: _Draw) -> Tensor:
    drive = 1.0 + 5.0 * draw.each() ** 2
    chosen = draw.some(share)[:, :, 0, 0]
    if not bool(chosen.any()):
        return stems
    peak = stems[chosen].abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-6)
    drive = drive[chosen]
    driven = torch.tanh(stems[chosen] / peak * drive) / torch.tanh(drive) * peak
    return stems.masked_scatter(chosen[:, :, None, None].expand_as(stems), driven)


def _clipped(stems: Tensor, share: float, draw: _Draw) -> Tensor:
    """The mix cut off at a share of its peak, the same way in every stem."""
    chosen = draw.examples(share)
    ceiling = 0.3 + 0.6 * draw.uniform(stems.shape[0], 1, 1, 1)
    if not bool(chosen.any()):
        return stems
    level = stems.sum(dim=1, keepdim=True).abs()
    ceiling = ceiling * level.amax(dim=(2, 3), keepdim=True).clamp_min(1e-6)
    gain = (ceiling / level.clamp_min(1e-9)).clamp_max(1.0)
    return torch.where(chosen, stems * gain, stems)
