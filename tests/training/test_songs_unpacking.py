"""Generated songs as sound files, whose mixture is the exact sum."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from training_songs import RATE, write_songs

from stemlift.cli.main import main
from stemlift.evaluation.layouts import find_songs
from stemlift.evaluation.recordings import load

FOUR = ("drums", "bass", "other", "vocals")


def test_every_sample_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_songs(tmp_path / "songs", "test", 2, 0.3)
    write_songs(tmp_path / "songs", "valid", 1, 0.3)
    (first, second) = sorted((tmp_path / "songs").glob("test-*.npy"))
    loud = np.load(second)
    loud[:, 0, 100] = 32767
    loud[:, 1, 200] = -32768
    np.save(second, loud)
    out = tmp_path / "out"
    assert main(["train", "stems", str(tmp_path / "songs"), "-o", str(out), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["song"] for line in lines] == [first.stem, second.stem]
    for path, subtype in ((first, "PCM_16"), (second, "FLOAT")):
        true = np.load(path)
        for stem, sound in zip(FOUR, true, strict=True):
            read, rate = soundfile.read(out / path.stem / f"{stem}.wav", dtype="int16")
            assert rate == RATE
            np.testing.assert_array_equal(read, sound.T)
        mixture = out / path.stem / "mixture.wav"
        assert soundfile.info(mixture).subtype == subtype
        total = true.astype(np.int64).sum(axis=0).T / 32768.0
        np.testing.assert_array_equal(soundfile.read(mixture)[0], total)
    assert [song.name for song in find_songs(out)] == [first.stem, second.stem]
    assert load(find_songs(out)[1]).mixture.max() > 3.9


def test_no_such_songs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_songs(tmp_path / "songs", "train", 1, 0.1)
    command = ["train", "stems", str(tmp_path / "songs"), "-o", str(tmp_path / "out")]
    assert main(command) == 2
    assert "split test" in capsys.readouterr().err
    assert main([*command, "--split", "*"]) == 2
    assert "train, valid, test" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    assert main([*command, "--split", "train"]) == 2
    assert f"{tmp_path / 'out'}" in capsys.readouterr().err
