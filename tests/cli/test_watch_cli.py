"""`stemlift watch`, typed."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from real_server import Home, home_in, wait_for
from signals import song, write
from watch_house import assert_whole

from stemlift.cli.main import main
from stemlift.cli.watch_live import picture
from stemlift.errors import Reason
from stemlift.paths import HOME_VARIABLE
from stemlift.rpc.results import JobState, Stage
from stemlift.watch.following import Moment, Trouble
from stemlift.watch.outbox import MARKER

RATE = 44100
QUICK = ("--model", "spectral", "--stable", "0.2", "--give-up", "0.5")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home")) as home:
        home.serve()
        yield home


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def drop(inbox: Path, name: str, seed: int = 0, frames: int = 6000) -> Path:
    return write(inbox / name, song(frames, 2, RATE, seed), RATE, "PCM_16")


def watch(home: Home, inbox: Path | str, *words: str, **options: Any):
    folder = inbox.parent if isinstance(inbox, Path) else options["cwd"]
    return home.run("watch", str(inbox), "--out", str(folder / "out"), *QUICK, *words, **options)


def events(output: str, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in output.splitlines()]
    return [line for line in lines if line.get("event") == kind]


def results(outbox: Path) -> set[str]:
    return {path.name for path in outbox.iterdir() if path.name not in (MARKER, "_failed")}


class Running:
    """A watcher in another process, and the JSON lines that it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == kind]

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._reader.join()
        return code


@contextmanager
def running(home: Home, inbox: Path, *words: str) -> Iterator[Running]:
    out = str(inbox.parent / "out")
    process = home.spawn(
        "watch", str(inbox), "--out", out, *QUICK, "--json", *words, stdout=subprocess.PIPE
    )
    watcher = Running(process)
    try:
        yield watcher
    finally:
        if process.poll() is None:
            watcher.end(signal.SIGKILL)


def test_once_does_what_is_there_and_nothing_twice(home: Home, inbox: Path) -> None:
    one, two = drop(inbox, "one.wav"), drop(inbox, "two.wav", seed=1)
    (inbox / "broken.wav").write_bytes(b"no sound at all")
    done = watch(home, inbox, "--once", "--json")
    assert done.returncode == 2
    told = {line["song"]: line for line in events(done.stdout, "done")}
    assert set(told) == {"one.wav", "two.wav"}
    for path in (one, two):
        line = told[path.name]
        assert line["result"] == str(inbox.parent / "out" / path.stem)
        facts = assert_whole(Path(line["result"]), path)
        assert set(line["stems"]) == {stem["name"] for stem in facts["stems"]}
        assert all(Path(stem).is_file() for stem in line["stems"].values())
        assert line["null_dbfs"] == -300.0
    (failed,) = events(done.stdout, "failed")
    assert (failed["song"], failed["error"]["reason"]) == ("broken.wav", "NOT_AUDIO")
    assert (inbox.parent / "out" / "_failed" / "broken" / "error.txt").is_file()

    again = watch(home, inbox, "--once")
    assert (again.returncode, again.stdout) == (0, "")
    assert "Watching" in again.stderr


def test_ctrl_c_loses_nothing(home: Home, inbox: Path) -> None:
    path = drop(inbox, "long.wav", frames=12 * RATE)
    with running(home, inbox) as watcher:
        wait_for(lambda: watcher.said("running"), "the song to be worked on")
        assert watcher.end() == 0
        assert [line["left"] for line in watcher.said("stopped")] == [1]
    out = inbox.parent / "out"
    assert results(out) == {name for name in results(out) if name.startswith(".stemlift-watch-")}
    assert watch(home, inbox, "--once").returncode == 0
    assert results(out) == {"long"}
    assert_whole(out / "long", path)
    with home.client() as client:
        assert len([job for job in client.jobs() if job.latest.source == path]) == 1


