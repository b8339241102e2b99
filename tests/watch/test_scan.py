"""What is found in an inbox, on the real file system, and what does no harm there."""

from __future__ import annotations

import os
import socket
import stat
import unicodedata
from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.watch import scan as scanning
from stemlift.watch.scan import Scan, scan


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def put(path: Path, content: bytes = b"sound") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(found: Scan) -> list[str]:
    return [seen.relative for seen in found.files]


def test_every_song_is_found_with_its_state(inbox: Path) -> None:
    song = put(inbox / "vocals" / "b.wav", b"123")
    put(inbox / "a.wav", b"")
    found = scan(inbox)
    assert names(found) == ["a.wav", "vocals/b.wav"]
    assert not found.problems
    status = song.stat()
    seen = found.files[1]
    assert seen.state == (3, status.st_mtime_ns, status.st_ctime_ns)
    assert seen.file_id == (status.st_dev, status.st_ino)
    assert found.inbox_id == (inbox.stat().st_dev, inbox.stat().st_ino)
    assert scan(inbox) == found


def test_what_is_no_song_is_left_out(inbox: Path) -> None:
    for name in ("a.wav.part", "._a.wav", "a.wav.reapeaks", "stemlift.toml", "notes.txt"):
        put(inbox / name)
    put(inbox / "_done" / "a.wav")
    put(inbox / ".git" / "a.wav")
    put(inbox / "song.logicx" / "Media" / "a.wav")
    put(inbox / "fetched.wav")
    put(inbox / "fetched.wav.aria2")
    assert names(scan(inbox)) == []


def test_odd_names_come_through_byte_for_byte(inbox: Path) -> None:
    wanted = [
        *("Caf\u00e9.wav", "Cafe\u0301.wav", "x" * 200 + ".wav", "con.wav", "a\nb.wav", " .wav"),
        *("\u266b 🎵.wav", "sub dir/'quoted' \"song\" $HOME;`.wav", "-rf", "100%.wav"),
        os.fsdecode(b"latin \xe9\xff.wav"),
        os.fsdecode(b"d\xff/\xfe.wav"),
    ]
    for name in wanted:
        put(inbox / name)
    found = names(scan(inbox))
    assert found == sorted(wanted)
    assert all((inbox / name).read_bytes() == b"sound" for name in found)
    assert len({unicodedata.normalize("NFC", name) for name in found}) == len(wanted) - 1


def test_a_folder_called_like_a_song_is_a_folder(inbox: Path) -> None:
    put(inbox / "x.wav" / "y.wav")
    (inbox / "empty.wav").mkdir()
    assert names(scan(inbox)) == ["x.wav/y.wav"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(
    inbox: Path, tmp_path: Path
) -> None:
    real = put(tmp_path / "elsewhere" / "real.wav", b"twelve bytes")
    (inbox / "link.wav").symlink_to(real)
    (inbox / "folder").symlink_to(real.parent)
    (inbox / "loop").symlink_to(inbox)
    (inbox / "broken.wav").symlink_to("nowhere")
    (inbox / "self.wav").symlink_to("self.wav")
    (inbox / "a").mkdir()
    (inbox / "a" / "up").symlink_to("..")
    found = scan(inbox)
    assert names(found) == ["link.wav"]
    assert found.files[0].size == 12
    assert not found.problems


def test_pipes_and_sockets_are_no_songs(inbox: Path) -> None:
    os.mkfifo(inbox / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox / "s.wav"))
        assert names(scan(inbox)) == []


@pytest.mark.parametrize("place", ["out", "deep/er/out", "."])
def test_the_outbox_inside_the_inbox_is_skipped(inbox: Path, tmp_path: Path, place: str) -> None:
    put(inbox / place / "song" / "song - vocals.wav")
    other = tmp_path / "another way in"
    other.symlink_to(inbox)
    for outbox in (inbox / place / "song", other / place / "song"):
        assert names(scan(inbox, [outbox, tmp_path / "missing"])) == []
    assert len(scan(inbox, [tmp_path / "missing"]).files) == 1


