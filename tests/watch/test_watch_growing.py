"""Files that take their time to arrive are taken once, whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from real_server import Home, wait_for
from signals import song, write
from watch_house import RATE, House, assert_whole, brisk_home
from watch_storm import hasty, states

from stemlift.watch.entry import FileState
from stemlift.watch.watcher import Watcher

# A WAV says how long it will be; of an MP3 and a raw copy every beginning is a whole song.
FORMATS = {"wav": {"subtype": "PCM_24"}, "flac": {"subtype": "PCM_16"}, "mp3": {"format": "MP3"}}


def pieces(folder: Path, extension: str, count: int) -> list[bytes]:
    options = dict(FORMATS[extension])
    subtype = options.pop("subtype", "MPEG_LAYER_III")
    whole = write(folder / f"whole.{extension}", song(30000, 2, RATE, 3), RATE, subtype, **options)
    content = whole.read_bytes()
    size = -(-len(content) // count)
    return [content[at : at + size] for at in range(0, len(content), size)]


def append(path: Path, piece: bytes) -> None:
    with path.open("ab") as file:
        file.write(piece)


@pytest.mark.parametrize("extension", sorted(FORMATS))
@pytest.mark.parametrize("polite", [True, False])
def test_a_file_that_grows_for_a_minute(house: House, extension: str, polite: bool) -> None:
    """polite: with a name of its own until it is whole."""
    path = house.inbox / f"a.{extension}"
    growing = path.with_name(f"{path.name}.part") if polite else path
    with house.open() as running:
        for number, piece in enumerate(pieces(house.folder, extension, 60)):
            append(growing, piece)
            running.looker.look()
            assert running.work() == 0, f"taken after {number + 1} s"
            house.clock.go(1.0)
        if polite:
            growing.rename(path)
        assert running.all() == 1
        assert running.entry(path.name).state is FileState.DONE
        assert running.all() == 0
    assert list(house.results()) == ["a"]
    if extension != "mp3":
        assert_whole(house.outbox / "a", path)
    assert jobs_of(house.home, path) == 1


@pytest.mark.parametrize("polling", [True, "auto"])
def test_a_real_watcher_takes_it_once(house: House, polling: object) -> None:
    path = house.inbox / "a.wav"
    parts = pieces(house.folder, "wav", 4)
    looks = Looks()
    watching = Watcher(hasty(house, polling=polling), house.home.paths, looked=looks)
    watching.start()
    try:
        for piece in parts:
            append(path, piece)
            seen = looks.count
            wait_for(lambda least=seen + 3: looks.count >= least, "three looks at it")
        wait_for(lambda: states(house) == {"a.wav": "done"}, "the song")
    finally:
        watching.stop()
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", path)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_file_that_grows_for_a_real_minute(tmp_path: Path) -> None:
    with brisk_home(tmp_path / "home") as home:
        home.serve()
        house = House(tmp_path, home)
        path = house.inbox / "a.wav"
        settings = hasty(house, stable=3.0, give_up=30.0, interval=10.0)
        watching = Watcher(settings, home.paths)
        watching.start()
        try:
            clock = threading.Event()
            for piece in pieces(tmp_path, "wav", 60):
                append(path, piece)
                clock.wait(1.0)
                assert not states(house)
            wait_for(lambda: states(house) == {"a.wav": "done"}, "the song")
        finally:
            watching.stop()
        assert list(house.results()) == ["a"]
        assert_whole(house.outbox / "a", path)
        assert jobs_of(home, path) == 1


class Looks:
    """Counts looks."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _settled: bool) -> None:
        self.count += 1


def jobs_of(home: Home, path: Path) -> int:
    with home.client() as client:
        return sum(job.latest.source == path for job in client.jobs())
