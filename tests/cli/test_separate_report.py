"""`stemlift separate --report` against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from real_server import Home
from signals import song, write

RATE = 22050


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "song.wav", song(2 * RATE, 2, RATE), RATE, "PCM_16")


def test_a_report_lies_beside_the_stems_when_the_job_is_done(home: Home, source: Path) -> None:
    part = ("--start", "0.5", "--duration", "1")
    command = ("separate", str(source), "--model", "spectral", "--report", "--json", *part)
    done = home.run(*command)
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    page = source.parent / "song stems" / "song - report.html"
    assert line["report"] == str(page)
    text = page.read_text(encoding="utf-8")
    # Measured at its place in the song: a null elsewhere would not be exact.
    assert "exact" in text
    assert "separated by spectral" in text
    assert not [each for each in page.parent.iterdir() if each.name.startswith(".")]


def test_stems_stay_where_the_report_cannot_be_written(home: Home, source: Path) -> None:
    folder = source.parent / "out"
    folder.mkdir()
    taken = folder / "song - report.html"
    taken.write_text("mine", encoding="utf-8")
    command = ("separate", str(source), "--model", "spectral", "--stems", "vocals")
    done = home.run(*command, "--out", str(folder), "--report", "--json")
    assert done.returncode == 2
    line = json.loads(done.stdout)
    assert line["report"] is None
    assert line["report_error"]["reason"] == "OUTPUT_EXISTS"
    assert Path(line["stems"]["vocals"]).is_file()
    assert taken.read_text(encoding="utf-8") == "mine"
