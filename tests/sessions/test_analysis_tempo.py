"""Tempo and bars of songs whose tempo and bars are known."""

from __future__ import annotations

from pathlib import Path

import analysed_songs as songs
import numpy as np
import pytest

from stemlift.sessions.analysis import Analysis, analyse

ROUGH, FINE = 0.02, 0.001


def heard(folder: Path, song: songs.Song, samples: songs.Signal | None = None) -> Analysis:
    file = folder / "song.wav"
    songs.write(file, song.mix if samples is None else samples)
    return analyse(file, method="librosa")


def octave(analysis: Analysis, bpm: float) -> float:
    """1, or 2 or 0.5 where the tempo found is that of another octave."""
    assert analysis.tempo.bpm is not None
    return 2.0 ** round(np.log2(analysis.tempo.bpm / bpm))


def distances(times: tuple[float, ...], truth: list[float], end: float) -> np.ndarray:
    """How far each time before the end is from the nearest true one, in seconds."""
    found = np.array([time for time in times if time < end - 0.1])
    return np.abs(found[:, None] - np.array(truth)[None, :]).min(axis=1)


@pytest.mark.parametrize(
    ("bpm", "groove", "swing", "lead"),
    [
        (60.0, "rock", 0.0, 0.4),
        (71.3, "half-time", 0.0, 1.1),
        (84.0, "waltz", 0.0, 0.0),
        (92.45, "rock", 1 / 6, 0.7),
        (103.66, "house", 0.0, 1.9),
        (118.0, "syncopated", 0.0, 0.013),
        (131.7, "waltz-busy", 0.0, 0.25),
        (140.0, "house", 1 / 6, 0.5),
        (174.0, "syncopated", 0.0, 1.4),
        (199.5, "rock", 0.0, 0.6),
    ],
)
def test_steady_songs(tmp_path: Path, bpm: float, groove: str, swing: float, lead: float) -> None:
    plan = songs.Plan(((int(bpm / 8) + 1, bpm),), 2, groove=groove, swing=swing, lead=lead)
    song = songs.play(plan)
    found = heard(tmp_path, song)
    times = octave(found, bpm)
    assert found.tempo.bpm == pytest.approx(times * bpm, rel=FINE)
    assert found.tempo.constant
    assert found.tempo.confidence > 0.9
    assert found.beats_per_bar == plan.beats_per_bar
    if times != 1:
        assert found.tempo.octave_confidence < 0.5
        assert any(one == pytest.approx(bpm, rel=FINE) for one in found.tempo.alternatives)
        assert "may as well be" in found.notes[0]
        return
    assert distances(found.beats, song.beats, song.end).max() < 0.01
    assert distances(found.downbeats, song.downbeats, song.end).max() < 0.01
    assert found.bar_confidence > 0.6


def test_a_round_tempo_is_found_to_the_digit(tmp_path: Path) -> None:
    assert heard(tmp_path, songs.play(songs.Plan(((14, 128.0),)))).tempo.bpm == 128.0


def test_a_break_without_drums_keeps_the_beat(tmp_path: Path) -> None:
    song = songs.play(songs.Plan(((28, 120.0),), parts=((12, "dbc"), (4, "c"), (12, "dbc"))))
    found = heard(tmp_path, song)
    assert found.tempo.bpm == pytest.approx(120.0, rel=FINE)
    assert found.tempo.constant
    assert distances(found.downbeats, song.downbeats, song.end).max() < 0.01


@pytest.mark.parametrize(
    "tempi",
    [((12, 140.0), (12, 96.0), (10, 112.0)), ((12, 90.0), (14, 94.0))],
)
def test_a_song_that_changes_its_tempo(
    tmp_path: Path, tempi: tuple[tuple[int, float], ...]
) -> None:
    song = songs.play(songs.Plan(tempi, 7, lead=0.6))
    found = heard(tmp_path, song)
    assert not found.tempo.constant
    assert len(found.grid) == len(tempi) + 1
    for (bars, bpm), start, stop in zip(tempi, found.grid[:-1], found.grid[1:], strict=True):
        here = 60 * (stop.beat - start.beat) / (stop.time - start.time)
        assert here == pytest.approx(bpm, rel=0.002), bars
    assert np.mean(distances(found.downbeats, song.downbeats, song.end) < 0.02) > 0.95


