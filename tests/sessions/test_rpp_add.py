"""Tracks added to a project that exists: new lines in one place, every other byte as it was."""

from __future__ import annotations

import errno
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reaper_sim import Project
from rpp_projects import RICH, VARIANTS
from session_songs import parts_of_a_mix

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.rpp import add_to_rpp, read_rpp
from stemlift.sessions.timeline import Compressor, Media, OtherEffect, Track, walk, whole

GUID = re.compile(r"\{[0-9A-F-]{36}\}")


@pytest.fixture
def media(tmp_path: Path) -> Media:
    folder = tmp_path / "stems"
    folder.mkdir()
    return parts_of_a_mix(folder, 48_000, 4_800, ("vocals",))[1]["vocals"]


@pytest.fixture
def song(media: Media) -> Track:
    stem = Track("Vocals", (224, 94, 138), clips=(whole(media),), effects=(Compressor(-18, 2),))
    return Track("Song 'B'", children=(stem, replace(stem, name="Again")))


def project(folder: Path, data: bytes) -> Path:
    path = folder / "song.rpp"
    path.write_bytes(data)
    return path


def inserted(before: bytes, after: bytes) -> bytes:
    """What is in `after` alone, which must be in one place."""
    pairs = enumerate(zip(before, after, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), len(before))
    start = before.rfind(b"\n", 0, start) + 1
    rest = before[start:]
    assert after.endswith(rest)
    return after[start : len(after) - len(rest)]


@pytest.mark.parametrize("name", VARIANTS)
def test_only_new_lines_come_and_only_in_one_place(tmp_path: Path, name: str, song: Track) -> None:
    before = VARIANTS[name]
    path = project(tmp_path, before)
    add_to_rpp(path, [song])
    after = path.read_bytes()
    new = inserted(before, after)
    assert new.count(b"<TRACK {") == 3
    assert new.count(b"stems/vocals.wav") == 2
    windows = before.split(b"\n")[0].endswith(b"\r")
    assert all(line.endswith(b"\r") == windows for line in new.split(b"\n")[:-1])
    were = [track.name for _, track in walk(read_rpp(project(tmp_path, before)).session.tracks)]
    path.write_bytes(after)
    session = read_rpp(path).session
    assert [track.name for _, track in walk(session.tracks)] == [
        *were,
        "Song 'B'",
        "Vocals",
        "Again",
    ]
    assert session.tracks[-1].name == "Song 'B'"
    assert len(session.tracks[-1].children) == 2


def test_new_tracks_come_behind_the_last_one_for_sends_count_tracks(
    tmp_path: Path, song: Track
) -> None:
    path = project(tmp_path, RICH.encode())
    add_to_rpp(path, [song])
    lines = path.read_text().split("\n")
    assert lines.index("    NAME \"Song 'B'\"") > lines.index('    NAME "Reverb return"')
    assert lines.index("  <EXTENSIONS") > lines.index("    NAME Again")
    # Indented as the tracks that were there.
    assert {line[: len(line) - len(line.lstrip())] for line in lines if "<TRACK" in line} == {"  "}
    there = Project(path, tmp_path)
    there.load(path.read_text())
    assert there.problems() == []
    assert [send.source.name for send in there.sends] == ["Reverb return", "Drums"]


def _is_an_entry(line: bytes) -> bool:
    word = line.decode("utf-8", "surrogateescape").strip()
    return b"\n" not in line and word != ">" and not word.startswith("<")


entries = st.lists(st.binary(max_size=20).filter(_is_an_entry), max_size=4)
keys = st.lists(
    st.sampled_from([b"ISBUS", b"NAME", b"MARKER", b"TEMPO", b"VOLPAN", b"ISBUS 0 0"]), max_size=2
)


@given(head=entries, keyed=keys, inner=entries, between=entries, tail=entries)
def test_lines_of_any_bytes_stay_as_they_are(
    tmp_path_factory: pytest.TempPathFactory,
    head: list[bytes],
    keyed: list[bytes],
    inner: list[bytes],
    between: list[bytes],
    tail: list[bytes],
) -> None:
    before = b"\n".join(
        [
            *(b'<REAPER_PROJECT 0.1 "7"', *head, b" <TRACK", *keyed, *inner, b" >"),
            *(*between, b"\t<TRACK", *inner, b"\t>", *tail, b">", b""),
        ]
    )
    path = project(tmp_path_factory.getbasetemp(), before)
    assert read_rpp(path).bytes == before
    new = inserted(before, add_to_rpp(path, [Track("new")]).bytes)
    assert new.startswith(b"\t<TRACK {")
    assert b"\n\t  NAME new" in new
    path.write_bytes(before)
    _ = read_rpp(path).session


