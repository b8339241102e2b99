"""What a sound looks like: its waveform and its spectrogram, from one pass over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.quality.spectra import Framer, Spectra, power
from stemlift.report.png import png

COLUMNS = 900
ROWS = 112
LOWEST, HIGHEST = 40.0, 20_000.0
"""Hz: bottom and top of a spectrogram, whose rows are equal steps of pitch."""

RANGE_DB = 75.0
_SHADES = 48
"""Enough for the eye, and few enough to compress well."""

_STOPS = (
    (0, 0, 4),
    (28, 16, 68),
    (79, 18, 123),
    (129, 37, 129),
    (181, 54, 122),
    (229, 80, 100),
    (251, 135, 97),
    (254, 194, 135),
    (252, 253, 191),
)
"""Dark to light in even steps of lightness, after matplotlib's "magma" (CC0)."""

Audio = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Picture:
    """lows, highs, rms: of the samples of a column, over all channels, (COLUMNS).

    heat: mean power by column and row of pitch, lowest first, (COLUMNS, ROWS).
    """

    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    rms: NDArray[np.float64]
    heat: NDArray[np.float64]

    @property
    def loudest(self) -> float:
        """The largest power in it."""
        return float(self.heat.max(initial=0.0))


def picture_of(blocks: Iterable[Audio], frames: int, rate: int) -> Picture:
    """Of a sound of `frames` frames, in blocks (n, channels) of full scale 1."""
    painter = _Painter(frames, rate)
    for block in blocks:
        painter.take(block)
    return painter.result()


class _Painter:
    def __init__(self, frames: int, rate: int) -> None:
        self._frames = max(1, frames)
        self._seen = 0
        self._lows = np.zeros(COLUMNS)
        self._highs = np.zeros(COLUMNS)
        self._squares = np.zeros(COLUMNS)
        self._counts = np.zeros(COLUMNS)
        self._framer = Framer(rate)
        self._windows = 0
        self._powers = np.zeros((COLUMNS, len(self._framer.frequencies)), np.float32)
        self._given = np.zeros(COLUMNS)

    def take(self, block: Audio) -> None:
        if not len(block):
            return
        places = self._columns(np.arange(self._seen, self._seen + len(block)))
        self._seen += len(block)
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        used = places[starts]
        low = np.minimum.reduceat(block.min(axis=1), starts)
        high = np.maximum.reduceat(block.max(axis=1), starts)
        squares = np.square(block.astype(np.float64)).mean(axis=1)
        self._lows[used] = np.minimum(self._lows[used], low)
        self._highs[used] = np.maximum(self._highs[used], high)
        self._squares[used] += np.add.reduceat(squares, starts)
        self._counts[used] += np.diff(np.append(starts, len(places)))
        self._add(self._framer.take(block[np.newaxis]))

    def result(self) -> Picture:
        if self._seen:
            self._add(self._framer.finish())
        mean = self._powers / np.maximum(self._given, 1.0)[:, np.newaxis]
        # Columns of a sound so short that windows skip them look as those before.
        filled = np.maximum.accumulate(np.where(self._given > 0, np.arange(COLUMNS), 0))
        rms = np.sqrt(self._squares / np.maximum(self._counts, 1.0))
        return Picture(
            self._lows, self._highs, rms, _by_pitch(mean[filled], self._framer.frequencies)
        )

    def _add(self, found: Spectra) -> None:
        spectra = power(found[0]).mean(axis=1)
        middles = (self._windows + np.arange(len(spectra)) + 1) * self._framer.hop
        self._windows += len(spectra)
        places = self._columns(middles)
        inside = middles < self._frames
        np.add.at(self._powers, places[inside], spectra[inside])
        np.add.at(self._given, places[inside], 1.0)

    def _columns(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum(frames * COLUMNS // self._frames, COLUMNS - 1)


def _by_pitch(
    powers: NDArray[np.floating], frequencies: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(columns, bins) to (columns, rows); above the sound's own band nothing."""
    edges = np.geomspace(LOWEST, HIGHEST, ROWS + 1)
    step = float(frequencies[1])
    sums = np.concatenate((np.zeros((len(powers), 1)), np.cumsum(powers, axis=1)), axis=1)
    # Bin n reaches from n − ½ to n + ½; a row takes its share of those at its edges.
    at = np.clip(edges / step + 0.5, 0.0, powers.shape[1])
    whole = np.minimum(at.astype(np.int64), powers.shape[1] - 1)
    cumulated = sums[:, whole] + (at - whole) * powers[:, whole]
    widths = np.maximum(np.diff(edges) / step, 1e-9)
    return np.asarray(np.maximum(np.diff(cumulated, axis=1), 0.0) / widths)


def spectrogram_png(picture: Picture, loudest: float) -> bytes:
    """Of the RANGE_DB below `loudest`, a power; higher pitches on top."""
    floor = max(loudest, 1e-20) * 10.0 ** (-RANGE_DB / 10.0)
    levels = 10.0 * np.log10(np.maximum(picture.heat, floor) / floor) / RANGE_DB
    indices = np.clip(levels * _SHADES, 0, _SHADES - 1).astype(np.uint8)
    stops = np.array(_STOPS, np.float64)
    places = np.linspace(0, len(stops) - 1, _SHADES)
    palette = np.stack([np.interp(places, range(len(stops)), each) for each in stops.T], axis=1)
    return png(np.ascontiguousarray(indices.T[::-1]), palette.round().astype(np.uint8))


def waveform_path(lows: NDArray[np.float64], highs: NDArray[np.float64], height: int) -> str:
    """The outline as the `d` of an SVG path, COLUMNS wide; full scale fills the height."""
    middle = height / 2
    over = (middle - np.clip(highs, -1, 1) * middle).round(1)
    under = (middle - np.clip(lows, -1, 1) * middle).round(1)
    along = [f"{x} {y:g}" for x, y in enumerate(over.tolist())]
    back = [f"{x} {y:g}" for x, y in reversed(list(enumerate(under.tolist())))]
    return f"M{'L'.join(along + back)}Z"
