"""The tempo map of several songs: every song that has a tempo begins with a bar.

Songs begin where they do, seldom on a bar line of the song before. The time between two gets
bars of its own, of a tempo that makes them end where the next song begins; no sound moves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from stemlift.sessions.timeline import ZERO, Seconds, Session, TempoPoint

_SHORTEST = Fraction(6, 10)
"""Of a bar that fills a gap, in bars of the tempo before it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A song's place on the timeline and its tempo, with positions from its start."""

    start: Seconds
    end: Seconds
    tempo: tuple[TempoPoint, ...]


def tempo_of(songs: Iterable[Stretch]) -> tuple[TempoPoint, ...]:
    """The tempo map of songs in the order of the timeline; none where none has a tempo.

    The tempo of a song holds until the next one's, and 120 in 4/4 until the first.
    """
    points: list[TempoPoint] = []
    free = ZERO
    for song in songs:
        if song.tempo:
            if song.start > 0:
                points = _up_to(song.start, points or [TempoPoint(ZERO, 120.0)], free)
            # The first point counts from the song's start, wherever it is.
            moved = [replace(song.tempo[0], position=ZERO), *song.tempo[1:]]
            points += [
                replace(point, position=song.start + point.position)
                for point in moved
                if point.position < song.end - song.start
            ]
        free = song.end
    return tuple(points)


def _up_to(stop: Seconds, points: Sequence[TempoPoint], free: Seconds) -> list[TempoPoint]:
    """The points, and one that makes a bar end at `stop`.

    It lies on the first bar line that is not before `free`, where there is room for it, else on
    an earlier one; where there is room for none, as after a song of one bar, there is no point.
    """
    line = Session("", 1, tempo=tuple(points))
    last = points[-1]
    begun = line.beats_at(_signature_from(points))
    bar = Fraction(4 * last.numerator, last.denominator)
    number = math.ceil((line.beats_at(max(free, last.position)) - begun) / bar)
    seconds = bar * 60 / Fraction(last.bpm)
    at = line.position_of(begun + number * bar)
    while stop - at < _SHORTEST * seconds and at > last.position:
        number -= 1
        at = line.position_of(begun + number * bar)
    if at <= last.position or stop - at < _SHORTEST * seconds:
        return list(points)
    count = max(1, round((stop - at) / seconds))
    filler = replace(last, position=at, bpm=float(60 * count * bar / (stop - at)))
    if math.isclose(filler.bpm, last.bpm, rel_tol=1e-12):
        return list(points)
    return [*(point for point in points if point.position < at), filler]


def _signature_from(points: Sequence[TempoPoint]) -> Seconds:
    """Where bars are counted from at the end of the points."""
    found = ZERO
    for before, point in pairwise(points):
        if (before.numerator, before.denominator) != (point.numerator, point.denominator):
            found = point.position
    return found
