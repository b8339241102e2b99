"""What is listened to: all of a song by itself, a range of it by the stems of that range."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from mashup_songs import Recipe, make_song

from stemlift.sessions.hearing import analysed
from stemlift.sessions.song import Song, Stem
from stemlift.sessions.timeline import Media, at_frame


def ranged(song: Song, first: int, frames: int) -> Song:
    """The song with stems of a range of it, in files of their own."""
    stems = []
    for stem in song.stems:
        samples, rate = soundfile.read(stem.media.file, frames, first)
        path = stem.media.file.with_stem(f"{stem.media.file.stem} {first}")
        soundfile.write(path, samples, rate, subtype="PCM_24")
        stems.append(Stem(stem.name, Media(path, rate, 2, frames)))
    return replace(song, stems=tuple(stems), start=at_frame(first, song.sample_rate))


@pytest.mark.parametrize("first", [0, 44_100])
def test_of_a_range_nothing_else_is_heard(tmp_path: Path, first: int) -> None:
    song = make_song(tmp_path, "x", Recipe(120.0, 0.37, 0, 12.0, changes=((10, 150.0),)))
    assert analysed(song, lambda: None).seconds == pytest.approx(12, abs=0.01)
    # The faster part begins at beat 10, behind the range.
    found = analysed(ranged(song, first, 44_100 * 5), lambda: None)
    assert found.seconds == pytest.approx(5, abs=0.01)
    assert found.tempo.bpm == pytest.approx(120, rel=0.01)


def test_one_stem_of_all_of_a_song_is_heard_by_the_song(tmp_path: Path) -> None:
    song = make_song(tmp_path, "x", Recipe(120.0, 0.37, 0, 12.0))
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, [[0.0, 0.0]] * (44_100 * 12), 44_100)
    alone = replace(song, stems=(Stem("vocals", Media(silent, 44_100, 2, 44_100 * 12)),))
    assert analysed(alone, lambda: None).tempo.bpm == pytest.approx(120, rel=0.01)
