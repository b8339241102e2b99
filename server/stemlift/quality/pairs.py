"""What stems have in common: their powers and cross-spectra, pair by pair.

For each pair, moments of about a tenth of a second are put into classes by how loud one stem is
against the other, in each band of half an octave by itself. So afterwards it can be asked what
is common where one of them hardly plays, without a second look at the sound.

Axes: k classes, c channels, f bins. Sums run over the frames of a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from stemlift.quality.spectra import MOMENT, Spectra, power

_WIDEST = 62.5
_STEP = 5.0
CLASSES = round(2 * _WIDEST / _STEP)
"""Of 5 dB each: the middle one has stems of equal level, the outer ones all beyond ±60 dB."""

HIGHEST = 20_000.0
"""Hz. What lies above is no part of it."""

_BAND = 2.0**0.5
_FEWEST_BINS = 4
_TINY = np.float32(1e-30)

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Of two stems x and y: Σ|X|², Σ|Y|², Σ|X|²·|Y|², ΣY·X*, each (k, c, f).

    Classes rise with the level of y against x.
    """

    first: Real
    second: Real
    both: Real
    cross: NDArray[np.complex128]

    def turned(self) -> Pair:
        """The same with x and y exchanged."""
        back = slice(None, None, -1)
        return Pair(self.second[back], self.first[back], self.both[back], np.conj(self.cross[back]))


@dataclass(frozen=True, slots=True)
class Common:
    """pairs: by the names of their stems, x before y in the order of `names`.

    powers: Σ|X|² of each stem, (c, f). edges: first bin of each band; the last one ends at
    the last bin. frequencies: of the bins, in Hz.
    """

    names: tuple[str, ...]
    pairs: dict[tuple[str, str], Pair]
    powers: dict[str, Real]
    edges: tuple[int, ...]
    frequencies: Real

    def pair(self, one: str, other: str) -> Pair:
        """As if `one` were x."""
        known = self.pairs.get((one, other))
        return known if known is not None else self.pairs[other, one].turned()


class PairMeter:
    """Takes spectra of the stems as they come.

    Memory: 40 bytes · classes · channels · bins for each pair, 2 MB for stereo at 44.1 kHz.
    """

    def __init__(self, names: Sequence[str], frequencies: Real, channels: int) -> None:
        self._names = tuple(names)
        self._bins = int(np.searchsorted(frequencies, HIGHEST))
        self._frequencies = frequencies[: self._bins]
        self._edges = _edges(self._bins)
        self._pairs = {
            pair: np.zeros((CLASSES, 5, channels, self._bins))
            for pair in combinations(range(len(self._names)), 2)
        }
        self._powers = np.zeros((len(self._names), channels, self._bins))

    def update(self, spectra: Spectra) -> None:
        """(s, t, c, f), t a multiple of MOMENT."""
        stems, frames, channels = spectra.shape[:3]
        if frames == 0:
            return
        sound = spectra[..., : self._bins]
        shape = (stems, frames // MOMENT, MOMENT, channels, self._bins)
        parts = sound.reshape(shape)
        powers = power(parts)
        by_moment = powers.sum(axis=2)
        self._powers += by_moment.sum(axis=1, dtype=np.float64)
        in_bands = np.add.reduceat(by_moment.sum(axis=2), self._edges, axis=2)
        levels = 10.0 * np.log10(in_bands + _TINY)
        for (one, two), sums in self._pairs.items():
            place = np.floor((levels[two] - levels[one] + _WIDEST) / _STEP)
            classes = np.clip(place, 0, CLASSES - 1).astype(np.int64)
            cross = (parts[two] * np.conj(parts[one])).sum(axis=1)
            both = (powers[one] * powers[two]).sum(axis=1)
            given = np.stack((by_moment[one], by_moment[two], both, cross.real, cross.imag), axis=1)
            self._add(sums, classes, given)

    def _add(self, sums: Real, classes: NDArray[np.int64], given: NDArray[np.float32]) -> None:
        """classes: (moments, bands). given: (moments, 5, c, f)."""
        ends = (*self._edges[1:], self._bins)
        for band, (start, end) in enumerate(zip(self._edges, ends, strict=True)):
            used, places = np.unique(classes[:, band], return_inverse=True)
            member = np.zeros((len(used), len(classes)), np.float32)
            member[places, np.arange(len(classes))] = 1.0
            part = given[..., start:end]
            added = member @ part.reshape(len(part), -1)
            sums[used, :, :, start:end] += added.reshape(len(used), *part.shape[1:])

    def result(self) -> Common:
        return Common(
            self._names,
            {
                (self._names[one], self._names[two]): Pair(
                    sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3] + 1j * sums[:, 4]
                )
                for (one, two), sums in self._pairs.items()
            },
            dict(zip(self._names, self._powers, strict=True)),
            self._edges,
            self._frequencies,
        )


def _edges(bins: int) -> tuple[int, ...]:
    """Of bands of half an octave, but at least four bins."""
    edges = [0]
    while True:
        last = edges[-1]
        following = max(last + _FEWEST_BINS, round(last * _BAND))
        if following + _FEWEST_BINS > bins:
            return tuple(edges)
        edges.append(following)
