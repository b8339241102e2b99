"""How songs of different tempo and key fit each other: stretch, transposition and place of each.

Pure: what was heard in, a plan out. The first downbeats of all songs meet on one bar line, and
where a song's tempo changes, so does its stretch, so that its later bars meet, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from stemlift.sessions.analysis.result import Analysis, KeyEstimate, Knot, key_name
from stemlift.sessions.matching import (
    both_names,
    least_stretch,
    least_transposition,
    multiple_for,
    notes_of,
    transposition,
)
from stemlift.sessions.timeline import ZERO, Seconds

TempoTarget = Literal["first", "least"] | float
KeyTarget = Literal["first", "least", "keep"] | tuple[int, bool]

SURE = 0.5
"""Below this confidence the plan says that something is unsure."""

_AUDIBLE_STRETCH = math.log2(1.25)
_AUDIBLE_PITCH = 4
_OUT_OF_TUNE = 20.0
_FINEST = 10**8


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a song of one tempo. start, end: in the song. position: on the timeline."""

    start: Seconds
    end: Seconds
    position: Seconds
    stretch: Fraction


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A song of a mashup. duration: of its stems; analysis: with times from their start.
    pitched: whether any of the stems that are used has a pitch; drums have none."""

    name: str
    duration: Seconds
    analysis: Analysis
    pitched: bool = True


@dataclass(frozen=True, slots=True)
class Fit:
    """How one song fits. pieces: the whole of it, in order. pitch: semitones, -6 to 6.
    multiple: 2 where one of its beats takes two of the session's, 1/2 the other way round."""

    pieces: tuple[Piece, ...]
    pitch: int
    multiple: Fraction


@dataclass(frozen=True, slots=True)
class Plan:
    """tempo: bpm of all. beats_per_bar: of the first song. meeting: the bar line where the first
    downbeats meet. key: the major key whose notes all have, None where no key is known or wanted.
    fits: in the order of the songs. notes: sentences for a person."""

    tempo: float
    beats_per_bar: int
    meeting: Seconds
    key: int | None
    fits: tuple[Fit, ...]
    notes: tuple[str, ...]


def plan(songs: Sequence[Ingredient], tempo: TempoTarget, key: KeyTarget) -> Plan:
    """Fit the songs, at least one, to a tempo and a key.

    Args:
        tempo: bpm; "first": the first song's that has one; "least": the one that the most
            stretched song needs the least for.
        key: tonic and whether it is minor; "first": that of the first song with a key; "least":
            the one with the least to transpose in all; "keep": none is transposed. A song whose
            notes are a guess is transposed only where the key is given.
    """
    tempi = [one.analysis.tempo.bpm for one in songs]
    known = [bpm for bpm in tempi if bpm]
    target = _target_tempo(known, tempo)
    keys = [_trusted(one, key) for one in songs]
    notes_wanted = _target_key(keys, key)
    bar = Fraction(songs[0].analysis.beats_per_bar * 60) / Fraction(target)
    grids = [_Grid.of(one.analysis, target) for one in songs]
    leads = [grid.lead for grid in grids]
    meeting = math.ceil(max(leads) / bar) * bar
    fits = tuple(
        Fit(
            grid.pieces(one.duration, meeting),
            0 if notes_wanted is None else transposition(its_key, notes_wanted),
            grid.multiple,
        )
        for one, grid, its_key in zip(songs, grids, keys, strict=True)
    )
    notes = [note for one, fit in zip(songs, fits, strict=True) for note in _notes(one, fit)]
    if key != "keep":
        notes += _notes_on_keys(songs, keys, fits)
    notes += _notes_of_all(songs, target, notes_wanted)
    return Plan(target, songs[0].analysis.beats_per_bar, meeting, notes_wanted, fits, tuple(notes))


def _target_tempo(known: Sequence[float], wanted: TempoTarget) -> float:
    if isinstance(wanted, int | float):
        return float(wanted)
    if not known:
        return 120.0
    return least_stretch(known) if wanted == "least" else known[0]


def _trusted(song: Ingredient, wanted: KeyTarget) -> KeyEstimate:
    """The key that a song is transposed from; none where it stays as it is."""
    its = song.analysis.key
    left = not song.pitched or (its.guessed and not isinstance(wanted, tuple))
    return KeyEstimate(None) if left else its


def _target_key(keys: Sequence[KeyEstimate], wanted: KeyTarget) -> int | None:
    if isinstance(wanted, tuple):
        return notes_of(*wanted)
    if wanted == "keep":
        return None
    if wanted == "least":
        return least_transposition(keys)
    known = [key for key in keys if key.tonic is not None]
    return notes_of(known[0].tonic or 0, known[0].minor) if known else None


