"""Whole watchers in processes of their own, and kill -9."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from real_server import PATIENCE, wait_for
from watch_house import House, assert_whole, brisk_home
from watch_processes import hasty, start_watcher, states

from stemlift.watch.status import ask_to_retry, read_status
from stemlift.watch.watcher import Watcher


@contextmanager
def watcher(house: House, die_at: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A watcher in a process of its own."""
    process = start_watcher(house.home, hasty(house), die_at)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE)


def settled(house: House, *names: str) -> bool:
    """Whether all these songs have ended."""
    now = states(house)
    return all(now.get(name, "") in ("done", "failed") for name in names)


class Heard:
    """What became of songs, once their batch had ended."""

    def __init__(self) -> None:
        self.songs: list[tuple[str, bool]] = []
        self.told: list[tuple[str, bool]] = []

    def song_ended(self, name: str, *, failed: bool = False) -> None:
        self.songs.append((name, failed))

    def none_waiting(self) -> None:
        self.told += self.songs
        self.songs = []


@pytest.mark.parametrize(
    "step",
    [
        "running",
        "free",
        pytest.param("recorded", marks=pytest.mark.long),
        pytest.param("published", marks=pytest.mark.long),
    ],
)
def test_a_killed_watcher_leaves_one_result_to_the_next(house: House, step: str) -> None:
    # Of its own content: the ledger is the home's, and stems that exist would be copied.
    path = house.drop("a.wav", seed=100 + len(step))
    with watcher(house, die_at=step) as dying:
        assert dying.wait(PATIENCE) == -9
    with watcher(house):
        wait_for(lambda: settled(house, "a.wav"), "the song")
        wait_for(lambda: not list(house.outbox.glob(".stemlift-watch-*")), "the sweep")
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", path)


def test_bursts_broken_files_and_kills(tmp_path: Path) -> None:
    with brisk_home(tmp_path / "home") as home:
        house = House(tmp_path, home)
        good = [house.drop(f"{number}.wav", number, frames=3000) for number in range(4)]
        broken = house.inbox / "broken.wav"
        broken.write_bytes(b"RIFF, but no sound")
        with watcher(house, die_at="submitted") as dying:
            dying.wait(PATIENCE)
        good.append(house.drop("sub/later.wav", seed=9, frames=3000))
        with watcher(house) as second:
            wait_for(lambda: any(house.outbox.glob("*/stems.json")), "a first result")
            home.kill()
            doomed = house.drop("doomed.wav", seed=11)
            wait_for(lambda: len(list(house.outbox.glob("*/stems.json"))) > 1, "another")
            second.kill()
        doomed.unlink()
        good[2] = house.drop("2.wav", seed=20, frames=4000)
        names = [path.relative_to(house.inbox).as_posix() for path in good]
        with watcher(house):

            def over() -> bool:
                whole = house.outbox / "2" / "stems.json"
                return (
                    settled(house, *names, "broken.wav")
                    and whole.exists()
                    and json.loads(whole.read_text())["source"]["frames"] == 4000
                    and states(house).get("2.wav") == "done"
                )

            wait_for(over, "all songs")
            wait_for(lambda: not list(house.outbox.glob(".stemlift-watch-*")), "the sweep")
            (status,) = read_status(home.paths)
            assert status.running
        results = house.results()
        results.pop("doomed", None)
        assert sorted(results) == sorted(path.stem for path in good)
        for path in good:
            assert_whole(house.outbox / path.stem, path)
        assert list(house.failed()) == ["broken"]
        assert broken.exists()
        (status,) = read_status(home.paths)
        assert not status.running
        assert status.failed == 1
        assert status.waiting == status.working == 0
        assert status.done in (len(good), len(good) + 1)
        assert status.files[0].path == "broken.wav"
        assert json.loads(json.dumps(status.to_json()))["files"][0]["state"] == "failed"


def test_in_this_process_with_everything_at_once(house: House) -> None:
    heard = Heard()
    watching = Watcher(hasty(house), house.home.paths, audience=heard)
    inbox = str(house.inbox)
    watching.start()
    try:
        house.drop("a.wav", seed=50)
        (house.inbox / "b.wav").write_bytes(b"nothing")
        wait_for(lambda: settled(house, "a.wav", "b.wav"), "both")
        wait_for(lambda: "b" in house.failed(), "the report")
        before = (house.outbox / "_failed" / "b" / "error.txt").stat().st_mtime_ns
        wait_for(lambda: len(heard.told) == 2, "the end of both")
        assert sorted(heard.told) == [("a.wav", False), ("b.wav", True)]
        assert ask_to_retry(house.home.paths, [house.inbox / "other.wav"]) == 0
        assert ask_to_retry(house.home.paths, [house.inbox / "b.wav"]) == 1
        wait_for(lambda: settled(house, "b.wav"), "the song that was tried again")
        assert (house.outbox / "_failed" / "b" / "error.txt").stat().st_mtime_ns >= before
    finally:
        watching.stop()
    watching.stop()
    (status,) = [each for each in read_status(house.home.paths) if each.inbox == inbox]
    assert (status.done, status.failed, status.running) == (1, 1, False)


def test_a_watcher_stops_in_the_middle_and_the_next_goes_on(house: House) -> None:
    path = house.drop("a.wav", seed=60)
    reached = []
    first = Watcher(hasty(house), house.home.paths, step=reached.append)
    first.start()
    wait_for(lambda: "running" in reached, "the job")
    first.stop()
    second = Watcher(hasty(house), house.home.paths)
    second.start()
    try:
        wait_for(lambda: settled(house, "a.wav"), "the song")
    finally:
        second.stop()
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", path)
    with house.home.client() as client:
        assert sum(job.latest.source == path for job in client.jobs()) == 1
