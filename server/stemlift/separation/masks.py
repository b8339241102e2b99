"""Masks: from a network's estimates of the stems to what each bin of the mix is multiplied by.

Axes: b batch, s stems, c channels, f bins, t frames.

References:
    D. Wang, "On ideal binary mask as the computational goal of auditory scene analysis",
        2005: the binary mask.
    A. Liutkus and R. Badeau, "Generalized Wiener filtering with fractional power
        spectrograms", ICASSP 2015: the ratio mask and its exponent.
    N. Duong, E. Vincent and R. Gribonval, "Under-determined reverberant audio source
        separation using a full-rank spatial covariance model", IEEE TASLP 18(7), 2010;
    A. Nugraha, A. Liutkus and E. Vincent, "Multichannel audio source separation with deep
        neural networks", IEEE/ACM TASLP 24(9), 2016: the multichannel Wiener filter and
        its expectation-maximisation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stemlift.models.spec import MaskKind

RATIO_EXPONENT = 2.0
"""Power of the magnitudes in the ratio mask: 2 is the Wiener filter of independent stems."""

_SILENT = 1e-10
"""Magnitude under which a bin of the mix counts as silent; full scale is in the hundreds."""

_FAINT = 1e-20
"""Power under which a bin counts as silent."""

_DIFFUSE = 1e-3
"""Share of uncorrelated sound added to each spatial covariance."""


def masks(kind: MaskKind, estimates: Tensor, mix: Tensor) -> Tensor:
    """What to multiply each bin of the mix by to get each stem.

    Args:
        estimates: (b, s, c, f, t), magnitudes (real, non-negative) or complex spectra.
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


def complex_estimates(estimates: Tensor, mix: Tensor) -> Tensor:
    """Complex spectra of the stems, (b, s, c, f, t).

    Complex estimates are returned as they are. Magnitudes go through the multichannel
    Wiener filter; shapes and types as for `masks`.
    """
    return estimates if estimates.is_complex() else wiener(estimates, mix)


def _magnitudes(estimates: Tensor) -> Tensor:
    return estimates.abs() if estimates.is_complex() else estimates


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


def wiener(magnitudes: Tensor, mix: Tensor) -> Tensor:
    """Multichannel Wiener filter after one iteration of expectation-maximisation.

    Each stem is modelled by a power v(f, t) and a spatial covariance R(f), first learnt
    from the ratio-masked mix. With C = Σ v·R over the stems, a stem is v·R·C⁻¹·mix
    (Duong 2010, equations 13 to 18). The sum of the stems is the mix but for the
    regularisation.

    Args:
        magnitudes: (b, s, c, f, t), real, c is 1 or 2.
        mix: (b, c, f, t), complex.

    Returns:
        (b, s, c, f, t), complex.

    Raises:
        ValueError: more than two channels.
    """
    channels = mix.shape[1]
    if channels > 2:
        raise ValueError(f"the Wiener filter takes one or two channels, not {channels}")
    shares = _ratio(magnitudes)
    if channels == 1:
        return shares * mix.unsqueeze(1)
    # In real numbers throughout: complex products cost several times more on the CPU.
    left_re, left_im = mix[:, 0].real.contiguous(), mix[:, 0].imag.contiguous()
    right_re, right_im = mix[:, 1].real.contiguous(), mix[:, 1].imag.contiguous()
    shares_left, shares_right = shares[:, :, 0], shares[:, :, 1]
    left_power = shares_left.square() * (left_re.square() + left_im.square()).unsqueeze(1)
    right_power = shares_right.square() * (right_re.square() + right_im.square()).unsqueeze(1)
    both = shares_left * shares_right
    power = (left_power + right_power) / 2
    energy = power.sum(dim=-1, keepdim=True).clamp_min(_FAINT)
    # Spatial covariance per stem and bin, the (b, s, f, 1) entries of a Hermitian 2×2; a
    # little diffuse sound in every stem keeps C invertible where all stems point one way.
    ll = left_power.sum(dim=-1, keepdim=True) / energy + _DIFFUSE
    rr = right_power.sum(dim=-1, keepdim=True) / energy + _DIFFUSE
    cross_re = (left_re * right_re + left_im * right_im).unsqueeze(1)
    cross_im = (left_im * right_re - left_re * right_im).unsqueeze(1)
    lr_re = (both * cross_re).sum(dim=-1, keepdim=True) / energy
    lr_im = (both * cross_im).sum(dim=-1, keepdim=True) / energy
    # Only the ratio of the powers matters; as shares they cannot underflow in C's determinant.
    whole = power.sum(dim=1, keepdim=True)
    silent = whole < _FAINT
    power = torch.where(silent, 1.0 / power.shape[1], power / torch.where(silent, 1.0, whole))
    c_ll, c_rr = (power * ll).sum(dim=1), (power * rr).sum(dim=1)
    c_re, c_im = (power * lr_re).sum(dim=1), (power * lr_im).sum(dim=1)
    scale = 1 / (c_ll * c_rr - c_re.square() - c_im.square()).clamp_min(_DIFFUSE**2)
    # z = C⁻¹ · mix
    zl_re = ((c_rr * left_re - c_re * right_re + c_im * right_im) * scale).unsqueeze(1)
    zl_im = ((c_rr * left_im - c_re * right_im - c_im * right_re) * scale).unsqueeze(1)
    zr_re = ((c_ll * right_re - c_re * left_re - c_im * left_im) * scale).unsqueeze(1)
    zr_im = ((c_ll * right_im - c_re * left_im + c_im * left_re) * scale).unsqueeze(1)
    left = torch.complex(
        power * (ll * zl_re + lr_re * zr_re - lr_im * zr_im),
        power * (ll * zl_im + lr_re * zr_im + lr_im * zr_re),
    )
    right = torch.complex(
        power * (rr * zr_re + lr_re * zl_re + lr_im * zl_im),
        power * (rr * zr_im + lr_re * zl_im - lr_im * zl_re),
    )
    return torch.stack((left, right), dim=2)
