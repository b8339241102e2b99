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

_SILENT = 1e-10
"""Magnitude under which a bin of the mix counts as silent; full scale is in the hundreds."""


def masks(kind: MaskKind, estimates: Tensor, mix: Tensor) -> Tensor:
    """What to multiply each bin of the mix by to get each stem.

    Args:
        estimates: (b, s, c, f, t), magnitudes (real; those below 0, as `wiener.add_residual`
            gives them, count as 0 but in COMPLEX) or complex spectra.
        mix: (b, c, f, t), complex.

    Returns:
        (b, s, c, f, t): real for BINARY and RATIO, in [0, 1] and adding up to 1 over the
        stems in every bin; complex for COMPLEX.
    """
    if kind is MaskKind.BINARY:
        return _binary(_magnitudes(estimates))
    if kind is MaskKind.RATIO:
        return _ratio(_magnitudes(estimates))
    return _complex_ratio(complex_estimates(estimates, mix), mix)


def complex_estimates(estimates: Tensor, mix: Tensor, amplify: bool = True) -> Tensor:
    """Complex spectra of the stems, (b, s, c, f, t).

    Complex estimates are returned as they are. Magnitudes go through the multichannel
    Wiener filter, which with `amplify` hears a quiet mix like a loud one; without, it does
    as Open-Unmix does there too. Shapes and types as for `masks`.
    """
    return estimates if estimates.is_complex() else wiener(estimates, mix, amplify=amplify)


def _magnitudes(estimates: Tensor) -> Tensor:
    return estimates.abs() if estimates.is_complex() else estimates.clamp_min(0.0)


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


def _complex_ratio(spectra: Tensor, mix: Tensor) -> Tensor:
    whole = mix.unsqueeze(1)
    silent = whole.abs() < _SILENT
    return torch.where(silent, 0.0, spectra / torch.where(silent, 1.0, whole))
