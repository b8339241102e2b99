"""Keys of songs whose key is known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import analysed_songs as songs
import numpy as np
import pytest

from stemlift.sessions.analysis import KeyEstimate, analyse, key_name
from stemlift.sessions.analysis.control import Unattended
from stemlift.sessions.analysis.key import find_chroma, find_key


@cache
def heard(tonic: int, minor: bool, cents: float = 0.0, progression: int = 1) -> KeyEstimate:
    plan = songs.Plan(((8, 160.0),), tonic, minor, cents=cents, progression=progression)
    song = songs.play(plan)
    return find_key(find_chroma(song.mix.astype(np.float32), Unattended()))


@pytest.mark.parametrize("minor", [False, True])
def test_all_keys(minor: bool) -> None:
    found = [heard(tonic, minor) for tonic in range(12)]
    assert [(key.tonic, key.minor) for key in found] == [(tonic, minor) for tonic in range(12)]
    assert min(key.confidence for key in found) > 0.1


@pytest.mark.parametrize("cents", [-37.0, -15.0, 24.0, 40.0])
def test_a_song_that_is_not_tuned_to_440(cents: float) -> None:
    found = heard(9, False, cents)
    assert (found.tonic, found.minor) == (9, False)
    assert found.tuning == pytest.approx(cents, abs=8)


def test_the_relative_key_makes_it_less_sure() -> None:
    for tonic in (1, 9):
        both = heard(tonic, True, progression=4)
        keys = {(tonic, True), ((tonic + 3) % 12, False)}
        assert {(both.tonic, both.minor), both.runner_up} & keys
        # Both have the same notes, so of these there is less doubt.
        assert both.notes_confidence > both.confidence
        assert both.confidence < 0.6 * heard((tonic + 3) % 12, False).confidence


def test_stems_that_play_notes_tell_more(tmp_path: Path) -> None:
    song = songs.play(songs.Plan(((8, 150.0),), 5, True))
    loud = np.random.default_rng(5).normal(size=len(song.mix)) * 0.2 + 3 * song.drums
    mix, bass, chords = (tmp_path / f"{name}.wav" for name in ("mix", "bass", "chords"))
    for file, samples in ((mix, song.mix + loud), (bass, song.bass), (chords, song.chords)):
        songs.write(file, samples)
    found = analyse(mix, tonal=[bass, chords], method="librosa").key
    assert found.name == "F minor"
    assert found.confidence > 0.3


def test_no_key_without_notes() -> None:
    rng = np.random.default_rng(1)
    drums = songs.play(songs.Plan(((8, 120.0),))).drums
    for samples in (np.zeros(5 * songs.RATE), np.zeros(10)):
        assert find_key(find_chroma(samples.astype(np.float32), Unattended())).name == ""
    for samples in (drums, rng.normal(size=20 * songs.RATE)):
        assert find_key(find_chroma(samples.astype(np.float32), Unattended())).confidence < 0.1


def test_names() -> None:
    assert key_name(6, True) == "F# minor"
    assert key_name(10, False) == "Bb major"
