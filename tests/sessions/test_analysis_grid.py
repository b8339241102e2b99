"""The timeline of an analysed song: bar lines on downbeats, and markers where it changes."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemlift.sessions.analysis import (
    Analysis,
    KeyEstimate,
    Knot,
    Section,
    TempoEstimate,
    markers,
    tempo_map,
)
from stemlift.sessions.timeline import Session, checked

NO_KEY = KeyEstimate(None)


def analysis(first: float, tempi: list[tuple[int, float]], meter: int = 4, up: int = 0) -> Analysis:
    """A song whose first beat is at `first`, with `up` beats before its first bar."""
    beats, knots, time = [first], [Knot(0, first)], first
    for count, bpm in tempi:
        for _ in range(count):
            time += 60 / bpm
            beats.append(time)
        knots.append(Knot(len(beats) - 1, time))
    return Analysis(
        seconds=time,
        tempo=TempoEstimate(tempi[0][1], 0.9, constant=len(tempi) == 1),
        key=NO_KEY,
        beats=tuple(beats),
        downbeats=tuple(beats[up::meter]),
        beats_per_bar=meter,
        grid=tuple(knots),
    )


def bar_lines(session: Session, until: Fraction) -> list[Fraction]:
    """Where bars start, as a DAW counts: on from each change of the time signature."""
    meters = [(session.tempo[0], Fraction(0))]
    for point in session.tempo[1:]:
        last = meters[-1][0]
        if (point.numerator, point.denominator) != (last.numerator, last.denominator):
            meters.append((point, session.beats_at(point.position)))
    ends = [beat for _, beat in meters[1:]] + [session.beats_at(until)]
    lines: list[Fraction] = []
    for (point, beat), end in zip(meters, ends, strict=True):
        while beat < end - Fraction(1, 2000):
            lines.append(session.position_of(beat))
            beat += Fraction(4 * point.numerator, point.denominator)
    return lines


def apart(lines: list[Fraction], downbeats: tuple[float, ...]) -> float:
    return max(min(abs(float(line) - time) for line in lines) for time in downbeats)


def mapped(song: Analysis) -> tuple[Session, list[Fraction]]:
    session = checked(Session("song", 48000, tempo=tempo_map(song)))
    assert session.tempo[0].position == 0
    return session, bar_lines(session, Fraction(song.seconds + 0.001))


@settings(max_examples=30, deadline=None)
@given(
    first=st.floats(0.0, 0.03) | st.floats(0.0, 6.0),
    tempi=st.lists(
        st.tuples(st.integers(8, 70), st.floats(50, 220)),
        min_size=1,
        max_size=3,
    ),
    meter=st.sampled_from([3, 4]),
    up=st.integers(0, 2),
)
def test_bar_lines_fall_on_downbeats(
    first: float, tempi: list[tuple[int, float]], meter: int, up: int
) -> None:
    song = analysis(first, tempi, meter, up)
    _, lines = mapped(song)
    late = song.downbeats[0]
    assert apart(lines, song.downbeats if late > 0.0201 else song.downbeats[1:]) < (
        0.001 if late > 0.0121 else 0.013
    )
    assert apart(lines, song.downbeats) < 0.021
    # No bar lies between, either: what a DAW counts is what the song has.
    inside = [line for line in lines if float(line) > song.downbeats[0] - 0.001]
    assert abs(len(inside) - len(song.downbeats)) <= 1


def test_a_short_moment_before_the_song_makes_its_first_bar_longer() -> None:
    session, lines = mapped(analysis(0.015, [(64, 120.0)]))
    assert [float(point.position) for point in session.tempo] == [0, pytest.approx(2.015)]
    assert float(lines[5]) == pytest.approx(0.015 + 10)


@pytest.mark.parametrize("first", [0.06, 0.3, 0.5, 1.1, 1.9, 2.0, 3.7, 11.3])
def test_the_bars_before_the_song_have_about_its_tempo(first: float) -> None:
    session, _ = mapped(analysis(first, [(64, 120.0)]))
    lead, point = session.tempo
    assert float(point.position) == pytest.approx(first, abs=1e-6)
    assert point.bpm == pytest.approx(120.0)
    assert 120 / 1.3 < lead.bpm < 120 * 1.3


@pytest.mark.parametrize("first", [0.0, 0.007])
def test_a_song_from_the_start_has_one_tempo(first: float) -> None:
    session, _ = mapped(analysis(first, [(64, 97.5)], 3))
    (point,) = session.tempo
    assert (point.bpm, point.numerator, point.denominator) == (pytest.approx(97.5), 3, 4)


def test_a_bar_of_another_length_is_one_in_the_map() -> None:
    song = analysis(1.0, [(66, 120.0)])
    odd = (*song.beats[0:32:4], *song.beats[34::4])
    session, lines = mapped(
        Analysis(song.seconds, song.tempo, NO_KEY, song.beats, odd, 4, grid=song.grid)
    )
    assert apart(lines, odd) < 0.001
    assert [point.numerator for point in session.tempo[1:]] == [4, 6, 4]


def test_positions_are_in_order() -> None:
    session, _ = mapped(analysis(0.7, [(32, 90.0), (32, 120.0), (32, 70.0)]))
    assert all(a.position < b.position for a, b in pairwise(session.tempo))
    assert [round(point.bpm) for point in session.tempo[1:]] == [90, 120, 70]


def test_no_map_where_it_is_not_sure() -> None:
    song = analysis(0.7, [(32, 90.0)])
    unsure = Analysis(
        song.seconds, TempoEstimate(90.0, 0.1), NO_KEY, song.beats, song.downbeats, grid=song.grid
    )
    assert tempo_map(unsure) == ()
    assert tempo_map(Analysis(3.0, TempoEstimate(None, 0.0), NO_KEY)) == ()


def test_markers_name_the_sections() -> None:
    sections = (Section(0.5, 16.5, "A", 1.0), Section(16.5, 32.5, "B", 0.6))
    found = markers(Analysis(40.0, TempoEstimate(120.0, 0.9), NO_KEY, sections=sections))
    assert [(float(one.position), one.name) for one in found] == [
        (0.5, "Section A"),
        (16.5, "Section B"),
    ]
