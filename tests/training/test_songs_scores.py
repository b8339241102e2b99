"""Songs as written: repeatable, within bounds, of every genre."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from stemlift.training.songs import genres, melodies
from stemlift.training.songs.arranging import compose, generator_for
from stemlift.training.songs.harmony import Chord, at, chord_on, voicing
from stemlift.training.songs.score import (
    Instrument,
    Kind,
    Meter,
    Note,
    Part,
    Role,
    Song,
    Source,
    timed,
)
from stemlift.training.songs.synthesis.instruments import players

CHOIRS = {52, 53, 54, 85, 91}
NAMES = [genre.name for genre in genres.GENRES]


def test_the_same_numbers_give_the_same_song() -> None:
    assert compose(generator_for(3, "train", 5)) == compose(generator_for(3, "train", 5))


def test_seed_split_and_number_each_give_another_song() -> None:
    songs = [
        compose(generator_for(seed, split, index))
        for seed, split, index in (
            (3, "train", 5), (4, "train", 5), (3, "valid", 5), (3, "test", 5), (3, "train", 6),
        )
    ]  # fmt: skip
    assert len({(song.genre, song.tempo) for song in songs}) == 5


@pytest.mark.parametrize("name", NAMES)
def test_a_song_of_each_genre_is_within_bounds(name: str) -> None:
    genre = genres.named(name)
    song = compose(generator_for(1, "train", NAMES.index(name)), 24.0, name)
    assert song.genre == name
    assert genre.tempo[0] - 1e-9 <= song.tempo <= genre.tempo[1] + 1e-9
    assert song.meter in genre.meters
    last = song.sections[-1]
    assert last.start + last.bars * song.meter.bar >= 24.0 * song.tempo / 60.0
    assert song.parts
    assert len({part.name for part in song.parts}) == len(song.parts)
    for part in song.parts:
        assert list(part.notes) == sorted(part.notes, key=lambda note: (note.start, note.pitch))
        for note in part.notes:
            assert note.start >= 0.0
            assert note.length > 0.0
            assert 0 <= note.pitch <= 127
            assert 0.0 < note.velocity <= 1.0
        if part.kind is Kind.BASS:
            assert np.median([note.pitch for note in part.notes]) <= 52
        if part.kind is Kind.VOICE:
            assert part.notes[0].syllable
            assert part.instrument.source is Source.VOICE


def test_many_songs_have_many_shapes() -> None:
    songs = [compose(generator_for(9, "train", index)) for index in range(80)]
    assert len({song.genre for song in songs}) >= 15
    assert {song.meter for song in songs} == {Meter(4, 4), Meter(3, 4), Meter(6, 8)}
    assert min(song.tempo for song in songs) < 75 < 165 < max(song.tempo for song in songs)
    for kind in Kind:
        share = sum(bool(song.of_kind(kind)) for song in songs) / len(songs)
        assert share > 0.5
    roles = {part.role for song in songs for part in song.parts}
    assert roles == set(Role)


def test_every_instrument_of_a_genre_exists_and_none_is_a_choir() -> None:
    known = players()
    for genre in genres.GENRES:
        named = [*genre.kits, *genre.basses]
        for layer in genre.layers:
            named.extend(layer.instruments)
        for name in named:
            if name.startswith("gm:"):
                program = int(name.removeprefix("gm:"))
                assert 0 <= program <= 127
                assert name in genre.kits or program not in CHOIRS
            else:
                assert name in known


def test_seconds_come_from_the_tempo_and_late_notes_are_left_out() -> None:
    notes = (Note(2.0, 1.0, 60, 0.5), Note(9.0, 1.0, 60, 0.5))
    piano = Instrument(Source.SOUNDFONT, "piano", detune=50.0)
    part = Part("piano", Kind.OTHER, Role.CHORDS, piano, notes)
    song = Song("pop", 0, "major", 90.0, Meter(4, 4), 0.0, 4.0, (), (part,))
    (tone,) = timed(part, song)
    assert tone.start == pytest.approx(4.0 / 3.0)
    assert tone.length == pytest.approx(2.0 / 3.0)
    assert tone.pitch == pytest.approx(60.5)


def test_chords_of_the_scale() -> None:
    assert chord_on(0, 0, "major", 3) == (0, (0, 4, 7))
    assert chord_on(1, 0, "major", 4) == (2, (0, 3, 7, 10))
    assert chord_on(4, 9, "harmonic minor", 3) == (4, (0, 4, 7))


def test_voicings_stay_near_each_other() -> None:
    scale = (0, 2, 4, 5, 7, 9, 11)
    one, four = Chord(0, 4, 0, (0, 4, 7), scale), Chord(4, 4, 5, (0, 4, 7), scale)
    first = voicing(one, 52, 70)
    second = voicing(four, 52, 70, first)
    assert {key % 12 for key in first} == {0, 4, 7}
    assert {key % 12 for key in second} == {5, 9, 0}
    assert abs(np.mean(first) - np.mean(second)) <= 3.0
    assert at([one, four], 4.0) is four


def test_words_fall_on_notes_and_end() -> None:
    notes = [Note(float(beat), 0.9, 60, 0.7) for beat in range(64)]
    sung = melodies.with_words(np.random.default_rng(1), notes)
    assert len(sung) == 64
    assert sung[0].syllable
    for note, following in pairwise(sung):
        if note.syllable.endswith("-"):
            assert following.syllable
