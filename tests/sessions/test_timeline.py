"""The model of a session: exact times, the tempo map, and what no writer may be given."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.timeline import (
    Band,
    BandKind,
    Clip,
    Compressor,
    Equalizer,
    Marker,
    Media,
    OtherEffect,
    Session,
    TempoPoint,
    Track,
    at_frame,
    checked,
    walk,
    whole,
)

SONG = Media(Path("/music/song.wav"), 44_100, 2, 441_000)
CLIP = whole(SONG)


def _session(clip: Clip = CLIP, **of_track: Any) -> Session:
    return Session("s", 44_100, (Track("t", clips=(clip,), **of_track),))


@given(frame=st.integers(0, 10**10), rate=st.sampled_from([44_100, 48_000, 96_000]))
def test_a_time_is_exactly_its_frame(frame: int, rate: int) -> None:
    assert at_frame(frame, rate) * rate == frame


def test_a_whole_file_is_a_clip_of_its_length() -> None:
    assert (CLIP.length, CLIP.end, CLIP.name, CLIP.plain) == (10, 10, "song", True)
    fast = replace(CLIP, stretch=Fraction(2), length=Fraction(5))
    assert fast.source_length == 10
    assert not fast.plain


def test_folders_are_walked_before_their_children() -> None:
    late = replace(CLIP, position=Fraction(7))
    tree = (Track("a", children=(Track("b", clips=(late,)), Track("c"))), Track("d"))
    assert [(d, t.name) for d, t in walk(tree)] == [(0, "a"), (1, "b"), (1, "c"), (0, "d")]
    session = Session("s", 44_100, tree)
    assert session.end == 17
    assert session.clips == (late,)
    assert session.media == (SONG,)


def test_beats_follow_the_tempo_map() -> None:
    points = (TempoPoint(Fraction(1), 60.0), TempoPoint(Fraction(4), 120.0, 3, 4))
    session = Session("s", 48_000, tempo=points)
    # The first point counts from the start: four seconds at 60, then 120.
    assert [session.beats_at(Fraction(n)) for n in (0, 2, 4, 5)] == [0, 2, 4, 6]
    assert Session("s", 48_000).beats_at(Fraction(3)) == 6


@given(
    bpm=st.lists(st.floats(20, 300), max_size=5),
    position=st.fractions(0, 100, max_denominator=96_000),
)
def test_beats_and_positions_are_each_others_inverse(bpm: list[float], position: Fraction) -> None:
    points = tuple(TempoPoint(Fraction(7 * i), one) for i, one in enumerate(bpm))
    session = Session("s", 48_000, tempo=points)
    assert session.position_of(session.beats_at(position)) == position


def test_what_is_whole_is_fit_to_be_written() -> None:
    eq = Equalizer((Band(BandKind.LOW_CUT, 80.0), Band(BandKind.BELL, 3000.0, -2.0, 1.4)))
    session = replace(
        _session(effects=(eq, Compressor(-18.0, 2.0))),
        tempo=(TempoPoint(Fraction(0), 93.5),),
        markers=(Marker(Fraction(1), "in"), Marker(Fraction(2), "verse", Fraction(4))),
    )
    assert checked(session) is session


@pytest.mark.parametrize(
    "change",
    [
        {"position": Fraction(-1)},
        {"length": Fraction(0)},
        {"length": Fraction(11)},
        {"source_start": Fraction(-1, 44_100)},
        {"source_start": Fraction(1, 44_100)},
        {"stretch": Fraction(0)},
        {"stretch": Fraction(11, 10)},
        {"fade_in": Fraction(6), "fade_out": Fraction(5)},
        {"gain_db": float("nan")},
        {"pitch": float("inf")},
        {"media": replace(SONG, frames=0)},
    ],
)
def test_a_clip_that_cannot_be_played_is_refused(change: dict[str, Any]) -> None:
    _refused(_session(replace(CLIP, **change)), "song.wav")


@pytest.mark.parametrize(
    "change",
    [
        {"gain_db": float("-inf")},
        {"pan": 1.5},
        {"channels": 1},
        {"effects": (OtherEffect("Reverb"),)},
        {"effects": (Compressor(-18.0, 0.5),)},
        {"effects": (Equalizer((Band(BandKind.BELL, 0.0),)),)},
    ],
)
def test_a_track_that_cannot_be_written_is_refused(change: dict[str, Any]) -> None:
    _refused(_session(**change), "track t")


@pytest.mark.parametrize(
    "change",
    [
        {"sample_rate": 0},
        {"tempo": (TempoPoint(Fraction(0), 0.0),)},
        {"tempo": (TempoPoint(Fraction(2), 100.0), TempoPoint(Fraction(1), 90.0))},
        {"markers": (Marker(Fraction(-1), "x"),)},
        {"markers": (Marker(Fraction(1), "x", Fraction(0)),)},
    ],
)
def test_a_session_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    _refused(replace(_session(), **change), "")


def test_folders_have_a_deepest_level() -> None:
    track = Track("leaf")
    for _ in range(40):
        track = Track("folder", children=(track,))
    _refused(Session("s", 44_100, (track,)), "deep")


def _refused(session: Session, named: str) -> None:
    with pytest.raises(StemliftError) as caught:
        checked(session)
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert named in caught.value.message
