"""The folders of the settings, watched by `stemlift serve`."""

from __future__ import annotations

import json
import logging
import signal
from pathlib import Path

import psutil
import pytest
from real_server import Home, wait_for
from signals import song, write
from watch_house import assert_whole, brisk_home

from stemlift.cli.watch_status import check_watched_folders
from stemlift.errors import Reason
from stemlift.paths import paths_under
from stemlift.settings import WatchFolder, load_settings
from stemlift.watch.folders import Folders
from stemlift.watch.outbox import MARKER
from stemlift.watch.overview import overview
from stemlift.watch.status import read_status
from stemlift.watch.watcher import Watcher

RATE = 44100


def drop(inbox: Path, name: str, seed: int = 0, frames: int = 6000) -> Path:
    """A song that appears at once, as after a copy to another name."""
    scratch = write(inbox / f".{name}", song(frames, 2, RATE, seed), RATE, "PCM_16")
    return scratch.rename(inbox / name)


def settings(home: Home, *folders: tuple[Path, Path]) -> None:
    tables = [
        f"[[watch]]\ninbox = {json.dumps(str(inbox))}\nout = {json.dumps(str(out))}\n"
        'model = "spectral"\nstable = 0.2\ngive_up = 1.0\ninterval = 0.5\n'
        for inbox, out in folders
    ]
    home.folder.mkdir(parents=True, exist_ok=True)
    home.paths.settings_file.write_text("\n".join(tables), encoding="utf-8")


def results(outbox: Path) -> set[str]:
    if not outbox.exists():
        return set()
    return {path.name for path in outbox.iterdir() if path.name != MARKER}


def test_a_server_watches_the_folders_of_its_settings(tmp_path: Path) -> None:
    good, out, wrong = (tmp_path / name for name in ("good", "out", "wrong"))
    good.mkdir()
    wrong.mkdir()
    with brisk_home(tmp_path / "home") as home:
        settings(home, (wrong, wrong), (good, out))
        before = drop(good, "before.wav")
        # It would leave at once, if it did not watch.
        server = home.serve("--idle-exit", "0.1")
        wait_for(lambda: results(out) == {"before"}, "the song that was there before")
        after = drop(good, "after.wav", seed=1)
        wait_for(lambda: results(out) == {"before", "after"}, "the song that came later")
        assert_whole(out / "before", before)
        assert_whole(out / "after", after)

        # The broken one stops nothing; it is told in the log, in the status and by the doctor.
        log = home.paths.log.read_text("utf-8")
        assert f"{wrong} is not watched: " in log
        assert f"watching {good}" in log
        chosen = load_settings(home.paths.settings_file)
        one, two = overview(home.paths, chosen.watch)
        assert one.problem is not None
        assert one.problem.reason == "OUTBOX_UNUSABLE"
        assert not one.status.running
        assert two.problem is None
        assert two.status.running
        assert (two.status.done, two.status.failed) == (2, 0)
        checks = list(check_watched_folders(home.paths, chosen))
        assert [check.ok for check in checks] == [False, True]
        assert "OUTBOX_UNUSABLE" in checks[0].detail
        assert f"{out}: watched, looked at" in checks[1].detail

        # One inbox has one watcher.
        second = home.run("watch", str(good), "--out", str(tmp_path / "else"), "--json")
        assert second.returncode == 2
        assert json.loads(second.stdout)["error"]["reason"] == "WATCH_ACTIVE"

        # Killed in the middle of a song, it is followed by one that goes on.
        long = drop(good, "long.wav", frames=12 * RATE)
        wait_for(lambda: [*out.glob(".stemlift-watch-*/.stemlift-*")], "the song to be worked on")
        home.kill()
        server = home.serve()
        wait_for(lambda: results(out) == {"before", "after", "long"}, "the one result")
        assert_whole(out / "long", long)

        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        one, two = overview(home.paths, chosen.watch)
        assert not two.status.running
        checks = list(check_watched_folders(home.paths, chosen))
        assert "not watched now" in checks[1].detail
        assert not list(wrong.iterdir())


def test_a_server_that_a_command_started_watches_nothing(tmp_path: Path) -> None:
    inbox, out = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    with brisk_home(tmp_path / "home") as home:
        settings(home, (inbox, out))
        drop(inbox, "song.wav")
        # Were it to watch, this folder would be taken.
        words = ("watch", str(inbox), "--out", str(out), "--model", "spectral", "--stable", "0.2")
        assert home.run(*words, "--once").returncode == 0
        assert results(out) == {"song"}
        pid = home.server_pid()
        assert pid is not None
        assert "--no-watch" in psutil.Process(pid).cmdline()


def test_a_folder_that_somebody_else_watches_is_taken_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = paths_under(tmp_path / "home")
    folder = watch_folder(tmp_path)
    other = Watcher(folder, paths)
    folders = Folders([folder], paths, again=0.05)
    other.start()
    try:
        with caplog.at_level(logging.INFO, "stemlift.watch"):
            folders.start()
            wait_for(lambda: "is not watched: Another Stemlift" in caplog.text, "the refusal")
            other.stop()
            wait_for(lambda: "watching " in caplog.text, "the other one's end")
        assert caplog.text.count("is not watched") == 1
        (status,) = read_status(paths)
        assert status.running
    finally:
        other.stop()
        folders.stop()
    (status,) = read_status(paths)
    assert not status.running


def test_results_of_others_are_no_inbox(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = watch_folder(tmp_path)
    (tmp_path / MARKER).touch()
    paths = paths_under(tmp_path / "home")
    folders = Folders([folder], paths, again=0.01)
    folders.start()
    try:
        wait_for(lambda: "lies in an outbox" in caplog.text, "the refusal")
    finally:
        folders.stop()
    assert caplog.text.count("is not watched") == 1
    assert read_status(paths) == []


def test_a_folder_with_an_impossible_stem_is_no_fault_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = watch_folder(tmp_path).model_copy(update={"stems": ("a/b",)})
    paths = paths_under(tmp_path / "home")
    folders = Folders([folder], paths, again=0.01)
    folders.start()
    try:
        wait_for(lambda: "cannot be used: stems.0: no such name can be" in caplog.text, "refusal")
    finally:
        folders.stop()
    assert "Traceback" not in caplog.text
    (found,) = overview(paths, [folder])
    assert found.problem is not None
    assert found.problem.reason is Reason.SETTINGS_INVALID


def test_folders_that_never_began_can_be_stopped(tmp_path: Path) -> None:
    paths = paths_under(tmp_path / "home")
    folders = Folders([watch_folder(tmp_path)], paths)
    folders.stop()
    folders.stop()
    assert not paths.state.exists()


def watch_folder(folder: Path) -> WatchFolder:
    (folder / "in").mkdir()
    table = {"inbox": str(folder / "in"), "out": str(folder / "out"), "model": "spectral"}
    return WatchFolder.model_validate({**table, "stable": 0.2, "interval": 0.5})
