"""Inboxes and outboxes as somebody hostile, or something broken, would have them."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_server import PATIENCE, wait_for
from watch_house import At, House, assert_whole
from watch_processes import hasty, start_watcher, states

from stemlift.watch.entry import FileState
from stemlift.watch.recipe import Recipe
from stemlift.watch.watcher import Watcher


def tree(folder: Path, *but: Path) -> dict[str, bytes | None]:
    """Everything below `folder`, links unfollowed, without what is below `but`."""
    return {
        str(path): path.read_bytes() if _is_small_file(path) else None
        for path in sorted(folder.rglob("*"))
        if not any(path == each or each in path.parents for each in but)
    }


def _is_small_file(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size < 1 << 24


def text(content: str | bytes) -> Callable[[Path], object]:
    data = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(data)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 33)


HOSTILE: dict[str, Callable[[Path], object]] = {
    "up": text('name = "../{stem}"'),
    "root": text('name = "/etc/{stem}"'),
    "windows up": text("name = '..\\{stem}'"),
    "drive": text('name = "C:{stem}"'),
    "stream": text('name = "{stem}:hidden"'),
    "nought": text('name = "{stem}\\u0000"'),
    "dots": text('name = "..{stem}"'),
    "attribute": text('name = "{stem.__class__}{stem}/"'),
    "model": text('model = "../../../etc/passwd"'),
    "stem": text('stems = ["../../x"]'),
    "delete": text('original = "delete"'),
    "out": text('out = "/etc"'),
    "long": text('name = "{stem}' + "x" * 5000 + '"'),
    "number": text("channels = 1" + "0" * 4000),
    "deep": text("a = " + "[" * 30000),
    "dotted": text("a." * 30000 + "a = 1"),
    "binary": text(bytes(range(256)) * 20),
    "utf-16": text('name = "{stem}"'.encode("utf-16")),
    "huge": sparse,
    "folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "loop": lambda path: path.symlink_to(path.name),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.skipif(os.name == "nt", reason="pipes and links")
def test_no_recipe_writes_outside_of_the_outbox(house: House) -> None:
    around = house.folder / "around"
    around.mkdir()
    (around / "precious").write_bytes(b"mine")
    inner = House(around, house.home)
    songs = {}
    for name, make in HOSTILE.items():
        # All of one content: it is separated once and copied then.
        songs[name] = inner.drop(f"{name}/{name}.wav", frames=2000)
        make(inner.inbox / name / "stemlift.toml")
    good = inner.drop("good.wav", frames=2000)
    before = tree(around, inner.outbox, inner.database, *database_files(inner))
    with inner.open() as running:
        running.all()
        assert list(inner.results()) == ["good"]
        assert running.entry("good.wav").state is FileState.DONE
        for name in HOSTILE:
            entry = running.entry(f"{name}/{name}.wav")
            assert (entry.state, entry.reason) == (FileState.WAITING, "RECIPE_INVALID"), name
        assert len(inner.failed()) == len(HOSTILE)
        assert all("stemlift.toml" in each for each in inner.failed().values())
    assert tree(around, inner.outbox, inner.database, *database_files(inner)) == before
    for name in HOSTILE:
        path = inner.inbox / name / "stemlift.toml"
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    inner.clock.go(700)
    inner.process()
    assert sorted(inner.results()) == sorted([*HOSTILE, "good"])
    assert not inner.failed()
    assert_whole(inner.outbox / "good", good)
    for name, path in songs.items():
        assert_whole(inner.outbox / name, path)


def database_files(house: House) -> list[Path]:
    return [house.database.with_name(house.database.name + end) for end in ("-wal", "-shm")]


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_links_in_the_outbox_lead_nowhere(house: House) -> None:
    elsewhere = house.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_bytes(b"mine")
    (house.outbox / "_failed" / "b").mkdir(parents=True)
    (house.outbox / "a").symlink_to(elsewhere)
    (house.outbox / "A (2)").symlink_to(house.folder / "nowhere")
    (house.outbox / "_failed" / "b" / ".error.txt.stemlift").symlink_to(elsewhere / "precious")
    (house.outbox / "_failed" / "c").symlink_to(elsewhere)
    (house.outbox / "stems.json").symlink_to(elsewhere / "precious")
    path = house.drop("a.wav")
    for name in "bc":
        (house.inbox / f"{name}.wav").write_bytes(b"no sound")
    with house.open() as running:
        running.look(40)
        running.work()
        running.ledger.change(running.entry("b.wav"), report="b")
        running.work()
    assert tree(elsewhere) == {str(elsewhere / "precious"): b"mine"}
    assert_whole(house.outbox / "a (3)", path)
    assert "NOT_AUDIO" in house.failed()["c (2)"]
    assert "NOT_AUDIO" in house.failed()["b"]


@pytest.mark.parametrize(
    "name",
    [
        "-rf",
        "two\nlines",
        "'single' \"double\" `back` $(sub)",
        "%s {stem} {song}",
        "percent%20and#hash?query&",
        "ends with space ",
        "日本語 Café Ängström",
    ],
)
def test_a_watched_folder_of_any_name(house: House, name: str) -> None:
    odd = House(house.folder / name, house.home)
    path = odd.drop("a.wav", seed=len(name))
    (odd.inbox / "b.wav").write_bytes(b"no sound")
    watching = Watcher(hasty(odd), house.home.paths)
    watching.start()
    try:
        wait_for(lambda: states(odd) == {"a.wav": "done", "b.wav": "failed"}, "both")
        wait_for(lambda: list(odd.failed()) == ["b"], "the report")
    finally:
        watching.stop()
    assert list(odd.results()) == ["a"]
    assert_whole(odd.outbox / "a", path)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
def test_an_inbox_full_of_traps(house: House) -> None:
    path = house.drop("real/a.wav")
    (house.inbox / "loop").symlink_to(house.inbox)
    (house.inbox / "self.wav").symlink_to("self.wav")
    (house.inbox / "ping.wav").symlink_to("pong.wav")
    (house.inbox / "pong.wav").symlink_to("ping.wav")
    (house.inbox / "gone.wav").symlink_to("nothing")
    (house.inbox / "device.wav").symlink_to("/dev/zero")
    os.mkfifo(house.inbox / "pipe.wav")
    inside = house.drop("x.wav/inside.wav", seed=3)
    link = house.inbox / "link.wav"
    target = house.folder / "target.wav"
    house.drop("away.wav", seed=4).rename(target)
    link.symlink_to(target)
    deep = "/".join(["deep"] * 60)
    down = house.drop(f"{deep}/down.wav", seed=5)
    house.process()
    assert sorted(house.results()) == ["a", "down", "inside", "link"]
    assert not house.failed()
    for name, source in {"a": path, "inside": inside, "link": target, "down": down}.items():
        assert_whole(house.outbox / name, source)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    if os.name == "nt" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


class OnDisk(House):
    @property
    def outbox(self) -> Path:
        return self.folder / "disk" / "out"


def test_an_outbox_that_is_really_full(house: House, small_disk: Path) -> None:
    small = OnDisk(house.folder, house.home)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3900 * 1024))
    path = small.drop("a.wav", frames=20000)
    (small.inbox / "b.wav").write_bytes(b"no sound")
    with small.open() as running:
        running.look(40)
        running.work()
        entry = running.entry("a.wav")
        assert (entry.state, entry.reason) == (FileState.WAITING, "DISK_FULL")
        # Not even a report has room.
        fill(small_disk / "more")
        small.clock.go(700)
        running.work()
        assert path.exists()
        assert running.entry("a.wav").reason == "DISK_FULL"
        ballast.unlink()
        (small_disk / "more").unlink()
        small.clock.go(700)
        running.work()
    assert list(small.results()) == ["a"]
    assert list(small.failed()) == ["b"]
    assert_whole(small.outbox / "a", path)


def test_an_outbox_that_turns_read_only(house: House, small_disk: Path) -> None:
    small = OnDisk(house.folder, house.home)
    first = small.drop("a.wav")
    small.process()
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)
    second = small.drop("b.wav", seed=1)
    with small.open() as running:
        running.all()
        assert running.entry("b.wav").reason == "OUTPUT_UNWRITABLE"
        subprocess.run([*remount[:2], "remount,rw", remount[3]], check=True)
        small.clock.go(700)
        assert running.work() == 1
    assert sorted(small.results()) == ["a", "b"]
    assert_whole(small.outbox / "a", first)
    assert_whole(small.outbox / "b", second)


def fill(path: Path) -> None:
    """Write until there is no room for another byte."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(256))


