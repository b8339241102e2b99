"""How far an estimated stem lies from the true one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.floating]

LIMIT_DB = 300.0
"""Ratios are held within ± this, so that perfect and silent stems stay finite."""


def sdr(reference: Audio, estimate: Audio) -> float:
    """Signal-to-distortion ratio in dB: 10·log₁₀(Σ s² / Σ (s − ŝ)²) over all channels.

    The definition of the Music Demixing Challenge (Y. Mitsufuji et al., "Music Demixing
    Challenge 2021", Frontiers in Signal Processing 1, 2022, equation 1), over the whole
    stem at once: no distortion is forgiven, a wrong level counts.

    Args:
        reference, estimate: (frames, channels) of one shape.

    Raises:
        ValueError: the shapes differ.
    """
    truth, guess = _pair(reference, estimate)
    return _decibels(_energy(truth), _energy(truth - guess))


def si_sdr(reference: Audio, estimate: Audio) -> float:
    """Scale-invariant SDR in dB: the reference is first scaled to fit the estimate best.

    J. Le Roux, S. Wisdom, H. Erdogan and J. Hershey, "SDR – half-baked or well done?",
    ICASSP 2019, equation 4: the target is αs with α = ⟨ŝ, s⟩ / ‖s‖², one α for all channels.
    Arguments and errors as for `sdr`.
    """
    truth, guess = _pair(reference, estimate)
    energy = _energy(truth)
    if energy == 0.0:
        return _decibels(0.0, _energy(guess))
    target = truth * (float(np.vdot(truth, guess)) / energy)
    return _decibels(_energy(target), _energy(target - guess))


def _pair(reference: Audio, estimate: Audio) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if reference.shape != estimate.shape:
        raise ValueError(f"reference is {reference.shape}, estimate {estimate.shape}")
    return reference.astype(np.float64), estimate.astype(np.float64)


def _energy(signal: NDArray[np.float64]) -> float:
    return float(np.vdot(signal, signal))


def _decibels(signal: float, distortion: float) -> float:
    if distortion == 0.0:
        return LIMIT_DB
    if signal == 0.0:
        return -LIMIT_DB
    level = 10.0 * (math.log10(signal) - math.log10(distortion))
    return max(-LIMIT_DB, min(LIMIT_DB, level))
