"""The multichannel Wiener filter of Open-Unmix: expectation-maximisation from magnitudes.

Axes: b batch, s stems, c channels, f bins, t frames, w frames of one window.

Inside, complex numbers are pairs of reals. A stereo bin is the vector (left re, left im,
right re, right im), and a complex 2×2 matrix is the real 4×4 that does the same to it:
products of real matrices are several times faster on the CPU than complex ones.

References:
    N. Duong, E. Vincent and R. Gribonval, "Under-determined reverberant audio source
        separation using a full-rank spatial covariance model", IEEE TASLP 18(7), 2010: the
        model, and the filter v·R·C⁻¹ with C = Σ v·R over the stems.
    A. Nugraha, A. Liutkus and E. Vincent, "Multichannel audio source separation with deep
        neural networks", IEEE/ACM TASLP 24(9), 2016: R as a weighted mean over the frames.
    A. Liutkus and F.-R. Stöter, "sigsep/norbert", Zenodo 3269749, 2019; F.-R. Stöter,
        S. Uhlich, A. Liutkus and Y. Mitsufuji, "Open-Unmix - a reference implementation for
        music source separation", JOSS 4(41), 2019: starting points, constants and windows.
"""

from __future__ import annotations

import torch
from torch import Tensor

WINDOW = 300
"""Frames that share one spatial covariance, unless told otherwise."""

_EPS = 1e-10
"""Added to what is divided by; its root is the power of the noise in every bin."""

_NOISE = _EPS**0.5

_LOUDEST = 10.0
"""The mix is scaled to this magnitude where it is louder."""

_FAINT = 1e-30
"""The most that a quiet mix is scaled up."""

_OVERFLOW = 1e4
"""Largest estimate after that: no more than a thousand times the mix; its powers stay finite."""


def wiener(
    magnitudes: Tensor,
    mix: Tensor,
    iterations: int = 1,
    softmask: bool = False,
    window: int = WINDOW,
    amplify: bool = False,
) -> Tensor:
    """Spectra of the stems from their magnitudes and the mix.

    The first estimates are the magnitudes with the phase of the mix. Each iteration then
    models every stem by its power v(f, t) and a spatial covariance R(f), learnt from the
    last estimates of the window, and filters the mix by v·R·(Σ v·R + noise)⁻¹. A single
    stem has nothing to be told from and is not filtered.

    The noise is 70 dB below the loudest bin of a loud window. In a window whose bins are all
    under 10 it has a fixed level, as in Open-Unmix, and what is much quieter is lost in it;
    `amplify` keeps it 70 dB below there too, so that the level of the mix does not matter.

    Args:
        magnitudes: (b, s, c, f, t), real; below 0 where the phase is the opposite one, as
            `add_residual` gives it.
        mix: (b, c, f, t), complex, c is 1 or 2; not normalised.
        iterations: 0 gives the first estimates.
        softmask: the first estimates are the mix times the stem's share of all magnitudes.
        window: frames that are filtered on their own; 0: all at once.
        amplify: quiet windows are scaled up as loud ones are scaled down.

    Returns:
        (b, s, c, f, t), complex.

    Raises:
        ValueError: more than two channels.
    """
    channels, frames = mix.shape[1], mix.shape[-1]
    if channels > 2:
        raise ValueError(f"the Wiener filter takes one or two channels, not {channels}")
    if softmask:
        magnitudes = magnitudes * (mix.abs().unsqueeze(1) / (_EPS + magnitudes.sum(1, True)))
    if magnitudes.shape[1] == 1:
        iterations = 0
    length = window or max(frames, 1)
    parts = zip(
        torch.split(magnitudes, length, dim=-1), torch.split(mix, length, dim=-1), strict=True
    )
    quietest = _FAINT if amplify else 1.0
    return torch.cat([_one_window(*part, iterations, quietest) for part in parts], dim=-1)


def add_residual(magnitudes: Tensor, mix: Tensor) -> Tensor:
    """Magnitudes with one more stem at the end: what the others leave of the mix.

    Below 0 in bins where they exceed the mix; the filter needs the sign, a mask its square.

    Args:
        magnitudes: (b, s, c, f, t), real.
        mix: (b, c, f, t), complex.

    Returns:
        (b, s + 1, c, f, t).
    """
    rest = mix.abs() - magnitudes.sum(dim=1)
    return torch.cat((magnitudes, rest.unsqueeze(1)), dim=1)