@pytest.mark.parametrize("step", ["recorded", "submitted", "separated", "reserved", "free"])
def test_an_outbox_that_goes_away_in_the_middle(house: House, step: str) -> None:
    path = house.drop("a.wav")
    away = house.folder / "away"
    with house.open(At(step, lambda: house.outbox.rename(away))) as running:
        running.all()
        # While the server writes, it is the server that notices, if anybody.
        assert running.entry("a.wav").reason in {
            "submitted": ("WRITE_FAILED", "OUTBOX_UNUSABLE"),
        }.get(step, ("OUTBOX_UNUSABLE",))
        # A server that was just about to begin makes the folder that it was told.
        assert step == "submitted" or not house.outbox.exists()
        shutil.rmtree(house.outbox, ignore_errors=True)
        away.rename(house.outbox)
        for _ in range(3):
            house.clock.go(700)
            running.all()
        assert running.entry("a.wav").state is FileState.DONE
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", path)


def test_a_second_watcher_says_that_there_is_one(house: House) -> None:
    path = house.drop("a.wav", seed=41)
    settings = hasty(house)
    first = start_watcher(house.home, settings)
    second = None
    try:
        wait_for(lambda: states(house).get("a.wav") == "done", "the song")
        second = start_watcher(house.home, settings)
        assert second.wait(PATIENCE) != 0
    finally:
        for process in filter(None, (first, second)):
            process.kill()
            process.wait(PATIENCE)
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", path)


