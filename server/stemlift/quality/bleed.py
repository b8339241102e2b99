"""What a stem holds of another one: cross-stem leakage, without knowing the true stems.

If stem B holds g·A besides its own, B = B₀ + g·A, and B₀ has no phase in common with A, then in
every bin f of a short-time spectrum ΣB·A* / Σ|A|² is g (the H₁ estimate of a transfer function;
J. S. Bendat and A. G. Piersol, Random Data, 4th ed., 2010, section 6.1). The power of the leak
follows from the coherence γ² = |ΣB·A*|² / (Σ|A|²·Σ|B|²): γ²·Σ|B|².

Coherence has no direction: A holding a little of B looks the same. Activity has one: where B
itself pauses, all that it holds is leak. So sums run, in each band of half an octave, over that
tenth of A's energy at which B is quietest against A (`stemlift.quality.pairs`).

Two sounds that hold one note are coherent as long as they hold it, and differ in phase the next
time. So only products of different passages p, q of two seconds count (a U-statistic; a leak is
of the same phase in all of them, chance is not), with c_p = ΣB·A* and P_p = Σ|A|² over a passage:

    |g|² = Σ_{p≠q} c_p·c_q* / Σ_{p≠q} P_p·P_q = Σ_f(|Σc|² − Σ|c_p|²) / Σ_f((ΣP)² − ΣP_p²)
    leak = Σ_bands |g|² · P_A

P_A is the power of A in a band over the whole song. A band with only one passage tells nothing,
and no leak is louder than B is in these sums.

Where A pauses and B does not, coherence with B may be what A holds of B. So the leak is dropped
if what A plays in its pauses accounts for it. Then a lesser leak of A into B is not seen either.

Known limits. Where neither pauses for a tenth of the other's energy, both directions read alike.
Pauses that all lie in one passage tell nothing by coherence: neither direction is found. Sounds
that are triggered together with the same phase every time, as samples of a drum machine can be,
count as leak where they never play apart. Leakage of scrambled phase is seen by activity alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemlift.quality.decibels import FLOOR_DB, power_db
from stemlift.quality.pairs import Common, Pair

SHARE = 0.1
"""Of the energy of A, at which B is quietest."""

LOWEST_DB = -80.0
"""Below it the estimate means nothing; what is lower is FLOOR_DB."""

_LEAST = 0.2
"""Share of the pairs of passages that are different ones, below which chance is all there is."""

_CLEARLY = 6.0
"""dB by which one stem has to be quieter than the other where it rests, to tell who pauses."""

_NEAR = 1.0
"""dB by which two estimates of one leak may differ."""

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Leak:
    """How much of stem `source` is heard in stem `into`.

    level_db: by coherence, relative to the source: −20 says that a tenth of its amplitude is
        there, too. FLOOR_DB where nothing is found.
    activity_db: level of `into`, relative to the source, where it is quietest while the source
        plays. Its own sound counts where it never pauses, so this is an upper bound.
    in_stem_db: the leak relative to the level of `into`: how loud it is in it.
    """

    source: str
    into: str
    level_db: float
    activity_db: float
    in_stem_db: float


def leaks(common: Common) -> tuple[Leak, ...]:
    """Of every stem into every other one."""
    found = {
        (source, into): _leak(common, source, into)
        for into in common.names
        for source in common.names
        if source != into
    }
    powers = {name: power_db(float(common.powers[name].sum())) for name in common.names}
    return tuple(
        replace(leak, level_db=FLOOR_DB, in_stem_db=FLOOR_DB)
        if _is_other_way(leak, found[into, source], powers[source] - powers[into])
        else leak
        for (source, into), leak in found.items()
    )


def _is_other_way(leak: Leak, back: Leak, difference: float) -> bool:
    """Whether what is common is, or may be, what the source holds of `into`.

    Only where the source pauses and `into` does not. With what the source holds in its pauses,
    |h|² = `back.activity_db`, the leak back alone would read as |h|²·(P_into / P_source)².

    Args:
        difference: level of the source against `into`, in dB.
    """
    if FLOOR_DB in (leak.level_db, back.activity_db):
        return False
    source_rests = back.activity_db - difference
    into_rests = leak.activity_db + difference
    feigned = back.activity_db - 2.0 * difference
    return source_rests < into_rests - _CLEARLY and leak.level_db <= feigned + _NEAR


def _leak(common: Common, source: str, into: str) -> Leak:
    own, other = common.powers[source], common.powers[into]
    coherent, active = _found(common.pair(source, into), own, common.edges)
    total = float(own.sum())
    level = power_db(coherent, total)
    if level < LOWEST_DB:
        level, coherent = FLOOR_DB, 0.0
    return Leak(
        source, into, level, power_db(active, total), power_db(coherent, float(other.sum()))
    )


def _found(pair: Pair, own: Real, edges: tuple[int, ...]) -> tuple[float, float]:
    """Power of the leak over the song, by coherence and by activity."""
    coherent = active = 0.0
    bounds = (*edges, own.shape[1])
    for start, end in pairwise(bounds):
        band = slice(start, end)
        by_class = pair.first[:, :, band].sum(axis=(1, 2))
        total = float(by_class.sum())
        if total <= 0.0:
            continue
        kept = slice(0, 1 + int(np.argmax(np.cumsum(by_class) >= SHARE * total)))
        source = pair.first[kept, :, band].sum(axis=0)
        song = float(own[:, band].sum())
        # What is there at all is the most that can be leak.
        most = float(pair.second[kept, :, band].sum() / source.sum()) * song
        active += most
        cross = np.square(np.abs(pair.cross[kept, :, band].sum(axis=0)))
        cross -= pair.chance[kept, :, band].sum(axis=0)
        squares = np.square(source)
        pairs = float((squares - pair.first_squares[kept, :, band].sum(axis=0)).sum())
        if pairs > _LEAST * float(squares.sum()):
            coherent += min(most, float(cross.sum()) / pairs * song)
    return max(0.0, coherent), active
