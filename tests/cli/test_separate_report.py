"""`stemlift separate --report` against a real server."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from real_server import Home
from signals import song, write

from stemlift.cli.main import main
from stemlift.paths import HOME_VARIABLE
from stemlift.report import making

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


def here(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, list[Any]]:
    """The exit code of the command in this process, and its lines."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.folder))
    code = main(["separate", *words, "--model", "spectral", "--report", "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_no_song_is_lost_when_its_report_is(
    home: Home,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise MemoryError("none")

    monkeypatch.setattr(making, "measure", broken)
    songs = (str(source), str(source.with_name("gone.wav")))
    code, lines = here(home, monkeypatch, capsys, *songs, "--out", str(tmp_path / "a"))
    assert code == 1
    assert lines[0]["report_error"]["reason"] == "INTERNAL"
    assert all(Path(each).is_file() for each in lines[0]["stems"].values())
    assert lines[1]["error"]["reason"] == "FILE_NOT_FOUND"

    def interrupted(*_args: object, check: Callable[[float], None], **_options: object) -> None:
        signal.raise_signal(signal.SIGINT)
        check(0.0)

    monkeypatch.setattr(making, "measure", interrupted)
    code, lines = here(home, monkeypatch, capsys, str(source), "--out", str(tmp_path / "b"))
    assert code == 130
    assert lines[0]["report"] is None
    assert all(Path(each).is_file() for each in lines[0]["stems"].values())
    assert not [each for each in (tmp_path / "b").iterdir() if each.suffix == ".html"]


def test_a_report_is_called_as_its_stems_however_long_the_name(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / f"{'y' * 240}.wav", song(RATE, 2, RATE), RATE, "PCM_16")
    code, (line,) = here(home, monkeypatch, capsys, str(source), "--out", str(tmp_path / "out"))
    assert code == 0
    assert Path(line["report"]).is_file()


def test_one_stem_alone_is_not_blamed_for_the_others(
    home: Home, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (line,) = here(home, monkeypatch, capsys, str(source), "--stems", "vocals")
    assert code == 0
    text = Path(line["report"]).read_text(encoding="utf-8")
    assert "not all of the song" in text
    assert "a stem is missing" not in text
