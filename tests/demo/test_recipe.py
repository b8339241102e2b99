from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.demo.recipe import load_recipe, parse_chord, parse_melody, parse_note

SONG = Path(load_recipe.__code__.co_filename).with_name("song.toml").read_text(encoding="utf-8")


def test_the_demo_song_is_40_seconds_and_its_melodies_fill_their_sections() -> None:
    recipe = load_recipe()
    assert recipe.seconds == pytest.approx(40.0)
    for section in recipe.sections:
        if section.melody:
            assert sum(note.beats for note in parse_melody(section.melody)) == section.bars * 4


def test_notes_chords_and_syllables_are_read() -> None:
    assert [parse_note(name) for name in ("C4", "A4", "Bb3", "F#2")] == [60, 69, 58, 42]
    assert parse_chord("F#m7") == (6, 9, 13, 16)
    first, rest = parse_melody("C5>D5 1.5 la; - 1")
    assert (first.start, first.end, first.beats, first.syllable) == (72, 74, 1.5, "la")
    assert rest.start is None


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("tempo = 96.0", "tempo = 9600.0", "tempo"),
        ('"Am7"', '"H7"', "not a chord"),
        ("A4 1.5 la", "A4 la", "cannot read the melody"),
        ("A4 1.5 la", "A4 9 la", "beats long"),
        ("A4 1.5 la", "J4 1.5 la", "not a note"),
        ("pan = 0.45", "pan = 1.45", "pan"),
        ("x.....x.x.x.....", "x.....x.x.x", "pattern"),
        ("reverb = ", "echo = ", "echo"),
        ("A4 1.5 la", "A4 1.5 xx", "vowel"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    assert before in SONG
    recipe = tmp_path / "song.toml"
    recipe.write_text(SONG.replace(before, after), encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        load_recipe(recipe)
