"""Hollow recombination: how much the sum of stems suffers when one of them is processed.

Stems that share sound, one holding what another one leaked, sum to the mix as long as nobody
touches them. As soon as a plug-in delays one of them, the shared part meets itself late, and
the sum is comb-filtered: it sounds hollow. Stems that share nothing do not mind.

The spectrum of the sum follows from the powers P and the cross-spectra C of the stems, with
stem k late by τ = 1 ms, the latency of a plug-in that nobody makes up for:

    S(f) = Σᵢ Pᵢ + 2·Re Σ_{i<j} C_ij·e^{∓jωτ}      the factor where i or j is k

and the ripple is the root mean square of 10·log₁₀(S/S₀) around its mean, in dB, from 100 Hz to
10 kHz, every octave counting alike. S₀ is the sum with nothing late, so that stems which are not
all of the song do not answer for what is missing. Two equal halves of a sound have 5.6, stems
that share nothing 0. The sum as it is stands against the mix: 0 where it nulls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.quality.pairs import Common

DELAY = 0.001
"""Seconds."""

LOW, HIGH = 100.0, 10_000.0
"""Hz: where combs of this delay are heard."""

_SMOOTHED = 100.0
"""Hz, about the width of what the ear hears as one around 1 kHz, and a tenth of what lies
between two notches."""

_QUIETEST = 1e-6
"""Of the loudest bin: 60 dB below it nothing is heard."""

_DEEPEST_DB = -40.0

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ripple:
    """In dB. plain_db: of the sum as it is against the mix. shifted_db: with each stem late,
    against the sum as it is."""

    plain_db: float
    shifted_db: dict[str, float]


def ripple(common: Common, mix: Real | None = None) -> Ripple:
    """Of stems whose common spectra are known.

    Args:
        mix: power of the mix by bin, (bins of `common` or more); without it, the sum of the
            stems takes its place.
    """
    untouched = _sum(common, None)
    reference = untouched if mix is None else mix[: len(untouched)]
    return Ripple(
        _ripple(common, untouched, reference),
        {name: _ripple(common, _sum(common, name), untouched) for name in common.names},
    )


def _sum(common: Common, late: str | None) -> Real:
    """Power of the sum of the stems by bin, (f), with one of them late."""
    turn = np.exp(-2j * np.pi * common.frequencies * DELAY)
    total = sum((power.sum(axis=0) for power in common.powers.values()), np.zeros(len(turn)))
    for (one, two), pair in common.pairs.items():
        cross = pair.cross.sum(axis=(0, 1))
        # The cross-spectrum is Y·X*, y the second of them.
        factor = np.conj(turn) if one == late else turn if two == late else 1.0
        total += 2.0 * np.real(cross * factor)
    return np.asarray(np.maximum(total, 0.0))


def _ripple(common: Common, found: Real, reference: Real) -> float:
    width = max(1, round(_SMOOTHED / float(common.frequencies[1])))
    box = np.ones(width) / width
    one, other = np.convolve(found, box, "same"), np.convolve(reference, box, "same")
    inside = (common.frequencies >= LOW) & (common.frequencies <= HIGH)
    inside &= other > _QUIETEST * float(other.max(initial=0.0))
    if not inside.any():
        return 0.0
    ratio = np.maximum(one[inside] / other[inside], 10.0 ** (_DEEPEST_DB / 10.0))
    levels = 10.0 * np.log10(ratio)
    weights = 1.0 / common.frequencies[inside]
    weights /= weights.sum()
    mean = float(weights @ levels)
    return float(np.sqrt(weights @ np.square(levels - mean)))