def test_a_watcher_is_seen_by_others(home: Home, inbox: Path) -> None:
    broken = inbox / "broken.wav"
    broken.write_bytes(b"no sound at all")
    with running(home, inbox) as watcher:
        wait_for(lambda: watcher.said("failed"), "the failure")
        second = watch(home, inbox, "--json")
        assert second.returncode == 2
        assert json.loads(second.stdout)["error"]["reason"] == "WATCH_ACTIVE"
        status = home.run("watch", "status", "--json").stdout.splitlines()
        (mine,) = [each for each in map(json.loads, status) if each["inbox"] == str(inbox)]
        assert (mine["running"], mine["failed"], mine["in_settings"]) == (True, 1, False)
        assert mine["files"][0]["reason"] == "NOT_AUDIO"
        assert f"{inbox} → {inbox.parent / 'out'}: watched" in home.run("watch", "status").stdout

        # Tried again because somebody asked, and because it changed.
        assert home.run("watch", "retry", str(broken)).returncode == 0
        wait_for(lambda: len(watcher.said("failed")) == 2, "the second try")
        drop(inbox, "broken.wav")
        wait_for(lambda: watcher.said("done"), "the mended song")
        nothing = home.run("watch", "retry", str(broken), "--json")
        assert nothing.returncode == 2
        assert watcher.end(signal.SIGTERM) == 0
    assert not (inbox.parent / "out" / "_failed").exists()


def test_once_leaves_what_needs_a_person(home: Home, inbox: Path) -> None:
    (inbox / "mixes").mkdir()
    drop(inbox, "mixes/waits.wav")
    drop(inbox, "good.wav", seed=1)
    (inbox / "mixes" / "stemlift.toml").write_text('modle = "spectral"\n', encoding="utf-8")
    done = watch(home, inbox, "--once", "--json")
    assert done.returncode == 2
    assert [line["song"] for line in events(done.stdout, "done")] == ["good.wav"]
    (left,) = events(done.stdout, "left")
    assert (left["song"], left["error"]["reason"]) == ("mixes/waits.wav", "RECIPE_INVALID")
    (inbox / "mixes" / "stemlift.toml").write_text('model = "spectral"\n', encoding="utf-8")
    assert watch(home, inbox, "--once").returncode == 0
    assert results(inbox.parent / "out") == {"good", "waits"}


@pytest.mark.skipif(sys.platform == "win32", reason="no name there has a line break")
def test_a_line_break_in_a_name_begins_no_line(home: Home, inbox: Path) -> None:
    drop(inbox, "new\nline.wav")
    (inbox / "mean\n  failed.wav").write_bytes(b"no sound" * 100)
    (inbox / "wrong\nmixes").mkdir()
    (inbox / "wrong\nmixes" / "stemlift.toml").write_text("modle = 1", encoding="utf-8")
    drop(inbox, "wrong\nmixes/waits.wav")
    done = watch(home, inbox, "--once")
    assert done.returncode == 2
    assert "new?line.wav" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    status = home.run("watch", "status").stdout
    # Nobody watches, so nobody tries again at a certain time.
    assert "Next try" not in status
    mine = status[status.index(str(inbox)) :]
    for line in [*done.stderr.splitlines(), *mine.splitlines()]:
        assert not line.startswith(("line.wav", "  failed.wav", "mixes")), line


def test_a_folder_called_like_a_command(home: Home, tmp_path: Path) -> None:
    (tmp_path / "status").mkdir()
    drop(tmp_path / "status", "song.wav")
    done = watch(home, "./status", "--once", "--stems", "vocals", "--also", "flac", cwd=tmp_path)
    assert done.returncode == 0
    assert "song.wav" in done.stdout
    names = {path.name for path in (tmp_path / "out" / "song").iterdir()}
    assert names == {"song - vocals.wav", "song - vocals.flac", "stems.json"}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no terminals to be had")
def test_what_a_terminal_shows(home: Home, inbox: Path) -> None:
    import pty

    path = drop(inbox, "song.wav", frames=12 * RATE)
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half])
    patient = (*QUICK, "--give-up", "60", "--once")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "stemlift", "watch", str(inbox), "--out", "out", *patient],
        env=home.environment | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
        cwd=inbox.parent,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while block := _read(ours):
            shown += block
            if half < len(whole) and b"1 arriving" in shown:
                with path.open("ab") as file:
                    file.write(whole[half:])
                half = len(whole)
    finally:
        os.close(ours)
        code = process.wait(30)
    text = shown.decode("utf-8")
    assert code == 0
    assert f"Watching {inbox}" in text
    assert "1 arriving" in text
    assert "Ctrl-C stops" in text
    assert "✓ song.wav → " in text


