from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from measured_sounds import RATE, noise
from signals import write

from stemlift.errors import Reason, StemliftError
from stemlift.report import subject_of, subject_of_stems

SOUND = noise(0.5, seed=1)


def put(folder: Path, *names: str, sound: np.ndarray = SOUND) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    for name in names:
        write(folder / name, sound, RATE, "PCM_24")
    return folder


def test_files_of_separate_are_known_by_their_names(tmp_path: Path) -> None:
    put(tmp_path, "song.wav")
    folder = put(tmp_path / "song stems", "song - bass.wav", "song - vocals.wav")
    (folder / "report.html").write_text("a page", encoding="utf-8")
    found = subject_of(folder)
    assert found.title == "song"
    assert list(found.stems) == ["vocals", "bass"]
    assert found.mix == tmp_path / "song.wav"
    assert found.notes == ()


def test_a_mix_among_the_stems_is_the_mix(tmp_path: Path) -> None:
    folder = put(tmp_path / "multitrack", "mixture.wav", "drums.wav", "vocals.wav")
    found = subject_of(folder)
    assert list(found.stems) == ["vocals", "drums"]
    assert found.mix == folder / "mixture.wav"


def test_the_instrumental_is_left_out_where_its_parts_are_there() -> None:
    some = {name: Path(name) for name in ("instrumental", "vocals", "drums")}
    found = subject_of_stems("song", some, None, 0, "")
    assert list(found.stems) == ["vocals", "drums"]
    assert "instrumental is left out" in found.notes[0]
    two = {name: Path(name) for name in ("instrumental", "vocals")}
    assert list(subject_of_stems("song", two, None, 0, "").stems) == ["vocals", "instrumental"]


def test_a_mix_that_does_not_fit_is_not_taken_by_itself(tmp_path: Path) -> None:
    put(tmp_path, "song.wav", sound=SOUND[:100])
    found = subject_of(put(tmp_path / "song stems", "song - vocals.wav"))
    assert found.mix is None
    assert "--mix" in found.notes[0]


def test_there_must_be_stems(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(StemliftError) as refused:
            subject_of(folder)
        assert refused.value.reason is Reason.FILE_NOT_FOUND


def test_stems_of_two_songs_are_not_mixed_up(tmp_path: Path) -> None:
    folder = put(tmp_path / "both", "a - vocals.wav", "a - drums.wav", "b - vocals.wav")
    with pytest.raises(StemliftError) as refused:
        subject_of(folder)
    assert refused.value.reason is Reason.ARGUMENT_INVALID
    assert "a - vocals.wav and b - vocals.wav" in refused.value.message
    # Numbers before names are no songs.
    assert len(subject_of(put(tmp_path / "numbered", "01 - Kick.wav", "02 - Bass.wav")).stems) == 2


def test_what_other_programs_leave_is_no_stem(tmp_path: Path) -> None:
    folder = put(tmp_path / "stems", "vocals.wav", "drums.wav")
    for name in ("vocals.wav.asd", "drums.wav.reapeaks", "Thumbs.db", "cover.jpg"):
        (folder / name).write_bytes(b"no sound")
    assert list(subject_of(folder).stems) == ["vocals", "drums"]


def test_a_record_without_stems_and_a_stem_without_a_name(tmp_path: Path) -> None:
    folder = put(tmp_path / "stems", "vocals.wav", "a - .wav")
    assert list(subject_of(folder).stems) == ["vocals", "a - "]
    source = {"path": "song.wav", "frames": 1, "sample_rate": RATE, "channels": 2}
    record = {"song": "song", "source": source, "stems": []}
    (folder / "stems.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(StemliftError) as refused:
        subject_of(folder)
    assert refused.value.reason is Reason.FILE_NOT_FOUND


def test_a_folder_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    with pytest.raises(StemliftError) as refused:
        subject_of(tmp_path / ("z" * 300))
    assert refused.value.reason in (Reason.FILE_UNREADABLE, Reason.FILE_NOT_FOUND)