def test_the_outbox_is_skipped_where_identities_are_not_steady(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "out" / "a.wav")
    put(inbox / "in" / "a.wav")
    monkeypatch.setattr(scanning, "_id", lambda status: (0, 0))
    assert names(scan(inbox, [inbox / "out"])) == ["in/a.wav"]


def test_a_folder_that_cannot_be_read_hides_only_itself(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "a.wav")
    put(inbox / "shut" / "b.wav")
    put(inbox / "open" / "c.wav")
    real = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = scan(inbox)
    assert names(found) == ["a.wav", "open/c.wav"]
    (problem,) = found.problems
    assert problem.relative == "shut"
    assert problem.error.reason is Reason.FILE_UNREADABLE
    assert str(inbox / "shut") in problem.error.message


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_of_somebody_else(inbox: Path) -> None:
    put(inbox / "shut" / "b.wav")
    (inbox / "shut").chmod(0)
    try:
        assert [each.relative for each in scan(inbox).problems] == ["shut"]
    finally:
        (inbox / "shut").chmod(stat.S_IRWXU)


def test_a_folder_that_cannot_be_entered_is_named_once(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        put(inbox / "half" / name)
    real = os.stat

    def refuse(path: object, **options: object) -> os.stat_result:
        if "half/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", refuse)
    found = scan(inbox)
    assert names(found) == []
    assert [problem.relative for problem in found.problems] == ["half"]


def test_what_vanishes_during_the_look_is_left_out(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "a.wav")
    put(inbox / "gone.wav")
    put(inbox / "sub" / "b.wav")
    real = scanning._entries

    def list_and_lose(path: str) -> list[os.DirEntry[str]]:
        entries = real(path)
        if path == str(inbox):
            (inbox / "gone.wav").unlink()
            (inbox / "sub" / "b.wav").unlink()
            (inbox / "sub").rmdir()
        return entries

    monkeypatch.setattr(scanning, "_entries", list_and_lose)
    found = scan(inbox)
    assert names(found) == ["a.wav"]
    assert not found.problems


def test_a_missing_inbox_is_no_empty_one(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "none", put(tmp_path / "file.wav"), tmp_path / "loop"):
        with pytest.raises(StemliftError) as caught:
            scan(path)
        assert caught.value.reason is Reason.INBOX_MISSING
        assert str(path) in caught.value.message


def test_an_inbox_that_goes_away_during_the_look(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "a.wav")
    put(inbox / "sub" / "b.wav")
    real = scanning._entries

    def unmount(path: str) -> list[os.DirEntry[str]]:
        entries = real(path)
        inbox.rename(tmp_path / "unmounted")
        inbox.mkdir()
        monkeypatch.setattr(scanning, "_entries", real)
        return entries

    monkeypatch.setattr(scanning, "_entries", unmount)
    with pytest.raises(StemliftError) as caught:
        scan(inbox)
    assert caught.value.reason is Reason.INBOX_MISSING


def test_deep_trees_and_many_files(inbox: Path) -> None:
    deep = inbox
    for _ in range(60):
        deep = deep / "d"
    put(deep / "a.wav")
    for number in range(500):
        put(inbox / "many" / f"{number:03}.wav", b"")
    found = scan(inbox)
    assert len(found.files) == 501
    assert names(found)[0] == "d/" * 60 + "a.wav"


def test_a_tree_that_contains_itself_ends(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a folder that is mounted into itself: the same identity again and again."""
    put(inbox / "a" / "b" / "c.wav")
    identity = scanning._id
    same = identity((inbox / "a").stat())

    def confused(status: os.stat_result) -> tuple[int, int]:
        return same if stat.S_ISDIR(status.st_mode) and status.st_nlink == 2 else identity(status)

    monkeypatch.setattr(scanning, "_id", confused)
    assert names(scan(inbox)) == []


def test_a_junction_is_no_folder_of_the_inbox(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(inbox / "junction" / "a.wav")
    monkeypatch.setattr(scanning, "_is_junction", lambda entry: entry.name == "junction")
    assert names(scan(inbox)) == []
