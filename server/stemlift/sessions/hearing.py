"""What is heard in a song: its tempo, its sections, and from them a click."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.analysis.control import Step
from stemlift.sessions.analysis.result import Analysis
from stemlift.sessions.click import write_click
from stemlift.sessions.song import Song
from stemlift.sessions.templates.template import Template
from stemlift.sessions.timeline import ZERO, Media, TempoPoint

Tempo = Literal["auto", "off"] | float
Markers = Literal["auto", "off"]

SLOWEST, FASTEST = 20.0, 400.0
"""Beats per minute that may be given."""


_WITH_CHORDS = ("other", "instrumental", "piano", "guitar")
_PADDING = Fraction(1, 10)
"""Seconds that a compressed song may be longer than what is decoded of it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """notes: sentences for a person, e.g. how sure the tempo is."""

    song: Song
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Attended:
    beat: Callable[[], None]

    def report(self, step: Step, fraction: float) -> None:  # noqa: ARG002 - nobody is told
        self.beat()

    def check(self) -> None:
        self.beat()


def checked_tempo(value: object) -> Tempo:
    """Raises StemliftError (ARGUMENT_INVALID)."""
    if value in ("auto", "off"):
        return "auto" if value == "auto" else "off"
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
    if not SLOWEST <= number <= FASTEST:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"tempo cannot be {value!r}.",
            f"Accepted: auto, off, or {SLOWEST:g} to {FASTEST:g} beats per minute.",
        )
    return float(number)


def checked_markers(value: object) -> Markers:
    """Raises StemliftError (ARGUMENT_INVALID)."""
    if value in ("auto", "off"):
        return "auto" if value == "auto" else "off"
    raise StemliftError(
        Reason.ARGUMENT_INVALID, f"markers cannot be {value!r}.", "Accepted: auto or off."
    )


def heard(song: Song, tempo: Tempo, markers: Markers, beat: Callable[[], None]) -> Heard:
    """The song with its tempo and markers, found by `analysed`; audio is never moved.

    Raises:
        StemliftError: as `analysed`.
    """
    if isinstance(tempo, float):
        song = replace(song, tempo=(TempoPoint(ZERO, tempo),))
    if "auto" not in (tempo, markers):
        return Heard(song)
    # On demand: it brings librosa, which takes a second.
    from stemlift.sessions.analysis import markers as sections
    from stemlift.sessions.analysis import tempo_map

    analysis = analysed(song, beat)
    notes = [f"{song.name}: {note}" for note in analysis.notes]
    if tempo == "auto":
        song = replace(song, tempo=tuple(tempo_map(analysis)))
        if analysis.tempo.bpm is not None:
            sure = f"{analysis.tempo.confidence:.0%} sure"
            notes.append(f"{song.name}: {analysis.tempo.bpm:.1f} beats per minute, {sure}.")
        if not song.tempo:
            notes.append(f"{song.name}: its tempo is not in the session, for it is not sure.")
        if analysis.key.name:
            notes.append(f"{song.name}: {analysis.key.name}, {analysis.key.confidence:.0%} sure.")
    if markers == "auto":
        song = replace(song, markers=tuple(sections(analysis)))
    return Heard(song, tuple(notes))


def analysed(song: Song, beat: Callable[[], None]) -> Analysis:
    """What the song is like, with times from the start of its stems.

    Listens to the song itself where its stems are all of it, else to their sum.

    Args:
        beat: called now and then; what it raises ends the listening.

    Raises:
        StemliftError: ANALYSIS_UNAVAILABLE, and what `stemlift.audio.reader` raises.
    """
    # On demand: it brings librosa, which takes a second.
    from stemlift.sessions.analysis import analyse

    return analyse(_files(song), tonal=_tonal(song), control=_Attended(beat))


def with_click(song: Song, template: Template, folder: Path) -> Heard:
    """The song with a click in `folder`, where the template plays one and the tempo is known.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    if not template.has_click:
        return Heard(song)
    if not song.tempo:
        return Heard(song, (f"{song.name} has no click, since its tempo is not known.",))
    click = write_click(folder, song.name, song.tempo, song.length, song.sample_rate)
    return Heard(replace(song, click=click))


def _tonal(song: Song) -> list[Media]:
    """The stems that tell the key; none where they are not alone."""
    chords = any(stem.name in _WITH_CHORDS for stem in song.stems)
    return [s.media for s in song.stems if chords and s.name in (*_WITH_CHORDS, "bass")]


def _files(song: Song) -> list[Path]:
    mix = song.mix
    if mix is not None and song.start == 0 and mix.duration - song.length <= _PADDING:
        return [mix.file]
    return [stem.media.file for stem in song.stems]
