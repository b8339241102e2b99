"""What training makes small: errors of samples and of magnitudes, relative to the mix."""

from __future__ import annotations

import torch
from torch import Tensor

from stemlift.training.magnitudes import magnitudes
from stemlift.training.recipe import Loss

_QUIETEST = 1e-3

_FLOOR = 1e-3
"""Added to errors, relative to the mix: the slope of a root has no end at 0."""


def separation_loss(estimates: Tensor, stems: Tensor, settings: Loss) -> Tensor:
    """A number; both are (batch, stems, channels, samples), float32.

    The error of the samples, mean absolute or each stem's root mean square, and the mean
    absolute error of the magnitudes of short-time spectra of several lengths, as in R.
    Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN", ICASSP 2020, without logarithms: what
    is quiet in a mix counts little in an SDR.
    """
    level = stems.sum(dim=1, keepdim=True).square().mean(dim=(2, 3), keepdim=True).sqrt()
    scale = 1.0 / level.clamp_min(_QUIETEST)
    estimates, stems = estimates * scale, stems * scale
    weights = torch.tensor(settings.stems, device=stems.device).reshape(1, -1, 1, 1)
    weights = weights / weights.mean()
    errors = estimates - stems
    if settings.wave_error == "rms":
        errors = (errors.square().mean(dim=(2, 3), keepdim=True) + _FLOOR**2).sqrt()
    loss = settings.wave * (errors.abs() * weights).mean()
    if not settings.magnitude or not settings.transforms:
        return loss
    batch, count, channels, samples = stems.shape
    weights = weights.expand(batch, count, channels, 1).reshape(-1, 1, 1)
    for length in settings.transforms:
        true = magnitudes(stems.reshape(-1, samples), length)
        guessed = magnitudes(estimates.reshape(-1, samples), length)
        share = settings.magnitude / len(settings.transforms)
        loss = loss + share * ((guessed - true).abs() * weights).mean()
    return loss