def test_a_wall_clock_that_jumps_both_ways(house: House) -> None:
    songs = [house.drop(f"{number}.wav", number, frames=2000) for number in range(4)]
    with house.open() as running:
        for jump in (10 * 365 * 86400, -20 * 365 * 86400, 3600, 0):
            house.clock.wall += jump
            running.look()
            assert running.worker.due_in() in (0.0, None)
            assert running.work() <= 4
            house.drop("again.wav", seed=int(jump) % 97, frames=2000)
    assert sorted(house.results()) == ["0", "1", "2", "3", "again"]
    for path in songs:
        assert_whole(house.outbox / path.stem, path)


def test_songs_moved_to_done_over_names_that_are_taken(house: House) -> None:
    house.recipe = Recipe(model="spectral", original="done")
    done = house.inbox / "_done"
    done.mkdir()
    (done / "a.wav").write_bytes(b"theirs")
    (done / "a (2).wav").mkdir()
    (done / "a (3).wav").symlink_to("nowhere")
    (done / "sub").write_bytes(b"a file where a folder shall be")
    content = house.drop("a.wav").read_bytes()
    other = house.drop("sub/b.wav", seed=1)
    with house.open() as running:
        for _ in range(8):
            running.all()
            house.clock.go(700)
        entry = running.entry("sub/b.wav")
        assert (entry.state, entry.reason) == (FileState.DONE, "WRITE_FAILED")
    assert (done / "a.wav").read_bytes() == b"theirs"
    assert (done / "a (4).wav").read_bytes() == content
    assert not (house.inbox / "a.wav").exists()
    assert other.exists()
    assert sorted(house.results()) == ["a", "b"]
    assert_whole(house.outbox / "a", done / "a (4).wav")
    assert_whole(house.outbox / "b", other)
