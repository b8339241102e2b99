"""Messages when a batch has ended: what they say, and that they can break nothing."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stemlift.system.notification import show, showing
from stemlift.watch.notify import BatchNotices

ODD = "-n <b>\"$HOME\" `x` %s 'é' \\"


class Desktop:
    def __init__(self, problem: str | None = None) -> None:
        self.shown: list[tuple[str, str]] = []
        self.problem = problem

    def __call__(self, title: str, text: str) -> str | None:
        self.shown.append((title, text))
        return self.problem


def test_one_message_for_a_batch() -> None:
    desktop = Desktop()
    notices = BatchNotices(desktop)
    notices.none_waiting()
    assert desktop.shown == []
    for number in range(1, 6):
        notices.song_ended(f"Song {number}")
    notices.none_waiting()
    notices.none_waiting()
    assert desktop.shown == [
        ("Stems are ready", "5 songs done: Song 1, Song 2, Song 3 and 2 more.")
    ]


def test_failures_come_first() -> None:
    desktop = Desktop()
    notices = BatchNotices(desktop)
    notices.song_ended("good")
    notices.song_ended("bad", failed=True)
    notices.none_waiting()
    notices.song_ended("worse", failed=True)
    notices.none_waiting()
    assert desktop.shown == [
        ("Stems are ready, with failures", "1 song failed: bad. 1 song done: good."),
        ("No stems", "1 song failed: worse."),
    ]


def _raises(_title: str, _text: str) -> str | None:
    raise RuntimeError("no desktop")


@pytest.mark.parametrize("show", [Desktop("no desktop"), _raises])
def test_a_missing_desktop_is_told_once(show: object, caplog: pytest.LogCaptureFixture) -> None:
    notices = BatchNotices(show)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, "stemlift.watch"):
        for _ in range(3):
            notices.song_ended("a")
            notices.none_waiting()
    assert [record.getMessage() for record in caplog.records] == [
        "No desktop notification could be shown: no desktop"
    ]


def test_notify_send_gets_the_text_as_text() -> None:
    command = showing("-title", ODD, "linux")
    assert command.argv[:3] == ("notify-send", "--app-name", "Stemlift")
    # Behind "--" nothing is an option, and markup is none.
    assert command.argv[3:5] == ("--", "-title")
    assert command.argv[5] == ODD.replace("<", "&lt;").replace(">", "&gt;")


def test_osascript_gets_the_texts_as_arguments() -> None:
    command = showing("title", ODD, "darwin")
    lines = [
        part for flag, part in zip(command.argv, command.argv[1:], strict=False) if flag == "-e"
    ]
    assert lines[0] == "on run texts"
    assert lines[-1] == "end run"
    assert not any("title" in line and "HOME" in line for line in lines)
    assert command.argv[-2] == "title"
    # Never taken for an option.
    assert command.argv[-1].removeprefix("\u200b") == ODD
    assert not command.argv[-1].startswith("-")


def test_powershell_gets_the_texts_as_variables() -> None:
    command = showing("title", ODD, "win32")
    assert command.argv[0] == "powershell.exe"
    assert not any(ODD in part for part in command.argv)
    assert command.env == {"STEMLIFT_NOTICE_TITLE": "title", "STEMLIFT_NOTICE_TEXT": ODD}


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_names_with_broken_letters_can_be_shown(platform: str) -> None:
    command = showing("a\x00b\nc", "x\udcffy", platform)
    texts = [*command.argv[-2:], *command.env.values()]
    for text in texts:
        text.encode()
    assert "\x00" not in "".join(texts)


@pytest.mark.skipif(os.name == "nt", reason="a script of a Unix shell")
def test_the_program_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = Path(showing("", "").argv[0]).name
    if name == "osascript":
        pytest.skip("called by its path")
    shell, printer = shutil.which("sh"), shutil.which("printf")
    assert shell
    assert printer
    monkeypatch.setenv("PATH", str(tmp_path))
    problem = show("title", "text")
    assert problem is not None
    assert "notify-send" in problem
    program = tmp_path / name
    program.write_text(f'#!{shell}\n{printer} "%s|" "$@" > "{tmp_path}/said"\nexit $CODE\n')
    program.chmod(0o755)
    monkeypatch.setenv("CODE", "0")
    assert show("title", "text & more") is None
    assert (tmp_path / "said").read_text() == "--app-name|Stemlift|--|title|text &amp; more|"
    monkeypatch.setenv("CODE", "4")
    assert show("title", "text") == "notify-send ended with 4"


@pytest.mark.skipif(shutil.which("notify-send") is None, reason="no notify-send")
def test_notify_send_knows_the_options() -> None:
    done = subprocess.run(["notify-send", "--help"], capture_output=True, text=True, check=True)
    assert "--app-name" in done.stdout
