"""A tempo map and markers from an analysis: the DAW's bar lines fall on the song's downbeats.

A timeline starts with a bar at its start, and a song's first downbeat comes when it comes. The
time before it gets bars of its own, of a tempo and a length that end on the downbeat, so that no
sound moves.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from stemlift.sessions.analysis.result import Analysis, Knot
from stemlift.sessions.timeline import Marker, TempoPoint

LEAST_CONFIDENCE = 0.25
"""Below it there is no tempo map."""

_MICROSECONDS = 1_000_000
_AT_START = Fraction(12, 1000)
_CLOSE = Fraction(20, 1000)
_DENOMINATORS = (4, 8, 16, 32)
_NEAR = 1.26
"""A lead-in whose tempo is within this factor of the song's is good enough."""


def tempo_map(analysis: Analysis) -> tuple[TempoPoint, ...]:
    """The tempo of the timeline that plays the analysed files from its start.

    Between two points the tempo is constant, and every downbeat of the analysis is the start of a
    bar. A song whose first downbeat comes within 20 ms has its first bar line at 0 instead; within
    12 ms, about what an analysis can be off, all bars are as much early, for songs that a DAW made
    start there. Empty where no steady beat was found.
    """
    if not analysis.grid or analysis.tempo.confidence < LEAST_CONFIDENCE:
        return ()
    bars = _bars(analysis)
    first = _exact(_time(analysis.grid, bars[0]))
    turns = {bars[0]} | {knot.beat for knot in analysis.grid if knot.beat > bars[0]}
    meters = _meters(bars, analysis.beats_per_bar)
    places = sorted((turns | set(meters)) - {analysis.grid[-1].beat})
    points, meter = [], meters[bars[0]]
    for beat in places:
        meter = meters.get(beat, meter)
        start, stop = _around(analysis.grid, beat)
        begin, end = _exact(start.time), _exact(stop.time)
        bpm = float(60 * (stop.beat - start.beat) / (end - begin))
        points.append(TempoPoint(_exact(_time(analysis.grid, beat)), bpm, meter))
    if first < _CLOSE:
        return _from_start(points, first)
    return (*_lead_in(first, points[0].bpm, analysis.beats_per_bar), *points)


def markers(analysis: Analysis) -> tuple[Marker, ...]:
    """A marker at the start of each section."""
    return tuple(
        Marker(_exact(section.start), f"Section {section.name}") for section in analysis.sections
    )


def _lead_in(first: Fraction, bpm: float, meter: int) -> tuple[TempoPoint, ...]:
    """The time before the first downbeat, as bars that end there."""
    beats = float(first) * bpm / 60
    if beats > 2 * meter:
        count = meter * round(beats / meter)
        return (TempoPoint(Fraction(0), float(60 * count / first), meter),)
    for denominator in _DENOMINATORS:
        numerator = max(1, round(beats * denominator / 4))
        quarters = Fraction(4 * numerator, denominator)
        needed = float(60 * quarters / first)
        if denominator == _DENOMINATORS[-1] or 1 / _NEAR < needed / bpm < _NEAR:
            return (TempoPoint(Fraction(0), needed, numerator, denominator),)
    raise AssertionError("the last denominator is always taken")


def _from_start(points: list[TempoPoint], first: Fraction) -> tuple[TempoPoint, ...]:
    """The map with its first bar from 0."""
    point = points[0]
    if first <= _AT_START:
        return tuple(replace(one, position=one.position - first) for one in points)
    bar = first + Fraction(60 * point.numerator) / Fraction(point.bpm)
    if len(points) > 1 and points[1].position <= bar:
        return (TempoPoint(Fraction(0), point.bpm, point.numerator), *points[1:])
    bar = _exact(float(bar))
    slower = TempoPoint(Fraction(0), float(60 * point.numerator / bar), point.numerator)
    return (slower, TempoPoint(bar, point.bpm, point.numerator), *points[1:])


def _bars(analysis: Analysis) -> list[int]:
    """The beats that bars start at, on from the first downbeat that is not before the start."""
    beats = np.asarray(analysis.beats)
    found = [int(np.abs(beats - downbeat).argmin()) for downbeat in analysis.downbeats]
    return sorted(set(found)) or [0]


def _meters(bars: list[int], usual: int) -> dict[int, int]:
    """Where the number of beats a bar changes, and to what."""
    meters = {bars[0]: usual}
    now = usual
    for bar, after in pairwise(bars):
        if after - bar != now:
            meters[bar] = now = after - bar
    if now != usual:
        meters[bars[-1]] = usual
    return meters


def _around(grid: tuple[Knot, ...], beat: int) -> tuple[Knot, Knot]:
    """The knots that a beat lies between; one on a knot belongs to what follows."""
    for start, stop in pairwise(grid):
        if beat < stop.beat:
            return start, stop
    return grid[-2], grid[-1]


def _time(grid: tuple[Knot, ...], beat: int) -> float:
    start, stop = _around(grid, beat)
    return start.time + (beat - start.beat) * (stop.time - start.time) / (stop.beat - start.beat)


def _exact(time: float) -> Fraction:
    """To the microsecond, far below what an analysis can know."""
    return Fraction(round(time * _MICROSECONDS), _MICROSECONDS)
