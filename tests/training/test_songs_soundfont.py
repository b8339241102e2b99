"""Parts played by a SoundFont."""

from __future__ import annotations

import ctypes.util
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.training.songs import rights
from stemlift.training.songs.arranging import compose, generator_for
from stemlift.training.songs.fluidsynth import RATE, Font
from stemlift.training.songs.playing import LOUDNESS, PEAK, active_loudness, play
from stemlift.training.songs.score import (
    Instrument,
    Kind,
    Meter,
    Note,
    Part,
    Role,
    Song,
    Source,
)
from stemlift.training.songs.soundfont import play_parts

FLUID = rights.SOUNDFONTS[0].files[0]
needs_fluidsynth = pytest.mark.skipif(
    ctypes.util.find_library("fluidsynth") is None or not FLUID.is_file(),
    reason="needs FluidSynth and its SoundFont: apt-get install fluidsynth fluid-soundfont-gm",
)


@pytest.fixture(scope="module")
def font() -> Iterator[Font]:
    with closing(Font(FLUID)) as opened:
        yield opened


def _song(*parts: Part) -> Song:
    return Song("pop", 0, "major", 120.0, Meter(4, 4), 0.0, 2.0, (), parts)


def _part(name: str, program: int, notes: tuple[Note, ...], kind: Kind = Kind.OTHER) -> Part:
    return Part(name, kind, Role.CHORDS, Instrument(Source.SOUNDFONT, name, program), notes)


def _hertz(sound: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(sound.mean(axis=1), 8 * len(sound)))
    return float(np.argmax(power) * RATE / (8 * len(sound)))


@needs_fluidsynth
def test_each_part_is_alone_on_its_output(font: Font) -> None:
    flute = _part("flute", 73, (Note(0.0, 2.0, 69, 0.8),))
    late = _part("piano", 0, (Note(2.0, 1.0, 60, 0.8),))
    drums = _part("drums", 0, (Note(0.0, 0.5, 36, 0.9),), Kind.DRUMS)
    played = play_parts(font, _song(flute, late, drums), (flute, late, drums))
    assert all(sound.shape == (2 * RATE, 2) for sound in played.values())
    assert _hertz(played["flute"]) == pytest.approx(440.0, abs=5.0)
    assert np.max(np.abs(played["piano"][: RATE - 64])) < 1e-4
    first = np.argmax(np.abs(played["piano"][:, 0]) > 1e-3) / RATE
    assert first == pytest.approx(1.0, abs=0.02)
    assert np.max(np.abs(played["drums"])) > 0.05


@needs_fluidsynth
def test_a_song_sounds_the_same_twice_whatever_was_between(font: Font) -> None:
    song = compose(generator_for(2, "train", 3), 6.0, "ballad")
    parts = [part for part in song.parts if part.instrument.source is Source.SOUNDFONT]
    assert parts
    first = play_parts(font, song, parts)
    play_parts(font, song, parts[:1])
    second = play_parts(font, song, parts)
    for name, sound in first.items():
        np.testing.assert_array_equal(sound, second[name])


@needs_fluidsynth
def test_detune_and_slides_bend(font: Font) -> None:
    part = _part("flute", 73, (Note(0.0, 3.0, 69, 0.8),))
    sharp = replace(part, instrument=replace(part.instrument, detune=50.0))
    sliding = replace(part, notes=(replace(part.notes[0], slide=-12.0),))
    hertz = {}
    for name, one in (("plain", part), ("sharp", sharp), ("sliding", sliding)):
        hertz[name] = play_parts(font, _song(one), (one,))["flute"]
    plain = _hertz(hertz["plain"])
    assert _hertz(hertz["sharp"]) == pytest.approx(plain * 2 ** (0.5 / 12), rel=0.004)
    assert _hertz(hertz["sliding"][RATE // 2 :]) == pytest.approx(plain, rel=0.01)
    assert _hertz(hertz["sliding"][: RATE // 12]) < 0.8 * plain


@needs_fluidsynth
@pytest.mark.parametrize("genre", ["metal", "house", "jazz"])
def test_a_song_has_sane_levels(font: Font, genre: str) -> None:
    song = compose(generator_for(5, "train", 1), 8.0, genre)
    played = play(song, font)
    assert set(played) <= {part.name for part in song.parts if part.kind is not Kind.VOICE}
    assert len(played) >= 2
    for sound in played.values():
        assert sound.dtype == np.float32
        assert sound.shape in ((8 * RATE, 1), (8 * RATE, 2))
        assert np.all(np.isfinite(sound))
        assert np.max(np.abs(sound)) <= PEAK + 1e-6
        assert 0.01 < active_loudness(sound) <= LOUDNESS * 1.001


@needs_fluidsynth
def test_what_is_no_soundfont_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.sf2"
    wrong.write_bytes(b"not a SoundFont")
    with pytest.raises(StemliftError) as caught:
        Font(wrong)
    assert caught.value.reason is Reason.FILE_UNREADABLE
    assert "wrong.sf2" in caught.value.message


def test_without_a_font_the_synthesised_parts_play() -> None:
    song = compose(generator_for(1, "train", 12), 4.0, "techno")
    own = {part.name for part in song.parts if part.instrument.source is Source.SYNTHESIS}
    played = play(song, None)
    assert set(played) <= own
    assert played
