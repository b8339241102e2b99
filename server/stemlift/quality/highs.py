"""The top end: what stems lack of the mix's, and where a band limit cuts.

    loss = 10·log₁₀(Σ_{f ≥ 16 kHz} |S|² / Σ_{f ≥ 16 kHz} |X|²)

of the sum S of the stems against the mix X: 0 where nothing is missing. Networks of a lower
rate, and masks that stop at some bin, take it from every stem but the one that holds what the
model could not place.

A cut-off is where a spectrum falls for good and at once: the lowest frequency from 4 kHz up
from which on every band of 250 Hz lies at least 20 dB below the mean of the 2 kHz below. Sounds
that fade out upwards by themselves, as a bass does, fall slower. Of a stem the ratio to the mix
is looked at, so that it does not answer for the cut-off of an MP3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemlift.quality.decibels import power_db

FROM = 16_000.0
"""Hz."""

SILENT_DB = -75.0
"""Share of the mix's energy above `FROM` below which there is nothing to lose: dither, or the
rest of a lossy codec."""

_BAND = 250.0
_BELOW = 2_000.0
_LOWEST = 4_000.0
_FALL_DB = 20.0
_NOTHING_DB = -110.0
"""Relative to the whole: below it a band is empty, and rounding is all there is."""

Real = NDArray[np.float64]


def high_loss_db(found: Real, mix: Real, frequencies: Real) -> float | None:
    """Level of `found` above 16 kHz against the mix's, in dB; None where the mix has none.

    Args:
        found, mix: power by bin, (f). frequencies: of the bins in Hz.
    """
    high = frequencies >= FROM
    there = float(mix[high].sum())
    if power_db(there, float(mix.sum())) < SILENT_DB:
        return None
    return power_db(float(found[high].sum()), there)


def cutoff_hz(found: Real, frequencies: Real, mix: Real | None = None) -> float | None:
    """Where the spectrum is cut off, in Hz; None where it is not.

    Args:
        found, mix: power by bin, (f). With a mix, only bands that it fills are looked at.
        frequencies: of the bins in Hz, evenly spaced from 0.
    """
    width = max(1, round(_BAND / float(frequencies[1])))
    count = len(found) // width
    own = _bands(found, width, count)
    reference = np.ones(count) * float(found.sum()) if mix is None else _bands(mix, width, count)
    total = float(found.sum() if mix is None else mix.sum())
    if total <= 0.0 or float(own.sum()) <= 0.0:
        return None
    if mix is not None:
        filled = np.flatnonzero(reference > total * 10.0 ** (_NOTHING_DB / 10.0))
        count = int(filled[-1]) + 1 if len(filled) else 0
    least = 10.0 ** (_NOTHING_DB / 10.0)
    levels = 10.0 * np.log10(own[:count] / np.maximum(reference[:count], 1e-300) + least)
    before = round(_BELOW / _BAND)
    for band in range(round(_LOWEST / _BAND), count):
        below = float(levels[band - before : band].mean())
        # A single band at the very end is the slope of a converter's filter.
        if count - band > 1 and float(levels[band:].max()) <= below - _FALL_DB:
            return float(frequencies[min(band * width, len(frequencies) - 1)])
    return None


def _bands(power: Real, width: int, count: int) -> Real:
    return np.asarray(power[: count * width].reshape(count, width).sum(axis=1))
