"""Projects as they are written: read by another library, and never over what is there."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import rpp
import soundfile
from reaper_sim import Project
from session_songs import cut, parts_of_a_mix

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.rpp import read_rpp, write_rpp
from stemlift.sessions.timeline import (
    Band,
    BandKind,
    Compressor,
    Equalizer,
    Marker,
    Media,
    OtherEffect,
    Session,
    TempoPoint,
    Track,
    whole,
)

RATE = 48_000


@pytest.fixture
def media(tmp_path: Path) -> Media:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return parts_of_a_mix(folder, RATE, 4_800, ("song",))[1]["song"]


def session(*tracks: Track, **more: Any) -> Session:
    return Session("song", RATE, tracks, **more)


def entries(element: Any, key: str) -> list[list[str]]:
    return [one[1:] for one in element.children if isinstance(one, list) and one[0] == key]


def test_another_library_reads_what_is_written(tmp_path: Path, media: Media) -> None:
    eq = Equalizer((Band(BandKind.LOW_CUT, 90.0),))
    clip = cut(media, 1, 480, 960, gain_db=-20.0, name="take one", fade_in=Fraction(1, 100))
    written = session(
        Track(
            "Band",
            (230, 145, 56),
            effects=(Compressor(-18, 2),),
            children=(
                Track("Drums", mute=True, pan=-0.5, effects=(eq,)),
                Track("Deep", children=(Track("Bass", solo=True, clips=(clip,)),)),
            ),
        ),
        Track("Last"),
        tempo=(
            TempoPoint(Fraction(0), 120.0),
            TempoPoint(Fraction(2), 93.25, 3, 4),
            TempoPoint(Fraction(3), 60.0, 3, 4),
            TempoPoint(Fraction(7, 2), 60.0, 4, 4),
        ),
        markers=(
            Marker(Fraction(1), "in"),
            Marker(Fraction(2), "verse 1", Fraction(8), (1, 2, 3)),
        ),
    )
    path = tmp_path / "song.rpp"
    write_rpp(written, path)
    root = rpp.loads(path.read_text())
    assert root.tag == "REAPER_PROJECT"
    assert entries(root, "SAMPLERATE") == [["48000", "1", "0"]]
    assert entries(root, "TEMPO") == [["120", "4", "4"]]
    # The third tempo begins on a bar line; the last one cuts its bar short.
    assert entries(root.find("TEMPOENVEX"), "PT") == [
        ["0", "120", "1", str(4 * 65536 + 4), "0", "1"],
        ["2", "93.25", "1", str(4 * 65536 + 3), "0", "1"],
        ["3", "60", "1"],
        ["3.5", "60", "1", str(4 * 65536 + 4), "0", "5"],
    ]
    markers = entries(root, "MARKER")
    assert [m[:4] for m in markers] == [
        ["1", "1", "in", "0"],
        ["1", "2", "verse 1", "1"],
        ["1", "10", "", "1"],
    ]
    assert markers[1][4] == str(0x1030201)
    tracks = root.findall("TRACK")
    assert [entries(t, "NAME")[0] for t in tracks] == [
        [name] for name in ("Band", "Drums", "Deep", "Bass", "Last")
    ]
    assert [entries(t, "ISBUS")[0] for t in tracks] == [
        ["1", "1"],
        ["0", "0"],
        ["1", "1"],
        ["2", "-2"],
        ["0", "0"],
    ]
    assert entries(tracks[0], "PEAKCOL") == [[str(0x1000000 | 56 << 16 | 145 << 8 | 230)]]
    assert entries(tracks[1], "VOLPAN")[0][:2] == ["1", "-0.5"]
    assert [entries(t, "MUTESOLO")[0] for t in tracks[1::2]] == [["1", "0", "0"], ["0", "2", "0"]]
    chains = [t.find("FXCHAIN") for t in tracks]
    assert [c is not None for c in chains] == [True, True, False, False, False]
    item = tracks[3].find("ITEM")
    assert entries(item, "POSITION") == [["0.00002083333333"]]
    assert entries(item, "LENGTH") == [["0.02"]]
    assert entries(item, "SOFFS") == [["0.01"]]
    assert entries(item, "VOLPAN") == [["0.1", "0", "1", "-1"]]
    assert entries(item, "FADEIN")[0][:3] == ["0", "0.01", "0"]
    assert entries(item, "NAME") == [["take one"]]
    assert item.find("SOURCE").attrib == ["WAVE"]
    assert entries(item.find("SOURCE"), "FILE") == [["elsewhere/song.wav"]]


def test_tracks_and_folders_have_the_channels_that_their_media_need(tmp_path: Path) -> None:
    media = parts_of_a_mix(tmp_path, RATE, 10, ("surround",), channels=5)[1]["surround"]
    folder = Track("F", children=(Track("C", clips=(whole(media),)), Track("D")))
    write_rpp(session(folder, Track("E", channels=4)), tmp_path / "a.rpp")
    root = rpp.loads((tmp_path / "a.rpp").read_text())
    assert [entries(t, "NCHAN") for t in root.findall("TRACK")] == [
        [["6"]],
        [["6"]],
        [["2"]],
        [["4"]],
    ]
    assert entries(root, "MASTER_NCH") == [["6", "2"]]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_name_that_is_no_text_keeps_its_bytes(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    soundfile.write(os.fsencode(file), [[0.0, 0.0]] * 10, RATE)
    write_rpp(session(Track("t", clips=(whole(Media(file, RATE, 2, 10)),))), tmp_path / "a.rpp")
    assert b'FILE "caf\xe9.wav"' in (tmp_path / "a.rpp").read_bytes()
    (clip,) = read_rpp(tmp_path / "a.rpp").session.clips
    assert clip.file.is_file()


def test_one_tempo_needs_no_envelope(tmp_path: Path) -> None:
    write_rpp(session(tempo=(TempoPoint(Fraction(5), 99.5, 6, 8),)), tmp_path / "a.rpp")
    root = rpp.loads((tmp_path / "a.rpp").read_text())
    assert entries(root, "TEMPO") == [["99.5", "6", "8"]]
    assert root.find("TEMPOENVEX") is None


def test_the_same_session_gives_the_same_bytes_and_no_guid_twice(
    tmp_path: Path, media: Media
) -> None:
    track = Track("t", clips=(whole(media), whole(media)), effects=(Compressor(-9, 2),) * 2)
    one = session(track, track)
    write_rpp(one, tmp_path / "a.rpp")
    write_rpp(one, tmp_path / "b.rpp")
    text = (tmp_path / "a.rpp").read_text()
    assert (tmp_path / "b.rpp").read_text() == text
    guids = [w for w in text.replace("\n", " ").split() if w.startswith("{")]
    # A track's own stands twice, in its head and as its id.
    assert len(guids) == 2 * (2 + 2 * 2 + 2)
    assert len(set(guids)) == len(guids) - 2
    write_rpp(session(track, replace(track, name="u")), tmp_path / "c.rpp")
    assert not set(guids) & set((tmp_path / "c.rpp").read_text().split())


NAMES = [
    "plain",
    "two words",
    'with "double" quotes',
    "it's",
    "back`quote",
    "\"'both'\"",
    "back\\slash",
    "\\\\",
    "#1",
    "<tag>",
    ">",
    "|pipe",
    ";semi",
    "",
    " ",
    "Übung — 日本語 🎧",
    "\u2028line\u2029",
    "tab\there",
    "no\u00a0break",
    "next\x85line",
    "0 0 1",
    "{GUID}",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_survive_whatever_signs_are_in_them(tmp_path: Path, name: str) -> None:
    markers = (Marker(Fraction(1), name), Marker(Fraction(2), name, Fraction(1)))
    write_rpp(session(Track(name), Track("next"), markers=markers), tmp_path / "a.rpp")
    back = read_rpp(tmp_path / "a.rpp").session
    kept = " ".join(name.splitlines())
    assert [track.name for track in back.tracks] == [kept, "next"]
    assert [marker.name for marker in back.markers] == [kept, kept]
    text = (tmp_path / "a.rpp").read_text(encoding="utf-8")
    heard = Project(tmp_path / "a.rpp", tmp_path)
    heard.load(text)
    assert heard.tracks[0].name == kept
    if "\u00a0" not in name:  # which the other library takes for a blank
        assert entries(rpp.loads(text).find("TRACK"), "NAME") == [[kept]]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("all \" ' ` three", "all \" ' ' three"), ("a\nb\r\nc", "a b c"), ("nul\0", "nul ")],
)
def test_names_that_no_project_can_hold_become_ones_that_it_can(
    tmp_path: Path, name: str, kept: str
) -> None:
    write_rpp(session(Track(name)), tmp_path / "a.rpp")
    (track,) = read_rpp(tmp_path / "a.rpp").session.tracks
    assert track.name == kept


@pytest.mark.parametrize("name", [n for n in NAMES if n.strip() and "/" not in n])
def test_files_of_any_name_are_found_again(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name}.wav"
    soundfile.write(file, [[0.0, 0.0]] * 10, RATE)
    clip = whole(Media(file, RATE, 2, 10))
    write_rpp(session(Track("t", clips=(clip,))), tmp_path / "b.rpp")
    (back,) = read_rpp(tmp_path / "b.rpp").session.clips
    assert back.file.is_file()
    assert back.file == file


def _written(folder: Path, file: Path) -> str:
    clip = whole(Media(file, RATE, 2, 10))
    write_rpp(session(Track("t", clips=(clip,))), folder / "a.rpp")
    return (folder / "a.rpp").read_text(encoding="utf-8")


def test_a_file_that_no_quotes_can_hold_is_refused_and_can_be_copied(tmp_path: Path) -> None:
    file = tmp_path / "far" / "a \"b\" 'c' `d`.wav"
    file.parent.mkdir()
    soundfile.write(file, [[0.0, 0.0]] * 10, RATE)
    one = session(Track("t", clips=(whole(Media(file, RATE, 2, 10)),)))
    path = tmp_path / "near" / "a.rpp"
    refused(Reason.PATH_UNSUPPORTED, lambda: write_rpp(one, path))
    assert not path.parent.exists()
    write_rpp(one, path, copy_media=True)
    (clip,) = read_rpp(path).session.clips
    assert clip.file.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        *((".wav", "WAVE"), (".WAV", "WAVE"), (".aif", "WAVE"), (".flac", "FLAC")),
        *((".mp3", "MP3"), (".ogg", "VORBIS"), (".opus", "OPUS"), (".m4a", "VIDEO")),
    ],
)
def test_the_kind_of_source_follows_the_file(tmp_path: Path, ending: str, kind: str) -> None:
    file = tmp_path / f"song{ending}"
    file.write_bytes(b"sound")
    assert f"<SOURCE {kind}\n" in _written(tmp_path, file)


def test_media_under_the_projects_folder_are_relative_others_absolute(
    tmp_path: Path, media: Media
) -> None:
    one = session(Track("t", clips=(whole(media),)))
    write_rpp(one, media.file.parent / "near.rpp")
    assert 'FILE "song.wav"' in (media.file.parent / "near.rpp").read_text()
    write_rpp(one, tmp_path / "other" / "far.rpp")
    assert f'FILE "{media.file}"' in (tmp_path / "other" / "far.rpp").read_text()


def test_copied_media_make_the_folder_complete(tmp_path: Path, media: Media) -> None:
    twin = tmp_path / "twin" / "song.wav"
    twin.parent.mkdir()
    soundfile.write(twin, [[0.25, 0.25]] * 4_800, RATE)
    clips = (whole(media), whole(replace(media, file=twin)), whole(media))
    one = session(Track("t", clips=clips))
    path = tmp_path / "project" / "song.rpp"
    write_rpp(one, path, copy_media=True)
    write_rpp(one, path, copy_media=True, force=True)
    names = sorted(p.relative_to(path.parent).as_posix() for p in path.parent.rglob("*.*"))
    assert names == ["Media/song 2.wav", "Media/song.wav", "song.rpp"]
    moved = tmp_path / "moved"
    path.parent.rename(moved)
    back = [clip.file for clip in read_rpp(moved / "song.rpp").session.clips]
    assert [f.read_bytes() for f in back] == [c.file.read_bytes() for c in clips]
    assert all(f.is_relative_to(moved) for f in back)


def test_a_session_that_exists_is_left_alone_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "song.rpp"
    path.write_bytes(b"mine")
    refused(Reason.SESSION_EXISTS, lambda: write_rpp(session(), path))
    assert path.read_bytes() == b"mine"
    write_rpp(session(), path, force=True)
    assert path.read_bytes().startswith(b"<REAPER_PROJECT")
    path.unlink()
    path.mkdir()
    refused(Reason.SESSION_EXISTS, lambda: write_rpp(session(), path))


def test_missing_media_are_told_and_nothing_is_written(tmp_path: Path, media: Media) -> None:
    gone = replace(media, file=tmp_path / "gone.wav")
    one = session(Track("t", clips=(whole(media),)), Track("u", clips=(whole(gone),)))
    for copy in (False, True):
        error = refused(
            Reason.MEDIA_MISSING,
            lambda copy=copy: write_rpp(one, tmp_path / "new" / "a.rpp", copy_media=copy),
        )
        assert str(gone.file) in error.message
    assert not (tmp_path / "new").exists()


def test_what_cannot_be_written_is_refused_before_anything_is(tmp_path: Path) -> None:
    one = session(Track("t", effects=(OtherEffect("Reverb"),)))
    refused(Reason.ARGUMENT_INVALID, lambda: write_rpp(one, tmp_path / "new" / "a.rpp"))
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_the_old_project_and_no_copies(
    tmp_path: Path, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "project" / "song.rpp"
    path.parent.mkdir()
    path.write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    one = session(Track("t", clips=(whole(media),)))
    refused(Reason.DISK_FULL, lambda: write_rpp(one, path, force=True, copy_media=True))
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["song.rpp"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file" / "song.rpp"
    refused(Reason.OUTPUT_UNWRITABLE, lambda: write_rpp(session(), path))


def refused(reason: Reason, call: Any) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        call()
    assert caught.value.reason is reason
    return caught.value