def test_the_bar_of_the_song_in_work(home: Home, inbox: Path) -> None:
    from rich.console import Console

    path = drop(inbox, "song.wav")
    with home.client() as client:
        update = client.separate(path, out=inbox.parent / "o", model="spectral").latest
    update = dataclasses.replace(
        update, state=JobState.RUNNING, stage=Stage.SEPARATING, fraction=0.63, seconds_left=65.0
    )
    entry = SimpleNamespace(path="mixes/song.wav")
    trouble = Trouble("b.wav", Reason.DISK_FULL, "There is no room.", "Free some.", 1020.0, 20.0)
    moment = Moment(1, 2, entry, (trouble,), ("On a share.",))  # type: ignore[arg-type]
    screen = Console(width=80, file=io.StringIO())
    screen.print(picture("Watching in → out", moment, update, (3, 1), 1000.0))
    lines = screen.file.getvalue().splitlines()
    assert lines[0].rstrip() == "Watching in → out"
    assert lines[1].split("━")[0].split() == ["mixes/song.wav", "separating"]
    assert lines[1].endswith("63% 1 min 05 s left")
    assert [line.strip() for line in lines[2:]] == [
        "1 arriving, 2 waiting, 3 done, 1 failed. Ctrl-C stops.",
        "b.wav waits: There is no room. Next try in 20 s.",
        "On a share.",
    ]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # So Linux says that nobody writes any more.
        return b""


REFUSED = {
    "missing": (("gone", "--out", "out"), "INBOX_MISSING"),
    "a file": (("file.wav", "--out", "out"), "INBOX_MISSING"),
    "one folder": (("in", "--out", "in"), "OUTBOX_UNUSABLE"),
    "inbox in the outbox": (("in", "--out", "."), "OUTBOX_UNUSABLE"),
    "inbox is an outbox": (("results/song", "--out", "out"), "OUTBOX_UNUSABLE"),
    "outbox is a file": (("in", "--out", "file.wav"), "OUTBOX_UNUSABLE"),
    "no outbox": (("in",), "ARGUMENT_INVALID"),
    "format": (("in", "--out", "out", "--format", "mp3"), "ARGUMENT_INVALID"),
    "extra": (("in", "--out", "out", "--also", "flac,mp3"), "ARGUMENT_INVALID"),
    "no stem": (("in", "--out", "out", "--stems", ""), "ARGUMENT_INVALID"),
    "time": (("in", "--out", "out", "--stable", "nan"), "ARGUMENT_INVALID"),
    "retry": (("retry", "in/song.wav"), "ARGUMENT_INVALID"),
}


@pytest.mark.parametrize(("words", "reason"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_refused_at_once(
    inbox: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    reason: str,
) -> None:
    folder = inbox.parent
    (folder / "file.wav").write_bytes(b"")
    (folder / "results" / "song").mkdir(parents=True)
    (folder / "results" / MARKER).touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv(HOME_VARIABLE, str(folder / "home"))
    before = sorted(folder.rglob("*"))
    assert main(["watch", *words, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["reason"] == reason
    assert error["message"]
    assert not {"Input", "pattern"} & set(error["message"].split())
    assert error["remedy"]
    assert sorted(folder.rglob("*")) == before


def test_an_unknown_model_is_refused_before_any_song(home: Home, inbox: Path) -> None:
    drop(inbox, "song.wav")
    out = str(inbox.parent / "out")
    done = home.run("watch", str(inbox), "--out", out, "--model", "no-such", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["reason"] == "MODEL_UNKNOWN"
    assert not Path(out).exists()


def test_without_folders_there_is_nothing_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert main(["watch", "status", "--json"]) == 0
    assert main(["watch", "retry", "--json"]) == 0
    assert capsys.readouterr().out == '{"retried": 0}\n'
    (tmp_path / "settings.toml").write_text("[[watch]]\n", encoding="utf-8")
    assert main(["watch", "status", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["reason"] == "SETTINGS_INVALID"


def test_the_service_is_said_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from stemlift.watch import service

    state = service.ServiceState("/somewhere/stemlift.service", True, True, True, False)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.setattr(service, "install_service", lambda _paths: True)
    monkeypatch.setattr(service, "service_state", lambda _paths: state)
    monkeypatch.setattr(service, "remove_service", lambda _paths: True)
    assert main(["watch", "install-service"]) == 0
    said = capsys.readouterr().err
    assert "/somewhere/stemlift.service" in said
    assert "no folder to watch yet" in said
    assert main(["watch", "uninstall-service", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"changed": True}