def _one_window(magnitudes: Tensor, mix: Tensor, iterations: int, quietest: float) -> Tensor:
    """`wiener` of frames that belong together, scaled down or up, to no less than `quietest`."""
    batch, stems, channels, bins, frames = magnitudes.shape
    # As (b, f, c, 2, w): one matrix product per bin works through all frames.
    whole = torch.view_as_real(mix).permute(0, 2, 1, 4, 3).contiguous()
    absolute = torch.hypot(whole[..., 0, :], whole[..., 1, :])
    scale = (absolute.amax(dim=(1, 2, 3), keepdim=True) / _LOUDEST).clamp_min(quietest)
    silent = absolute == 0
    phase = whole / torch.where(silent, 1.0, absolute).unsqueeze(-2)
    phase[..., 0, :] = torch.where(silent, 1.0, phase[..., 0, :])
    level = magnitudes.permute(0, 3, 1, 2, 4)
    scale = scale.unsqueeze(-1)
    if iterations > 0:
        level = (level / scale).clamp(-_OVERFLOW, _OVERFLOW)
    # (b, f, s, 2·c, w)
    estimates = (level.unsqueeze(-2) * phase.unsqueeze(2)).flatten(3, 4)
    if iterations > 0:
        whole = (whole / scale).flatten(2, 3)
        step = _stereo_step if channels == 2 else _mono_step
        for _ in range(iterations):
            estimates = step(estimates, whole)
        estimates = estimates * scale
    pairs = estimates.reshape(batch, bins, stems, channels, 2, frames).permute(0, 2, 3, 1, 5, 4)
    spectra: Tensor = torch.view_as_complex(pairs.contiguous())
    return spectra


def _mono_step(estimates: Tensor, mix: Tensor) -> Tensor:
    """(b, f, s, 2, w) from (b, f, s, 2, w) and (b, f, 2, w)."""
    power = estimates.square().sum(dim=-2)
    energy = power.sum(dim=-1, keepdim=True)
    power = power * (energy / (_EPS + energy))
    gains = power / (_NOISE + power.sum(dim=-2, keepdim=True))
    filtered: Tensor = gains.unsqueeze(-2) * mix.unsqueeze(2)
    return filtered


def _stereo_step(estimates: Tensor, mix: Tensor) -> Tensor:
    """(b, f, s, 4, w) from (b, f, s, 4, w) and (b, f, 4, w).

    With A = Σ v·R and noise n, C = A + n·1 is inverted as
    C⁻¹ = (n·1 + Σ v·adj R) / (n² + n·tr A + det A), det A = ½ Σⱼₖ vⱼ·vₖ·tr(Rⱼ·adj Rₖ).
    All that may cancel then does so in products of the R alone, few enough for float64; C
    itself, in float32, could not be told from a singular matrix where all stems come from
    one place, such as in a mono mix.
    """
    power = estimates.square().sum(dim=-2) / 2
    covariance = _covariances(estimates, power)
    trace = covariance.diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 2
    identity = torch.eye(4, dtype=covariance.dtype, device=covariance.device)
    adjugate = trace[..., None, None] * identity - covariance
    # Rⱼ·adj Rₖ as (b, f, s of j, 4, s of k, 4), and its trace as (b, f, s, s).
    products = torch.einsum("bfjxy,bfkyz->bfjxkz", covariance, adjugate)
    determinants = products.diagonal(dim1=3, dim2=5).sum(dim=-1).clamp_min(0.0) / 4
    # Filters of all stems at once, applied to the mix and to the mix times each power.
    filters = torch.cat(
        (_NOISE * covariance.flatten(2, 3), products.flatten(4, 5).flatten(2, 3)), dim=-1
    )
    inputs = torch.cat((mix.unsqueeze(2), power.unsqueeze(-2) * mix.unsqueeze(2)), dim=2)
    filtered = filters.to(mix.dtype) @ inputs.flatten(2, 3)
    determinant = (power * (determinants.to(mix.dtype) @ power)).sum(dim=2)
    spread = (power * trace.to(mix.dtype).unsqueeze(-1)).sum(dim=2)
    gains = power / (_EPS + _NOISE * spread + determinant).unsqueeze(2)
    stems: Tensor = gains.unsqueeze(-2) * filtered.reshape(estimates.shape)
    return stems


def _covariances(estimates: Tensor, power: Tensor) -> Tensor:
    """Spatial covariances R = Σ y·yᴴ / Σ v over the frames, (b, f, s, 4, 4).

    In float64, but on devices that have none.
    """
    wide = torch.float32 if estimates.device.type == "mps" else torch.float64
    gram = (estimates @ estimates.transpose(-1, -2)).to(wide)
    gram = gram / (_EPS + power.sum(dim=-1).to(wide))[..., None, None]
    # yᵀ·y of the real vectors has the parts of y·yᴴ of the complex ones.
    left = gram[..., 0, 0] + gram[..., 1, 1]
    right = gram[..., 2, 2] + gram[..., 3, 3]
    real = gram[..., 0, 2] + gram[..., 1, 3]
    imag = gram[..., 1, 2] - gram[..., 0, 3]
    # Rounding may have left more in common than there is: then R would not be a covariance.
    common = torch.hypot(real, imag)
    most = (left * right).sqrt()
    excess = torch.where(common > most, most / common, 1.0)
    real, imag = real * excess, imag * excess
    none = torch.zeros_like(left)
    upper = (left, none, real, -imag, none, left, imag, real)
    lower = (real, imag, right, none, -imag, real, none, right)
    return torch.stack((*upper, *lower), dim=-1).reshape(*left.shape, 4, 4)
