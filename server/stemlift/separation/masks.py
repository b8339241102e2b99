"""Masks: from a network's estimates of the stems to what each bin of the mix is multiplied by.

Axes: b batch, s stems, c channels, f bins, t frames.

References:
    D. Wang, "On ideal binary mask as the computational goal of auditory scene analysis",
        2005: the binary mask.
    A. Liutkus and R. Badeau, "Generalized Wiener filtering with fractional power
        spectrograms", ICASSP 2015: the ratio mask and its exponent.
    For the complex mask of magnitudes see `wiener`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stemlift.models.spec import MaskKind
from stemlift.separation.wiener import wiener

RATIO_EXPONENT = 2.0
"""Power of the magnitudes in the ratio mask: 2 is the Wiener filter of independent stems."""


def masks(kind: MaskKind, estimates: Tensor) -> Tensor:
    """What to multiply each bin of the mix by to get each stem.

    Args:
        kind: BINARY or RATIO; for COMPLEX see `complex_estimates`.
        estimates: (b, s, c, f, t), magnitudes (real; those below 0, as `wiener.add_residual`
            gives them, count as 0) or complex spectra.

    Returns:
        (b, s, c, f, t), real, in [0, 1] and adding up to 1 over the stems in every bin.
    """
    magnitudes = estimates.abs() if estimates.is_complex() else estimates.clamp_min(0.0)
    return _binary(magnitudes) if kind is MaskKind.BINARY else _ratio(magnitudes)


def complex_estimates(estimates: Tensor, mix: Tensor, amplify: bool = True) -> Tensor:
    """Complex spectra of the stems, (b, s, c, f, t): what the complex mask makes of the mix.

    Complex estimates are returned as they are. Magnitudes go through the multichannel
    Wiener filter, which with `amplify` hears a quiet mix like a loud one; without, it does
    as Open-Unmix does there too.

    Args:
        estimates: (b, s, c, f, t), magnitudes or complex spectra.
        mix: (b, c, f, t), complex.
    """
    return estimates if estimates.is_complex() else wiener(estimates, mix, amplify=amplify)


def _binary(magnitudes: Tensor) -> Tensor:
    # The first of equal stems takes the bin, so that a tie falls the same way every time.
    # argmax and scatter would do the same at five times the cost.
    peak = magnitudes.amax(dim=1)
    free = torch.ones_like(peak, dtype=torch.bool)
    winners = torch.empty_like(magnitudes)
    for stem in range(magnitudes.shape[1]):
        wins = free & (magnitudes[:, stem] == peak)
        winners[:, stem] = wins
        free &= ~wins
    return winners


def _ratio(magnitudes: Tensor, exponent: float = RATIO_EXPONENT) -> Tensor:
    # Divided by the largest first, the powers neither overflow nor all underflow to zero.
    peak = magnitudes.amax(dim=1, keepdim=True)
    silent = peak < torch.finfo(magnitudes.dtype).tiny
    shares = (magnitudes / torch.where(silent, 1.0, peak)).pow_(exponent)
    shares = torch.where(silent, 1.0, shares)
    return shares / shares.sum(dim=1, keepdim=True)