def test_the_same_song_can_be_added_twice(tmp_path: Path, song: Track) -> None:
    path = project(tmp_path, RICH.encode())
    add_to_rpp(path, [song])
    once = path.read_bytes()
    twice = add_to_rpp(path, [song]).bytes
    first, second = inserted(RICH.encode(), once), inserted(once, twice)
    assert not set(GUID.findall(first.decode())) & set(GUID.findall(second.decode()))
    assert GUID.sub("", first.decode()) == GUID.sub("", second.decode())
    there = Project(path, tmp_path)
    there.load(path.read_text())
    assert there.problems() == []
    # And the same addition to the same project is the same bytes.
    path.write_bytes(RICH.encode())
    assert add_to_rpp(path, [song]).bytes == once


def test_where_a_folder_was_never_closed_the_last_track_closes_it(
    tmp_path: Path, song: Track
) -> None:
    text = RICH.replace("ISBUS 2 -1", "ISBUS 0 0")
    path = project(tmp_path, text.encode())
    add_to_rpp(path, [song])
    after = path.read_text()
    last = text.index('NAME "Reverb return"')
    changed = text[:last] + text[last:].replace("ISBUS 0 0", "ISBUS 2 -1", 1)
    inserted(changed.encode(), after.encode())
    assert [track.name for track in read_rpp(path).session.tracks] == ["Band", "Song 'B'"]


def test_nothing_added_changes_nothing(tmp_path: Path) -> None:
    unclosed = RICH.replace("ISBUS 2 -1", "ISBUS 0 0").encode()
    for data in (*VARIANTS.values(), unclosed):
        assert add_to_rpp(project(tmp_path, data), []).bytes == data


def test_a_project_on_the_disk_can_be_extended_in_memory_first(tmp_path: Path, song: Track) -> None:
    path = project(tmp_path, RICH.encode())
    read = read_rpp(path)
    more = read.added([song]).added([Track("Click")])
    assert path.read_bytes() == RICH.encode()
    assert [track.name for track in more.session.tracks][-2:] == ["Song 'B'", "Click"]
    saved = more.save()
    assert saved.data == path.read_bytes() == more.bytes
    # What was saved can be saved again; what was read before cannot.
    saved.save()
    refused(Reason.FILE_CHANGED, read.added([song]).save)


def test_saving_under_another_name_needs_force_where_something_is(tmp_path: Path) -> None:
    read = read_rpp(project(tmp_path, RICH.encode()))
    other = tmp_path / "other.rpp"
    assert read.save(other).path == other
    assert other.read_bytes() == RICH.encode()
    other.write_bytes(b"mine")
    refused(Reason.SESSION_EXISTS, lambda: read.save(other))
    assert other.read_bytes() == b"mine"
    read.save(other, force=True)
    assert other.read_bytes() == RICH.encode()


def test_copied_media_lie_beside_the_project(tmp_path: Path, song: Track, media: Media) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    path = project(folder, RICH.encode())
    add_to_rpp(path, [song], copy_media=True)
    assert (folder / "Media" / "vocals.wav").read_bytes() == media.file.read_bytes()
    assert b'FILE "Media/vocals.wav"' in path.read_bytes()


@pytest.mark.parametrize("copy_media", [False, True])
def test_an_addition_that_fails_changes_nothing(
    tmp_path: Path, song: Track, media: Media, monkeypatch: pytest.MonkeyPatch, copy_media: bool
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    path = project(folder, RICH.encode())

    def add(track: Track) -> None:
        add_to_rpp(path, [track], copy_media=copy_media)

    gone = Track("t", clips=(whole(replace(media, file=tmp_path / "gone.wav")),))
    refused(Reason.MEDIA_MISSING, lambda: add(gone))
    refused(Reason.ARGUMENT_INVALID, lambda: add(Track("t", effects=(OtherEffect("Reverb"),))))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    refused(Reason.DISK_FULL, lambda: add(song))
    assert path.read_bytes() == RICH.encode()
    assert [p.name for p in folder.iterdir()] == ["song.rpp"]


def test_no_project_stays_what_it_is(tmp_path: Path, song: Track) -> None:
    path = project(tmp_path, b"my notes\n")
    refused(Reason.SESSION_UNREADABLE, lambda: add_to_rpp(path, [song]))
    assert path.read_bytes() == b"my notes\n"
    refused(Reason.FILE_NOT_FOUND, lambda: add_to_rpp(tmp_path / "gone.rpp", [song]))


def refused(reason: Reason, call: Any) -> None:
    with pytest.raises(StemliftError) as caught:
        call()
    assert caught.value.reason is reason
