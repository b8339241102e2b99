"""How songs are fitted to each other: tempo, key, downbeats, and what is said about it."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.analysis.result import Analysis, KeyEstimate, Knot, TempoEstimate
from stemlift.sessions.mashup_plan import Ingredient, plan
from stemlift.sessions.matching import (
    least_stretch,
    least_transposition,
    octaves,
    parse_key,
    transposition,
)

A_MINOR = KeyEstimate(9, minor=True, confidence=0.9)


def major(tonic: int) -> KeyEstimate:
    return KeyEstimate(tonic, confidence=0.9)


C_MAJOR = major(0)


def analysis(
    bpm: float | None,
    first: float = 0.0,
    key: KeyEstimate = C_MAJOR,
    *,
    beats_per_bar: int = 4,
    sure: float = 0.9,
    grid: tuple[Knot, ...] | None = None,
    alternatives: tuple[float, ...] = (),
    octave_sure: float = 0.9,
) -> Analysis:
    beats = tuple(first + n * 60 / bpm for n in range(64)) if bpm else ()
    knots = (Knot(0, beats[0]), Knot(63, beats[-1])) if bpm else ()
    return Analysis(
        60.0,
        TempoEstimate(bpm, sure, octave_sure, alternatives),
        key,
        beats,
        beats[::beats_per_bar],
        beats_per_bar,
        sure,
        grid=knots if grid is None else grid,
    )


def song(name: str, heard: Analysis, seconds: int = 30, *, pitched: bool = True) -> Ingredient:
    return Ingredient(name, Fraction(seconds), heard, pitched)


def on_timeline(place: float, fit: object) -> float:
    """Where a time of a song is heard."""
    for piece in fit.pieces:  # type: ignore[attr-defined]
        if place <= piece.end:
            return float(piece.position) + (place - float(piece.start)) / float(piece.stretch)
    raise AssertionError(place)


def test_the_first_songs_tempo_leaves_it_as_it_is() -> None:
    found = plan([song("A", analysis(117.3)), song("B", analysis(125.0))], "first", "least")
    assert found.tempo == 117.3
    assert [piece.stretch for piece in found.fits[0].pieces] == [1]
    assert float(found.fits[1].pieces[0].stretch) == pytest.approx(117.3 / 125)


@given(
    st.lists(st.tuples(st.floats(60, 165), st.floats(0, 5)), min_size=1, max_size=4),
    st.sampled_from(["first", "least", 128.0]),
)
def test_downbeats_meet_on_a_bar_line_and_nothing_starts_before_the_start(
    songs: list[tuple[float, float]], tempo: object
) -> None:
    given_ = [song(str(n), analysis(bpm, first)) for n, (bpm, first) in enumerate(songs)]
    found = plan(given_, tempo, "keep")  # type: ignore[arg-type]
    bars = float(found.meeting) / (4 * 60 / found.tempo)
    assert bars == pytest.approx(round(bars), abs=1e-9)
    for (_, first), fit in zip(songs, found.fits, strict=True):
        assert fit.pieces[0].position >= 0
        assert on_timeline(first, fit) == pytest.approx(float(found.meeting), abs=1e-6)
        # Half or double time is taken before more than that is stretched.
        assert abs(math.log2(fit.pieces[0].stretch)) <= 0.5 + 1e-9 or found.tempo == 128.0


def test_half_and_double_time_need_no_stretch() -> None:
    found = plan([song("A", analysis(140)), song("B", analysis(70))], "first", "keep")
    assert found.fits[1].multiple == 2
    assert found.fits[1].pieces[0].stretch == 1
    assert any("B runs at half time" in note for note in found.notes)


@pytest.mark.parametrize(
    ("tempi", "target"),
    [([100, 121], 110.0), ([120], 120), ([70, 140], 70), ([90, 180, 90], 90), ([118, 118], 118)],
)
def test_the_least_stretch_lies_between_the_songs(tempi: list[float], target: float) -> None:
    assert least_stretch(tempi) == pytest.approx(target, rel=1e-9)


@given(st.lists(st.floats(60, 200), min_size=1, max_size=4), st.floats(60, 200))
def test_no_other_tempo_needs_less(tempi: list[float], other: float) -> None:
    best = max(octaves(bpm, least_stretch(tempi)) for bpm in tempi)
    assert best <= max(octaves(bpm, other) for bpm in tempi) + 1e-5


def test_a_song_whose_tempo_changes_is_cut_where_it_does() -> None:
    grid = (Knot(0, 1.0), Knot(16, 9.0), Knot(40, 19.0))
    heard = analysis(120, 1.0, grid=grid)
    found = plan([song("A", heard, 25)], 120.0, "keep")
    first, second = found.fits[0].pieces
    assert (first.start, first.end, second.start, second.end) == (0, 9, 9, 25)
    assert first.stretch == 1
    assert float(second.stretch) == pytest.approx(120 / 144)
    # Each beat of the song is on one of the session.
    for knot in grid:
        place = on_timeline(knot.time, found.fits[0]) - float(found.meeting)
        assert place == pytest.approx(knot.beat * 0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("keys", "steps"),
    [
        ([C_MAJOR, A_MINOR], [0, 0]),
        ([C_MAJOR, major(2)], [1, -1]),
        (
            [
                major(0),
                major(2),
                major(2),
            ],
            [2, 0, 0],
        ),
        ([major(0), major(6)], [3, -3]),
        ([KeyEstimate(None), major(5)], [0, 0]),
    ],
)
def test_the_least_is_transposed(keys: list[KeyEstimate], steps: list[int]) -> None:
    songs = [song(str(n), analysis(120, key=key)) for n, key in enumerate(keys)]
    assert [fit.pitch for fit in plan(songs, "first", "least").fits] == steps


def test_a_key_that_may_as_well_be_its_relative_is_no_guess() -> None:
    either = KeyEstimate(2, confidence=0.0, runner_up=(11, True), notes_confidence=0.8)
    found = plan([song("A", analysis(120)), song("B", analysis(120, key=either))], "first", "first")
    assert [fit.pitch for fit in found.fits] == [0, -2]
    assert not any("sure" in note for note in found.notes)


def test_nothing_is_transposed_on_a_guess() -> None:
    guess = KeyEstimate(6, confidence=0.09, runner_up=(1, True))
    songs = [
        song("A", analysis(120, key=guess)),
        song("B", analysis(120, key=C_MAJOR)),
        song("C", analysis(120, key=KeyEstimate(2, confidence=0.1))),
    ]
    told = (
        "The key of A, F# major, is only 9% sure, it may be C# minor; that is a guess, and it is"
        " not transposed; give the key of the session to have it transposed all the same."
    )
    for wanted, steps in (("first", [0, 0, -2]), ("least", [0, 1, -1])):
        found = plan(songs, "first", wanted)  # type: ignore[arg-type]
        assert [fit.pitch for fit in found.fits] == steps
        assert told in found.notes
    given_ = plan(songs, "first", parse_key("C"))
    assert [fit.pitch for fit in given_.fits] == [6, 0, -2]
    assert any(
        "only 9% sure, it may be C# minor; it is transposed by +6" in n for n in given_.notes
    )
    alone = plan(songs[:1], "first", "least")
    assert (alone.key, alone.fits[0].pitch) == (None, 0)
    assert told in alone.notes
    assert not any("key" in note for note in plan(songs, "first", "keep").notes)


@given(st.integers(0, 11), st.booleans(), st.integers(0, 11))
def test_a_transposition_arrives_within_six_semitones(tonic: int, minor: bool, to: int) -> None:
    steps = transposition(KeyEstimate(tonic, minor), to)
    assert -6 <= steps <= 6
    assert (tonic + 3 * minor + steps) % 12 == to
    assert least_transposition([KeyEstimate(tonic, minor)]) == (tonic + 3 * minor) % 12


def test_a_key_that_is_given_counts_for_all_that_have_a_pitch() -> None:
    songs = [
        song("A", analysis(120, key=C_MAJOR)),
        song("B", analysis(120, key=KeyEstimate(4, minor=True, confidence=0.2))),
        song("C", analysis(120, key=major(1)), pitched=False),
        song("D", analysis(120, key=KeyEstimate(None))),
    ]
    found = plan(songs, "first", parse_key("F# minor"))
    assert [fit.pitch for fit in found.fits] == [-3, 2, 0, 0]
    assert found.notes[-1] == "The session runs at 120.00 bpm, in A major / F# minor."
    assert any("key of B, E minor, is only 20% sure" in note for note in found.notes)
    assert any("No key was found in D" in note for note in found.notes)
    kept = plan(songs, "first", "keep")
    assert [fit.pitch for fit in kept.fits] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C", (0, False)),
        ("a minor", (9, True)),
        ("F#m", (6, True)),
        ("Bb", (10, False)),
        ("B", (11, False)),
        ("Bbm", (10, True)),
        ("Cb major", (11, False)),
    ],
)
def test_keys_are_read_as_they_are_written(text: str, key: tuple[int, bool]) -> None:
    assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "H", "C dur", "minor", "C##"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(StemliftError) as caught:
        parse_key(text)
    assert caught.value.reason is Reason.ARGUMENT_INVALID


def test_what_is_unsure_is_said() -> None:
    songs = [
        song("A", analysis(120, alternatives=(60.0,), octave_sure=0.3)),
        song("B", analysis(121, sure=0.2, beats_per_bar=3)),
        song("C", analysis(None)),
        song("D", analysis(160, key=KeyEstimate(6, confidence=0.9, tuning=-32.0))),
    ]
    found = plan(songs, "first", "first")
    text = "\n".join(found.notes)
    for part in (
        "A may run at 60.0 bpm as well as at 120.0.",
        "The tempo of B, 121.0 bpm, is only 20% sure.",
        "Where the bars of B begin is only 20% sure",
        "No beat was found in C",
        "D plays 0.75 times as fast, which will be heard.",
        "D is transposed by +6 semitones, which will be heard.",
        "D is tuned 32 cents below A.",
        "bars of 3 and 4 beats",
    ):
        assert part in text
    assert found.fits[2].pieces[0].stretch == 1
    assert found.fits[2].pieces[0].position == found.meeting
