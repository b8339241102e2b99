"""The analysis of whole files: sections, formats, stems, progress, and beat_this."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import analysed_songs as songs
import numpy as np
import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.analysis import Step, analyse, listening, markers, tempo_map
from stemlift.sessions.media import media_of

PLAN = songs.Plan(((24, 132.0),), 4, lead=0.8, parts=((4, "c"), (12, "dbc"), (4, "c"), (4, "b")))


@pytest.fixture(scope="module")
def song() -> songs.Song:
    return songs.play(PLAN)


class Watching:
    """Notes what it is told, and stops at a step."""

    def __init__(self, stop: Step | None = None) -> None:
        self.told: list[tuple[Step, float]] = []
        self.stop = stop

    def report(self, step: Step, fraction: float) -> None:
        self.told.append((step, fraction))

    def check(self) -> None:
        if self.told and self.told[-1][0] is self.stop:
            raise StemliftError(Reason.CANCELLED, "Stopped.", "")


def test_sections_start_where_the_song_changes(tmp_path: Path, song: songs.Song) -> None:
    songs.write(tmp_path / "song.wav", song.mix)
    found = analyse(tmp_path / "song.wav", method="librosa")
    starts = [section.start for section in found.sections]
    truth = [song.downbeats[bar] for bar in (0, 4, 16, 20)]
    assert starts == pytest.approx(truth, abs=0.02)
    names = [section.name for section in found.sections]
    assert names[0] == names[2] == "A"
    assert len(set(names)) == 3
    assert all(0 < section.confidence <= 1 for section in found.sections)
    assert [float(marker.position) for marker in markers(found)] == pytest.approx(starts, abs=1e-5)


@pytest.mark.parametrize(("name", "rate", "channels"), [("a.flac", 48000, 2), ("b.wav", 96000, 1)])
def test_any_file(tmp_path: Path, song: songs.Song, name: str, rate: int, channels: int) -> None:
    songs.write(tmp_path / name, song.mix, rate, channels)
    found = analyse(media_of(tmp_path / name), method="librosa")
    assert found.tempo.bpm == 132.0
    assert found.key.name == "E major"
    assert found.downbeats[0] == pytest.approx(0.8, abs=0.01)
    assert len(tempo_map(found)) == 2


def test_stems_sum_to_the_song(tmp_path: Path, song: songs.Song) -> None:
    stems = {"drums": song.drums, "bass": song.bass, "chords": song.chords}
    loudest = max(float(np.abs(stem).max()) for stem in stems.values())
    for name, stem in stems.items():
        songs.write(tmp_path / f"{name}.wav", stem * loudest)
    files = [tmp_path / f"{name}.wav" for name in stems]
    found = analyse(files, tonal=files[1:], method="librosa")
    assert found.tempo.bpm == 132.0
    assert found.key.name == "E major"


def test_it_tells_how_far_it_is(tmp_path: Path, song: songs.Song) -> None:
    songs.write(tmp_path / "song.wav", song.mix)
    watching = Watching()
    analyse(tmp_path / "song.wav", method="librosa", control=watching)
    shares = [share for _, share in watching.told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {step for step, _ in watching.told} == set(Step)


@pytest.mark.parametrize("step", [Step.READING, Step.BEATS, Step.KEY])
def test_it_stops_when_told(tmp_path: Path, song: songs.Song, step: Step) -> None:
    songs.write(tmp_path / "song.wav", song.mix)
    with pytest.raises(StemliftError) as raised:
        analyse(tmp_path / "song.wav", method="librosa", control=Watching(step))
    assert raised.value.reason is Reason.CANCELLED


def test_only_the_start_of_a_very_long_file(
    tmp_path: Path, song: songs.Song, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "LONGEST", 12)
    songs.write(tmp_path / "song.wav", song.mix, 44100)
    found = analyse(tmp_path / "song.wav", method="librosa")
    assert found.seconds == 12.0
    assert found.beats[-1] < 12.1
    assert "Only the first" in found.notes[0]


def test_bad_input(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"no sound")
    with pytest.raises(StemliftError) as raised:
        analyse(tmp_path / "song.wav")
    assert raised.value.reason is Reason.NOT_AUDIO
    for wrong in ({"files": []}, {"files": tmp_path / "song.wav", "method": "ears"}):
        with pytest.raises(StemliftError) as raised:
            analyse(**wrong)
        assert raised.value.reason is Reason.ARGUMENT_INVALID


STAND_IN = """
import numpy as np

class Audio2Beats:
    def __init__(self, checkpoint_path, device):
        self.start, self.bpm = map(float, open(checkpoint_path).read().split())

    def __call__(self, signal, rate):
        assert signal.ndim == 1 and signal.dtype == np.float32 and rate == 22050
        rng = np.random.default_rng(0)
        beats = np.arange(self.start, len(signal) / rate, 60 / self.bpm)
        # It hears at 50 frames a second.
        beats = np.round(beats * 50) / 50
        return beats, beats[1::3]
"""


@pytest.fixture
def beat_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the package of that name, whose weights say what it hears; the file."""
    package = tmp_path / "packages" / "beat_this"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "inference.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    weights = tmp_path / "torch" / "hub" / "checkpoints" / "beat_this-final0.ckpt"
    weights.parent.mkdir(parents=True)
    return weights


def test_beat_this_where_it_is_there(tmp_path: Path, song: songs.Song, beat_this: Path) -> None:
    songs.write(tmp_path / "song.wav", song.mix)
    assert analyse(tmp_path / "song.wav").method == "librosa"
    beat_this.write_text("0.8 132")
    found = analyse(tmp_path / "song.wav")
    assert found.method == "beat_this"
    assert found.tempo.bpm == pytest.approx(132, rel=0.0005)
    assert found.tempo.constant
    assert found.beats_per_bar == 3
    # Its grid is that of its beats, not of its frames.
    assert found.downbeats[0] == pytest.approx(0.8 + 60 / 132, abs=0.01)
    assert analyse(tmp_path / "song.wav", method="librosa").beats_per_bar == 4


def test_beat_this_that_fails(tmp_path: Path, song: songs.Song, beat_this: Path) -> None:
    songs.write(tmp_path / "song.wav", song.mix[: 8 * songs.RATE])
    with pytest.raises(StemliftError) as raised:
        analyse(tmp_path / "song.wav", method="beat_this")
    assert raised.value.reason is Reason.ANALYSIS_UNAVAILABLE
    assert 'pip install "stemlift[beats]"' in raised.value.remedy
    beat_this.write_text("nonsense")
    with pytest.raises(StemliftError) as raised:
        analyse(tmp_path / "song.wav")
    assert raised.value.reason is Reason.ANALYSIS_UNAVAILABLE
    assert "ValueError" in str(raised.value)


def test_librosa_that_does_not_load(
    tmp_path: Path, song: songs.Song, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs.write(tmp_path / "song.wav", song.mix[: 8 * songs.RATE])
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(StemliftError) as raised:
        analyse(tmp_path / "song.wav", method="librosa")
    assert raised.value.reason is Reason.ANALYSIS_UNAVAILABLE
    assert 'pip install --upgrade "librosa>=0.11,<2"' in raised.value.remedy


def test_neither_torch_nor_librosa_comes_in_before_it_is_needed() -> None:
    code = (
        "import sys, stemlift.sessions.analysis\n"
        "print([name for name in ('torch', 'librosa', 'numba', 'scipy') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