@dataclass(frozen=True, slots=True)
class _Grid:
    """The beats of a song against those of the session. knots: (time in the song, beat), of at
    least two; none where it has no beat. downbeat: the time that goes on the bar line."""

    knots: tuple[tuple[Fraction, Fraction], ...]
    downbeat: Fraction
    multiple: Fraction
    target: Fraction

    @classmethod
    def of(cls, analysis: Analysis, target: float) -> _Grid:
        bpm = analysis.tempo.bpm
        first = (*analysis.downbeats, *analysis.beats, 0.0)[0]
        downbeat = _exact(first)
        multiple = multiple_for(bpm, target) if bpm else Fraction(1)
        knots: tuple[tuple[Fraction, Fraction], ...] = ()
        if bpm:
            knots = _knots(analysis.grid) or (
                (downbeat, ZERO),
                (downbeat + 60 / Fraction(bpm), Fraction(1)),
            )
        return cls(knots, downbeat, multiple, Fraction(target))

    @property
    def lead(self) -> Seconds:
        """Seconds of the timeline from the song's start to its first downbeat."""
        return self._from_downbeat(ZERO) * -1

    def pieces(self, duration: Seconds, meeting: Seconds) -> tuple[Piece, ...]:
        """The song from its start to its end, its downbeat at `meeting`."""
        inner = [time for time, _ in self.knots[1:-1] if 0 < time < duration]
        found = []
        for start, end in pairwise([ZERO, *inner, duration]):
            position = meeting + self._from_downbeat(start)
            found.append(Piece(start, end, position, self._stretch((start + end) / 2)))
        return tuple(found)

    def _from_downbeat(self, time: Fraction) -> Seconds:
        if not self.knots:
            return time - self.downbeat
        beats = self._beat(time) - self._beat(self.downbeat)
        return beats * self.multiple * 60 / self.target

    def _beat(self, time: Fraction) -> Fraction:
        (since, beat), (_, period) = self._tempo_at(time)
        return beat + (time - since) / period

    def _stretch(self, time: Fraction) -> Fraction:
        if not self.knots:
            return Fraction(1)
        _, (_, period) = self._tempo_at(time)
        exact = self.target * period / (60 * self.multiple)
        # A song at its own tempo is not stretched, whatever a float's last digit says.
        return Fraction(1) if abs(exact - 1) < Fraction(1, 10**7) else exact

    def _tempo_at(
        self, time: Fraction
    ) -> tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]:
        """The knot before a time, and (beats, seconds a beat) behind it. The first and the last
        tempo hold beyond the knots."""
        found = self.knots[:2]
        for pair in pairwise(self.knots):
            if pair[0][0] <= time:
                found = pair
        (since, beat), (until, last) = found
        return (since, beat), (last - beat, (until - since) / (last - beat))


def _knots(grid: Sequence[Knot]) -> tuple[tuple[Fraction, Fraction], ...]:
    found = tuple((_exact(knot.time), Fraction(knot.beat)) for knot in grid)
    return found if len(found) > 1 else ()


def _exact(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(_FINEST)


def _notes(one: Ingredient, fit: Fit) -> list[str]:
    """What a person should know of how a song was taken."""
    heard, tempo, name = one.analysis, one.analysis.tempo, one.name
    if not tempo.bpm:
        return [f"No beat was found in {name}: its start is on the bar line, unstretched."]
    notes = []
    if tempo.confidence < SURE:
        notes.append(
            f"The tempo of {name}, {tempo.bpm:.1f} bpm, is only {tempo.confidence:.0%} sure."
        )
    elif tempo.octave_confidence < SURE and tempo.alternatives:
        notes.append(
            f"{name} may run at {tempo.alternatives[0]:.1f} bpm as well as at {tempo.bpm:.1f}."
        )
    if heard.bar_confidence < SURE:
        notes.append(
            f"Where the bars of {name} begin is only {heard.bar_confidence:.0%} sure: listen, and"
            " move its clips by a beat if need be."
        )
    if fit.multiple != 1:
        pace = "half" if fit.multiple == 2 else "double"
        notes.append(f"{name} runs at {pace} time: at {tempo.bpm:.1f} bpm it needs less stretch.")
    if len(fit.pieces) > 1:
        notes.append(
            f"The tempo of {name} changes: it is cut into {len(fit.pieces)} clips, so that its"
            " bars stay on those of the session."
        )
    most = max((piece.stretch for piece in fit.pieces), key=lambda s: abs(math.log2(s)))
    if abs(math.log2(most)) > _AUDIBLE_STRETCH:
        notes.append(f"{name} plays {float(most):.2f} times as fast, which will be heard.")
    if abs(fit.pitch) > _AUDIBLE_PITCH:
        notes.append(f"{name} is transposed by {fit.pitch:+d} semitones, which will be heard.")
    return notes


def _notes_on_keys(
    songs: Sequence[Ingredient], keys: Sequence[KeyEstimate], fits: Sequence[Fit]
) -> list[str]:
    """keys: those that the songs are transposed from."""
    notes = []
    for one, taken, fit in zip(songs, keys, fits, strict=True):
        its = one.analysis.key
        if not one.pitched:
            continue
        if its.tonic is None:
            notes.append(f"No key was found in {one.name}: it is not transposed.")
        elif its.sure_of_notes < SURE:
            other = f", it may be {key_name(*its.runner_up)}" if its.runner_up else ""
            notes.append(
                f"The key of {one.name}, {its.name}, is only {its.sure_of_notes:.0%} sure{other};"
                f" {_done(taken, fit)}."
            )
    return notes


def _done(taken: KeyEstimate, fit: Fit) -> str:
    if taken.tonic is None:
        return (
            "that is a guess, and it is not transposed; give the key of the session to have it"
            " transposed all the same"
        )
    return f"it is transposed by {fit.pitch:+d}" if fit.pitch else "it keeps its pitch"


def _notes_of_all(songs: Sequence[Ingredient], target: float, key: int | None) -> list[str]:
    notes = []
    tuned = [one for one in songs if one.pitched and one.analysis.key.tonic is not None]
    for one in tuned[1:]:
        cents = one.analysis.key.tuning - tuned[0].analysis.key.tuning
        if abs(cents) > _OUT_OF_TUNE:
            notes.append(
                f"{one.name} is tuned {abs(cents):.0f} cents {'above' if cents > 0 else 'below'}"
                f" {tuned[0].name}."
            )
    bars = {one.analysis.beats_per_bar for one in songs if one.analysis.tempo.bpm}
    if len(bars) > 1:
        notes.append(
            f"The songs have bars of {' and '.join(map(str, sorted(bars)))} beats: only their"
            " first downbeats meet."
        )
    in_key = "" if key is None else f", in {both_names(key)}"
    return [*notes, f"The session runs at {target:.2f} bpm{in_key}."]
