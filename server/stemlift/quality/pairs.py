"""What stems have in common: their powers and cross-spectra, pair by pair.

For each pair, moments of about a tenth of a second are put into classes by how loud one stem is
against the other, in each band of half an octave by itself. So afterwards it can be asked what
is common where one of them hardly plays, without a second look at the sound.

Sums run over passages of two seconds, and their squares are summed as well: what two sounds have
in common by chance, as two voices that hold one note, differs from passage to passage, and what
leaks is the same in all.

Axes: k classes, c channels, f bins.
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

PASSAGE = 2.0
"""Seconds."""

HIGHEST = 20_000.0
"""Hz. What lies above is no part of it."""

_BAND = 2.0**0.5
_FEWEST_BINS = 4
_TINY = np.float32(1e-30)

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Of two stems x and y, each (k, c, f).

    first, second, cross: Σ|X|², Σ|Y|², ΣY·X* over the whole song.
    first_squares, second_squares, chance: Σ of the squares of the same sums over each passage.
    Classes rise with the level of y against x.
    """

    first: Real
    second: Real
    cross: NDArray[np.complex128]
    first_squares: Real
    second_squares: Real
    chance: Real

    def turned(self) -> Pair:
        """The same with x and y exchanged."""
        back = slice(None, None, -1)
        return Pair(
            self.second[back],
            self.first[back],
            np.conj(self.cross[back]),
            self.second_squares[back],
            self.first_squares[back],
            self.chance[back],
        )


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

    Memory: 56 bytes · classes · channels · bins for each pair, 2.6 MB for stereo at 44.1 kHz.
    """

    def __init__(self, names: Sequence[str], frequencies: Real, channels: int) -> None:
        self._names = tuple(names)
        self._bins = int(np.searchsorted(frequencies, HIGHEST))
        self._frequencies = frequencies[: self._bins]
        self._edges = _edges(self._bins)
        self._pairs = {
            pair: np.zeros((CLASSES, 7, channels, self._bins))
            for pair in combinations(range(len(self._names)), 2)
        }
        self._powers = np.zeros((len(self._names), channels, self._bins))
        hop_seconds = 1.0 / (2.0 * float(frequencies[1])) if len(frequencies) > 1 else 1.0
        # A window is 1 / (bin width) seconds long, a hop half of that.
        self._passage = max(1, round(PASSAGE / hop_seconds / MOMENT)) * MOMENT
        self._waiting: Spectra | None = None

    def update(self, spectra: Spectra) -> None:
        """(s, t, c, f), t a multiple of MOMENT."""
        new = spectra[..., : self._bins]
        held = new if self._waiting is None else np.concatenate((self._waiting, new), axis=1)
        while held.shape[1] >= self._passage:
            self._take(held[:, : self._passage])
            held = held[:, self._passage :]
        self._waiting = held.copy()

    def _take(self, sound: Spectra) -> None:
        stems, frames, channels = sound.shape[:3]
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
            given = np.stack((by_moment[one], by_moment[two], cross.real, cross.imag), axis=1)
            self._add(sums, classes, given)

    def _add(self, sums: Real, classes: NDArray[np.int64], given: NDArray[np.float32]) -> None:
        """classes: (moments, bands). given: (moments, 4, c, f)."""
        ends = (*self._edges[1:], self._bins)
        for band, (start, end) in enumerate(zip(self._edges, ends, strict=True)):
            used, places = np.unique(classes[:, band], return_inverse=True)
            member = np.zeros((len(used), len(classes)), np.float32)
            member[places, np.arange(len(classes))] = 1.0
            part = given[..., start:end]
            added = member @ part.reshape(len(part), -1)
            added = added.reshape(len(used), *part.shape[1:]).astype(np.float64)
            sums[used, :4, :, start:end] += added
            squares = np.square(added)
            sums[used, 4:6, :, start:end] += squares[:, :2]
            sums[used, 6, :, start:end] += squares[:, 2] + squares[:, 3]

    def result(self) -> Common:
        """Of all that came so far, which ends it."""
        if self._waiting is not None and self._waiting.shape[1]:
            self._take(self._waiting)
            self._waiting = None
        return Common(
            self._names,
            {
                (self._names[one], self._names[two]): Pair(
                    sums[:, 0],
                    sums[:, 1],
                    sums[:, 2] + 1j * sums[:, 3],
                    sums[:, 4],
                    sums[:, 5],
                    sums[:, 6],
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
