"""Tempo, bars and clicks of the songs of a session."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from analysed_songs import RATE as ANALYSED
from analysed_songs import Plan, play
from analysed_songs import write as write_song
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stemmed_songs import RATE, names, song_in, track_named

from stemlift.sessions import (
    add_song,
    load_template,
    new_session,
    show,
)
from stemlift.sessions.build import build_session, placed
from stemlift.sessions.click import beats, write_click
from stemlift.sessions.song import Song, Stem
from stemlift.sessions.timeline import (
    Marker,
    Media,
    Seconds,
    Session,
    TempoPoint,
    checked,
)


def test_tempo_and_markers_of_each_song_lie_at_the_song() -> None:
    media = Media(Path("a.wav"), 48_000, 2, 96_000)
    song = Song(
        "a",
        (Stem("vocals", media),),
        tempo=(TempoPoint(Fraction(1, 10), 100.0), TempoPoint(Fraction(1), 110.0)),
        markers=(Marker(Fraction(1, 2), "B"), Marker(Fraction(9), "behind the end")),
    )
    other = replace(song, name="b", tempo=(TempoPoint(Fraction(0), 90.0, 3, 4),), markers=())
    session = build_session([song, other], load_template("plain"), name="s")
    first, second, filler, last = session.tempo
    assert [(p.position, p.bpm) for p in (first, second)] == [(0, 100.0), (1, 110.0)]
    assert (last.position, last.bpm, last.numerator) == (4, 90.0, 3)
    # 5/3 beats at 100, then 110: the second bar starts at 1 + 7/3 * 60 / 110 = 2.27 s.
    assert filler.position == 1 + Fraction(7, 3) * 60 / 110
    assert [(m.position, m.name) for m in session.markers] == [
        (0, "a"),
        (Fraction(1, 2), "B"),
        (4, "b"),
    ]


def bars_at(session: Session, position: Seconds) -> Fraction:
    """Bars from the last change of signature to a position."""
    points = session.tempo_points()
    turn, meter = points[0].position, (points[0].numerator, points[0].denominator)
    for point in points:
        if point.position > position:
            break
        if point.position < position and (point.numerator, point.denominator) != meter:
            turn, meter = point.position, (point.numerator, point.denominator)
    beats_since = session.beats_at(position) - session.beats_at(turn)
    return Fraction(beats_since) * meter[1] / (4 * meter[0])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(50, 200),
            st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8)]),
            st.integers(100_001, 400_000),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(2, 10),
)
@example([(50.0, (4, 4), 16_001, True), (50.0, (4, 4), 8_000, True)], 0)
def test_every_song_begins_with_a_bar_and_keeps_its_tempo(
    songs: list[tuple[float, tuple[int, int], int, bool]], gap: int
) -> None:
    made = [
        Song(
            str(number),
            (Stem("vocals", Media(Path("a.wav"), 8_000, 2, frames)),),
            tempo=(TempoPoint(Fraction(0), bpm, *meter),) if known else (),
        )
        for number, (bpm, meter, frames, known) in enumerate(songs)
    ]
    seconds = Fraction(gap)
    session = checked(build_session(made, load_template("plain"), name="s", gap=seconds))
    for place in placed(made, gap=seconds):
        if not place.song.tempo:
            continue
        bars = bars_at(session, place.position)
        (at,) = (p for p in session.tempo if p.position == place.position)
        assert (at.bpm, at.numerator) == (place.song.tempo[0].bpm, place.song.tempo[0].numerator)
        # Where there is no room for a bar between two songs, there is none.
        if gap >= 2:
            assert abs(bars - round(bars)) < 1e-6


def test_beats_follow_tempo_and_signature() -> None:
    tempo = (TempoPoint(Fraction(0), 120.0, 3, 4), TempoPoint(Fraction(7, 4), 60.0, 3, 4))
    found = list(beats(tempo, Fraction(4)))
    # 0, .5, 1, 1.5, then half of the fourth beat is left, which takes half a second at 60.
    assert [float(b.position) for b in found] == [0, 0.5, 1, 1.5, 2.25, 3.25]
    assert [b.first for b in found] == [True, False, False, True, False, False]
    eights = list(beats((TempoPoint(Fraction(0), 60.0, 6, 8),), Fraction(7, 2)))
    assert [float(b.position) for b in eights] == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert [b.first for b in eights] == [True] + [False] * 5 + [True]
    change = (TempoPoint(Fraction(0), 60.0, 4, 4), TempoPoint(Fraction(2), 60.0, 3, 4))
    assert [b.first for b in beats(change, Fraction(6))] == [True, False, True, False, False, True]


def test_a_click_is_on_its_frame_also_over_the_edge_of_a_block(tmp_path: Path) -> None:
    rate, seconds = 8_000, 61
    tempo = (TempoPoint(Fraction(0), 60 / 0.9999),)
    media = write_click(tmp_path, "so/ng", tempo, Fraction(seconds), rate)
    assert (media.sample_rate, media.channels, media.frames) == (rate, 1, rate * seconds)
    sound = soundfile.read(media.file)[0]
    assert len(sound) == media.frames
    first = sound[: rate // 10]
    places = [round(float(b.position) * rate) for b in beats(tempo, Fraction(seconds))]
    assert len(places) == 62
    # The beat at 29.997 s sounds over the edge at 30 s.
    edge = sound[places[30] : places[30] + rate // 10]
    plain = sound[places[1] : places[1] + rate // 10]
    assert np.array_equal(edge, plain)
    assert not np.array_equal(first, plain)
    silence = sound.copy()
    for place in places:
        silence[place : place + rate // 20] = 0
    assert not silence.any()
    again = write_click(tmp_path, "so/ng", tempo, Fraction(seconds), rate)
    assert again == media
    assert [p.name for p in tmp_path.iterdir()] == [media.file.name]


def test_what_is_heard_in_a_song_is_in_its_session(tmp_path: Path) -> None:
    plan = Plan(tempi=((8, 118.0),), tonic=9, minor=True, lead=0.75)
    sound = play(plan).mix
    path = tmp_path / "drums.wav"
    write_song(path, sound, channels=2)
    song = Song("Song", (Stem("drums", Media(path, ANALYSED, 2, len(sound))),))
    made = new_session(song, tmp_path / "s.rpp", template="practice")
    lead, first = made.session.tempo[:2]
    assert float(first.position) == pytest.approx(0.75, abs=0.03)
    assert first.bpm == pytest.approx(118, rel=0.02)
    assert lead.position == 0
    assert any("118" in note and "sure" in note for note in made.notes)
    assert made.session.markers
    (click,) = track_named(made.session, "Click").clips
    data = soundfile.read(click.file)[0]
    at = round(float(first.position) * ANALYSED)
    assert np.abs(data[at : at + 100]).max() > 0.2
    assert np.abs(data[at - 200 : at]).max() < 0.01
    # Where the template alone wants it, a song does without what cannot be found.
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros((ANALYSED, 2)), ANALYSED)
    quiet = Song("Quiet", (Stem("drums", Media(silence, ANALYSED, 2, ANALYSED)),))
    made = new_session(quiet, tmp_path / "q.rpp", template="practice")
    assert made.session.tempo == ()
    assert any("not in the session" in note for note in made.notes)


def test_practice_has_a_click_where_the_tempo_is_known(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", RATE)
    made = new_session(song, tmp_path / "s.rpp", template="practice", tempo=120.0, markers="off")
    (click,) = track_named(made.session, "Click").clips
    assert click.file.parent == tmp_path / "Media"
    assert made.session.tempo == (TempoPoint(Fraction(0), 120.0),)
    made = new_session(song, tmp_path / "t.rpp", template="practice", tempo="off", markers="off")
    assert "Click" not in names(made.session)
    assert "no click" in made.notes[0]


def test_a_song_that_is_added_has_its_click_and_changes_no_tempo(tmp_path: Path) -> None:
    sound = play(Plan(tempi=((8, 118.0),), tonic=9, minor=True)).mix
    path = tmp_path / "drums.wav"
    write_song(path, sound, channels=2)
    song = Song("Song", (Stem("drums", Media(path, ANALYSED, 2, len(sound))),))
    before = new_session(song_in(tmp_path, "one", RATE), tmp_path / "s.rpp", tempo=90.0)
    made = add_song(tmp_path / "s.rpp", song, template="practice")
    assert track_named(made.session, "Click").clips
    after = show(tmp_path / "s.rpp")
    assert after.tempo == before.session.tempo
    assert after.markers == ()
    told = add_song(tmp_path / "s.rpp", song, template="remix").notes
    assert not any("beats per minute" in note for note in told), "nothing is listened to in vain"
