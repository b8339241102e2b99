"""Lines through beats: one where a tempo holds throughout, several that meet where it changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPREAD = 0.012
"""Seconds that a beat is off its line by chance."""

_SHORTEST = 8
_PENALTY = 40.0
"""Beats of the shortest stretch of one tempo, and by how much another one must lower the squared
error, in SPREADs. Fitted so that no song of one tempo is cut."""


def line(beats: Floats, times: Floats, weights: Floats) -> tuple[float, float]:
    """(time of beat 0, seconds a beat) of the line with the least weighted squared error."""
    total = weights.sum()
    beat, time = weights @ beats / total, weights @ times / total
    spread = weights @ (beats - beat) ** 2
    period = float(weights @ ((beats - beat) * (times - time)) / spread)
    return float(time - period * beat), period


def breaks(times: Floats, weights: Floats) -> list[int]:
    """The beats that the tempo changes at, the first and the last beat included.

    By dynamic programming over all ways to cut, each stretch with a line of its own
    (K. Jackson and others, "An algorithm for optimal partitioning of data", 2005).
    """
    count = len(times)
    if count < 2 * _SHORTEST:
        return [0, count - 1]
    sums = _Sums(times, weights)
    best, came = np.full(count + 1, np.inf), np.zeros(count + 1, np.int64)
    best[0] = 0.0
    for stop in range(_SHORTEST, count + 1):
        starts = np.arange(0, stop - _SHORTEST + 1)
        costs = best[starts] + sums.error(starts, stop) / SPREAD**2 + _PENALTY
        came[stop] = starts[costs.argmin()]
        best[stop] = costs.min()
    cuts, stop = [count - 1], count
    while stop:
        stop = int(came[stop])
        cuts.append(stop)
    return cuts[::-1]


def through(times: Floats, weights: Floats, knots: Sequence[int]) -> tuple[Floats, float]:
    """The times of the knots of lines that meet there, closest to the beats, and the weighted
    mean of their squared distance. knots: beats, in order, the first and the last included.
    """
    beats = np.arange(len(times), dtype=np.float64)
    hats = np.stack([np.interp(beats, knots, row) for row in np.eye(len(knots))], axis=1)
    root = np.sqrt(weights)[:, None]
    at, *_ = np.linalg.lstsq(hats * root, times * root[:, 0], rcond=None)
    error = float(weights @ (hats @ at - times) ** 2 / weights.sum())
    return np.asarray(at, np.float64), error


def settled(
    times: Floats, weights: Floats, knots: Sequence[int], wanted: Sequence[int]
) -> list[int]:
    """The knots, each moved by up to a bar to where lines that meet there fit best.

    One goes to a wanted beat where that fits nearly as well.
    """
    moved, favoured = list(knots), set(wanted)
    for place in range(1, len(moved) - 1):
        errors: dict[int, float] = {}
        for beat in range(moved[place] - 4, moved[place] + 5):
            if moved[place - 1] + 2 <= beat <= moved[place + 1] - 2:
                trial = [*moved[:place], beat, *moved[place + 1 :]]
                errors[beat] = through(times, weights, trial)[1]
        if errors:
            least = min(errors.values())
            good = [beat for beat in errors if errors[beat] <= least + (0.3 * SPREAD) ** 2]
            liked = [beat for beat in good if beat in favoured]
            moved[place] = min(liked or good, key=lambda beat: errors[beat])
    return moved


class _Sums:
    """Running sums, for the error of a line through any stretch of beats."""

    def __init__(self, times: Floats, weights: Floats) -> None:
        beats = np.arange(len(times), dtype=np.float64)
        # Lines change nothing in the error; without the common one the sums keep their digits.
        start, period = line(beats, times, weights)
        rest = times - start - period * beats
        beats = beats - beats.mean()
        terms = (
            np.ones_like(beats),
            beats,
            rest,
            beats * beats,
            beats * rest,
            rest * rest,
        )
        self._sums = [np.concatenate(([0.0], np.cumsum(weights * term))) for term in terms]

    def error(self, starts: NDArray[np.int64], stop: int) -> Floats:
        """The weighted squared error of the best line from each start to before stop."""
        n, x, y, xx, xy, yy = (total[stop] - total[starts] for total in self._sums)
        n = np.maximum(n, 1e-12)
        across = xx - x * x / n
        along = xy - x * y / n
        slope = np.divide(along, across, out=np.zeros_like(along), where=across > 1e-9)
        return np.asarray(np.maximum(yy - y * y / n - slope * along, 0.0))
