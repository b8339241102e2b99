"""Smeared attacks: sound before an onset that the mix does not have there.

Masks and networks work on windows; where a window holds an attack, a part of it is spread over
the whole window, and so comes before the attack. Attacks are looked for in the mix. The sound
passes a first difference, so that a sustained bass does not hide them; energies e are taken of
single milliseconds. At every attack n

    sharpness = 10·log₁₀( mean e[n, n + 10 ms) / mean e[n − 20 ms, n) )

in the mix and in each stem that holds at least half of the attack's energy. The smear of a stem
is the median over attacks of the mix's sharpness less the stem's. A clean stem has less before
the attack than the mix, since the other instruments are gone: 0 or negative. What is positive
was made by the separation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BEFORE, AFTER = 20, 10
"""Milliseconds."""

RISE_DB = 9.0
"""An attack lets the energy rise at least so much."""

FEWEST = 3
"""Attacks below which there is no figure."""

_APART = 50
_QUIETEST_DB = -60.0
_MARGIN = BEFORE + AFTER + _APART
_LARGEST_DB = 60.0
"""Digital silence before an attack counts as so much below it."""

Audio = NDArray[np.floating]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Smear:
    """loss_db: median of what the attacks lost in sharpness. attacks: how many were found."""

    loss_db: float
    attacks: int


class TransientMeter:
    """Takes the mix and its stems block by block; keeps a number for each attack."""

    def __init__(self, names: tuple[str, ...], rate: int) -> None:
        self._names = names
        self._rate = rate
        self._seen = 0
        self._at_start = True
        self._last: Real | None = None
        self._open: Real | None = None
        self._energies = np.zeros((1 + len(names), 0))
        self._losses: dict[str, list[float]] = {name: [] for name in names}

    def update(self, mix: Audio, stems: Mapping[str, Audio]) -> None:
        """A block, (frames, channels) each, all of one shape; an empty one changes nothing."""
        if not len(mix):
            return
        sounds = np.stack([mix, *(stems[name] for name in self._names)]).astype(np.float64)
        if self._last is None:
            self._last = np.zeros((sounds.shape[0], 1, sounds.shape[2]))
        steps = np.diff(sounds, axis=1, prepend=self._last)
        self._last = sounds[:, -1:].copy()
        self._energies = np.concatenate((self._energies, self._milliseconds(steps)), axis=1)
        if self._energies.shape[1] > 8 * _MARGIN:
            self._look(last=False)

    def result(self) -> dict[str, Smear | None]:
        """None for stems that hold too few attacks."""
        if self._energies.shape[1] > BEFORE + AFTER:
            self._look(last=True)
        return {
            name: Smear(float(np.median(losses)), len(losses)) if len(losses) >= FEWEST else None
            for name, losses in self._losses.items()
        }

    def _milliseconds(self, steps: Real) -> Real:
        """(s, ms): energies of the milliseconds that end in this block."""
        powers = np.square(steps).sum(axis=2)
        if self._open is None:
            self._open = np.zeros(len(powers))
        first = self._seen * 1000 // self._rate
        self._seen += powers.shape[1]
        last = self._seen * 1000 // self._rate
        start = self._seen - powers.shape[1]
        places = (np.arange(start, self._seen) * 1000) // self._rate - first
        sums: Real = np.stack(
            [np.bincount(places, row, minlength=last - first + 1) for row in powers]
        ).astype(np.float64)
        sums[:, 0] += self._open
        self._open = sums[:, last - first].copy()
        return np.asarray(sums[:, : last - first])

    def _look(self, last: bool) -> None:
        """Take the attacks of what is held, but for the margins that other blocks go on with."""
        count = self._energies.shape[1]
        begin = 0 if self._at_start else _MARGIN
        end = count if last else count - _MARGIN
        self._at_start = False
        sums = np.cumsum(self._energies, axis=1)
        sums = np.concatenate((np.zeros((len(sums), 1)), sums), axis=1)
        spots = np.arange(BEFORE, count - AFTER)
        after = np.maximum(sums[:, spots + AFTER] - sums[:, spots], 0.0) / AFTER
        before = np.maximum(sums[:, spots] - sums[:, spots - BEFORE], 0.0) / BEFORE
        sharp = _sharpness(after, before)
        for at in self._attacks(sharp[0], after[0]):
            if not begin <= at + BEFORE < end:
                continue
            for place, name in enumerate(self._names, 1):
                if after[place, at] >= 0.5 * after[0, at]:
                    self._losses[name].append(float(sharp[0, at] - sharp[place, at]))
        if not last:
            self._energies = self._energies[:, -2 * _MARGIN :]

    def _attacks(self, sharp: Real, after: Real) -> list[int]:
        least = 10.0 ** (_QUIETEST_DB / 10.0) * self._rate / 1000.0
        found: list[int] = []
        for at in np.flatnonzero((sharp >= RISE_DB) & (after >= least)).tolist():
            around = sharp[max(0, at - _APART) : at + _APART + 1]
            if sharp[at] == around.max() and (not found or at - found[-1] > _APART):
                found.append(at)
        return found


def _sharpness(after: Real, before: Real) -> Real:
    floor = 10.0 ** (-_LARGEST_DB / 10.0)
    ratio = after / np.maximum(before, np.maximum(after * floor, 1e-300))
    return np.asarray(10.0 * np.log10(np.maximum(ratio, floor)))