def test_a_tempo_that_drifts_is_followed(tmp_path: Path) -> None:
    song = songs.play(songs.Plan(((8, 100.0), (8, 101.0), (8, 102.0)), 3))
    found = heard(tmp_path, song)
    assert not found.tempo.constant
    assert distances(found.beats, song.beats, song.end).max() < 0.015


def noise(rng: np.random.Generator) -> songs.Signal:
    return rng.normal(size=20 * songs.RATE)


def rubato(rng: np.random.Generator) -> songs.Signal:
    track, time = np.zeros(30 * songs.RATE), 0.5
    while time < 28:
        songs.add_note(track, 60 + int(rng.integers(12)), time, 1.0)
        time += float(rng.uniform(0.25, 1.2))
    return track


def silence(rng: np.random.Generator) -> songs.Signal:
    return np.zeros(10 * songs.RATE)


def hum(rng: np.random.Generator) -> songs.Signal:
    return np.sin(2 * np.pi * 100 * np.arange(20 * songs.RATE) / songs.RATE)


def short(rng: np.random.Generator) -> songs.Signal:
    return songs.play(songs.Plan(((1, 120.0),))).mix[: songs.RATE]


def one_frame(rng: np.random.Generator) -> songs.Signal:
    return np.ones(1)


@pytest.mark.parametrize("sound", [noise, rubato, silence, hum, short, one_frame])
def test_no_tempo_without_a_beat(tmp_path: Path, sound) -> None:
    file = tmp_path / "sound.wav"
    songs.write(file, sound(np.random.default_rng(3)))
    found = analyse(file, method="librosa")
    assert found.tempo.bpm is None
    assert found.tempo.confidence < 0.25
    assert (found.beats, found.downbeats, found.grid, found.sections) == ((), (), (), ())
    assert "no" in found.notes[0]


@pytest.mark.long
def test_forty_songs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figures of docs: random songs of 60 to 200 beats a minute in all keys."""
    rng = np.random.default_rng(2024)
    right = {"tempo": 0, "octave": 0, "meter": 0, "downbeats": 0, "key": 0}
    worst = 0.0
    for number in range(40):
        bpm = float(np.round(rng.uniform(60, 200), 2))
        plan = songs.Plan(
            ((int(bpm / 7) + 1, bpm),),
            tonic=int(rng.integers(12)),
            minor=bool(rng.integers(2)),
            groove=str(rng.choice(list(songs.GROOVES))),
            progression=int(rng.integers(4)),
            lead=float(rng.uniform(0, 2)),
            swing=float(rng.choice([0.0, 0.0, 1 / 6])),
            cents=float(rng.uniform(-40, 40)),
            seed=number,
        )
        song = songs.play(plan)
        found = heard(tmp_path, song)
        times = octave(found, bpm)
        assert found.tempo.bpm is not None
        error = abs(found.tempo.bpm / (times * bpm) - 1)
        worst = max(worst, error)
        assert error < ROUGH, plan
        assert times == 1 or found.tempo.alternatives, plan
        right["tempo"] += 1
        right["octave"] += times == 1
        right["meter"] += found.beats_per_bar == plan.beats_per_bar
        near = distances(found.downbeats, song.downbeats, song.end) < 0.03
        right["downbeats"] += bool(near.mean() > 0.9)
        right["key"] += (found.key.tonic, found.key.minor) == (plan.tonic, plan.minor)
    with capsys.disabled():
        print(f"\nof 40 songs: {right}; worst tempo off by {100 * worst:.3f} %")
    assert right["octave"] >= 26
    assert right["meter"] >= 38
    assert right["downbeats"] >= 32
    assert right["key"] >= 36
    assert worst < 2 * FINE
