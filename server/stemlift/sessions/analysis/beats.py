"""The beats of a song: one steady grid where it has one tempo, else beat by beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.sessions.analysis import fitting
from stemlift.sessions.analysis.onsets import FRAMES_PER_SECOND, Onsets, frame_of, time_of
from stemlift.sessions.analysis.pulse import Pulse

Floats = NDArray[np.float64]

_TIGHTNESS = 200.0
_AUDIBLE = 50.0
_WANDER = 0.03
_INTEGER_DRIFT = 0.006
"""How dear it is to leave the tempo; dB under the loudest that the song starts at; seconds that
beats may leave a steady grid for a while; seconds that a round tempo may cost at either end."""


@dataclass(frozen=True, slots=True)
class Beats:
    """times: of the beats. weights: how strong the onset at each is, 0 where there is none.
    knots: indices into times, between which the tempo is constant; the first and last included.
    spread: root mean square distance of the onsets from the grid, seconds.
    """

    times: Floats
    weights: Floats
    knots: list[int]
    spread: float

    @property
    def steady(self) -> bool:
        return len(self.knots) == 2


def find_beats(onsets: Onsets, pulse: Pulse) -> Beats | None:
    """The beats; None where the sound is too short for any."""
    span = audible(onsets)
    if span is None or span[1] - span[0] < 3.0:
        return None
    return _steady(onsets, pulse, span) or _changing(onsets, pulse, span)


def from_times(times: Floats, onsets: Onsets) -> Beats:
    """Beats that are known, with the lines through them."""
    _, weights = _nearest(onsets, times, 0.03)
    even = np.full(len(times), 1.0)
    start, period = fitting.line(np.arange(len(times), dtype=np.float64), times, even)
    error = times - start - period * np.arange(len(times))
    if np.abs(_smooth(error)).max() < _WANDER:
        grid = np.asarray(start + period * np.arange(len(times)), np.float64)
        return Beats(grid, weights, [0, len(times) - 1], float(np.sqrt(np.mean(error**2))))
    return _joined(times, np.maximum(weights, 1.0), fitting.breaks(times, even))


def between(beats: Beats, onsets: Onsets) -> Beats:
    """Those half a beat later, where a steady beat may as well be."""
    times = beats.times + (beats.times[1] - beats.times[0]) / 2
    first = 2 * times[0] - times[1]
    if first >= 0:
        times = np.append(first, times)
    times = times[:-1] if times[-1] > beats.times[-1] + 0.01 else times
    _, weights = _nearest(onsets, times, 0.035)
    return Beats(times, weights, [0, len(times) - 1], beats.spread)


def audible(onsets: Onsets) -> tuple[float, float] | None:
    """From when to when there is sound, in seconds; None in silence."""
    level = onsets.mel.max(axis=0, initial=-300.0)
    loud = np.flatnonzero(level > max(level.max(initial=-300.0) - _AUDIBLE, -90.0))
    if not len(loud) or not onsets.strength.any():
        return None
    return float(loud[0] / FRAMES_PER_SECOND), float(loud[-1] / FRAMES_PER_SECOND)


def _steady(onsets: Onsets, pulse: Pulse, span: tuple[float, float]) -> Beats | None:
    """The beats of a song of one tempo, None where one does not hold."""
    bpm = float(np.median(pulse.bpm))
    sure = pulse.clarity > 0.5 * np.median(pulse.clarity)
    if np.mean(np.abs(np.log(pulse.bpm[sure] / bpm)) > 0.025) > 0.08:
        return None
    period = 60 / _sharpened(onsets.strength, bpm)
    start = _phase(onsets, period)
    for reach in (0.07, 0.05, 0.035, 0.035):
        first, last = (
            np.ceil((span[0] - start) / period - 0.5),
            np.floor((span[1] - start) / period),
        )
        beats = np.arange(first, last + 1)
        times, weights = _nearest(onsets, start + period * beats, reach)
        if np.count_nonzero(weights) < 8:
            return None
        start, period = fitting.line(beats, times, weights)
    error = times - start - period * beats
    held = weights > 0
    if np.count_nonzero(held) < 0.3 * len(beats) or _leaves(onsets, start + period * beats):
        return None
    spread = float(np.sqrt(np.mean(error[held] ** 2)))
    start, period = _rounded(beats, times, weights, start, period)
    grid = start + period * beats
    grid, weights = grid[grid >= 0], weights[grid >= 0]
    return Beats(grid, weights, [0, len(grid) - 1], spread)


def _changing(onsets: Onsets, pulse: Pulse, span: tuple[float, float]) -> Beats | None:
    """Beats by dynamic programming along the tempo of each moment."""
    frames = np.arange(len(onsets.strength)) / FRAMES_PER_SECOND
    rough = time_of(
        _tracked(onsets.strength + onsets.low, 60 * FRAMES_PER_SECOND / pulse.at(frames))
    )
    rough = rough[(rough >= max(0.0, span[0] - 0.1)) & (rough <= span[1] + 0.1)]
    if len(rough) < 8:
        return None
    times, weights = _nearest(onsets, rough, 0.04)
    knots = fitting.breaks(times, np.maximum(weights, 0.02))
    rough_grid = _joined(times, weights, knots)
    # Where the tracker went astray at a change, the lines lead back to the onsets.
    times, weights = _nearest(onsets, rough_grid.times, 0.05)
    return _joined(times, weights, rough_grid.knots)


def _tracked(strength: Floats, period: Floats) -> Floats:
    """The frames of beats that lie on onsets, about a period of their moment apart: D. Ellis,
    "Beat tracking by dynamic programming", JNMR 36, 2007.

    librosa has the same, and compiles for seconds in each process that uses it.
    """
    count = len(strength)
    best, came = strength.copy(), np.full(count, -1, np.int64)
    for frame in range(count):
        wanted = period[frame]
        first, stop = max(0, round(frame - 2 * wanted)), max(0, round(frame - wanted / 2))
        if first < stop:
            off = np.log((frame - np.arange(first, stop)) / wanted)
            scores = best[first:stop] - _TIGHTNESS * off**2
            before = int(scores.argmax())
            if scores[before] > 0:
                best[frame] += scores[before]
                came[frame] = first + before
    last = max(0, count - round(period[-1]))
    path = [last + int(best[last:].argmax())]
    while came[path[-1]] >= 0:
        path.append(int(came[path[-1]]))
    return np.asarray(path[::-1], np.float64)


def resettled(beats: Beats, onsets: Onsets, downbeats: NDArray[np.int64]) -> Beats:
    """The beats with tempo changes moved to the start of a bar where one is near."""
    if beats.steady:
        return beats
    times, weights = _nearest(onsets, beats.times, 0.035)
    return _joined(times, weights, beats.knots, downbeats.tolist())


def _joined(times: Floats, weights: Floats, knots: list[int], wanted: Sequence[int] = ()) -> Beats:
    """Beats on lines that meet at the knots, each of which may move to a wanted beat."""
    sure = np.maximum(weights, 0.02)
    knots = fitting.settled(times, sure, knots, wanted)
    at, error = fitting.through(times, sure, knots)
    grid = np.interp(np.arange(len(times)), knots, at)
    return Beats(np.maximum(grid, 0.0), weights, knots, float(np.sqrt(error)))


def _sharpened(strength: Floats, bpm: float) -> float:
    """The tempo within 4 % of bpm at which the spectrum of the onsets is strongest, with its
    octave. Its peak is as narrow as the song is long, and knows no beat that was counted twice.
    """
    size = 1 << (8 * len(strength)).bit_length()
    spectrum = np.abs(np.fft.rfft(strength - strength.mean(), size))
    hertz = np.fft.rfftfreq(size, 1 / FRAMES_PER_SECOND)
    near = np.flatnonzero((hertz > bpm / 60 * 0.96) & (hertz < bpm / 60 * 1.04))
    octave = np.maximum(
        spectrum[2 * near], np.maximum(spectrum[2 * near - 1], spectrum[2 * near + 1])
    )
    return float(60 * hertz[near[(spectrum[near] + 0.5 * octave).argmax()]])


def _phase(onsets: Onsets, period: float) -> float:
    """When the first beat is, by all onsets laid over one beat; the low end says which of two."""
    bins = max(16, round(period * FRAMES_PER_SECOND))
    times = time_of(np.arange(len(onsets.strength), dtype=np.float64))
    place = np.floor(times / period % 1 * bins).astype(np.int64) % bins
    folded = np.bincount(place, onsets.strength + 0.7 * onsets.low, bins)
    folded = np.roll(folded, 1) + 2 * folded + np.roll(folded, -1)
    return float((folded.argmax() + 0.5) / bins * period)


def _nearest(onsets: Onsets, times: Floats, reach: float) -> tuple[Floats, Floats]:
    """The strongest onset within reach of each time, between frames by a parabola, and how
    strong it is, at most 3; the time itself and 0 where there is none."""
    strength, width = onsets.strength, round(reach * FRAMES_PER_SECOND)
    centres = np.round(frame_of(times)).astype(np.int64)
    around = centres[:, None] + np.arange(-width, width + 1)[None, :]
    inside = (around > 0) & (around < len(strength) - 1)
    values = np.where(inside, strength[np.clip(around, 0, len(strength) - 1)], 0.0)
    top = values.argmax(axis=1)
    frames = np.clip(around[np.arange(len(times)), top], 1, len(strength) - 2)
    before, peak, after = strength[frames - 1], strength[frames], strength[frames + 1]
    bend = before - 2 * peak + after
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (before - after) / np.where(bend == 0, 1, bend), 0)
    found = (values.max(axis=1) > 0.5) & (peak >= before) & (peak >= after)
    exact = time_of(frames + np.clip(shift, -0.5, 0.5))
    return np.where(found, exact, times), np.where(found, np.minimum(peak, 3.0), 0.0)


def _rounded(
    beats: Floats, times: Floats, weights: Floats, start: float, period: float
) -> tuple[float, float]:
    """The line at a whole number of beats per minute where that costs next to nothing: songs
    are made at such tempi."""
    whole = 60 / max(1, round(60 / period))
    chance = 3 * float(np.std(times - start - period * beats)) / np.sqrt(len(beats))
    cost = abs(whole - period) * (beats[-1] - beats[0]) / 2
    if cost > min(_INTEGER_DRIFT, max(chance, 0.002)):
        return start, period
    return float(np.average(times - whole * beats, weights=weights)), whole


def _smooth(error: Floats) -> Floats:
    """Running medians of 16."""
    if len(error) < 16:
        return np.array([np.median(error)])
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(error, 16), axis=1))


def _leaves(onsets: Onsets, grid: Floats) -> bool:
    """Whether the onsets leave a steady grid for a while."""
    times, weights = _nearest(onsets, grid, min(0.1, 0.2 * (grid[1] - grid[0])))
    return bool(np.abs(_smooth((times - grid)[weights > 0])).max() > _WANDER)
