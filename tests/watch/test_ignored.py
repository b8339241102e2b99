"""Names that are passed over, and names that are not."""

from __future__ import annotations

import pytest

from stemlift.watch.ignored import ignored, on_its_way

PASSED_OVER = [
    *(".hidden.wav", "._song.wav", ".song.wav.Xy12Zq", "song.wav~", "~$song.wav", "~song.wav"),
    *("song.wav.part", "song.wav.PARTIAL", "Unconfirmed 123.crdownload", "song.wav.download"),
    *("song.wav.opdownload", "song.wav.filepart", "song.wav.!ut", "song.tmp", "song.wav.aria2"),
    *("song.wav.reapeaks", "song.wav.asd", "song.pkf", "song.sfk", "song.wfm", "song.WFM"),
    *("set.als", "song.rpp", "song.RPP-bak", "song.cpr", "song.ptx", "song.flp"),
    *("stemlift.toml", "Stemlift.toml", "Thumbs.db", "desktop.ini", "Icon\r", ".DS_Store"),
    *("notes.txt", "cover.JPG", "booklet.pdf", "album.cue", "list.m3u8", "song.mid"),
    # Typed on a Mac, where an accent is a sign of its own.
    ".e\u0301tude.wav",
]

TAKEN = [
    *("song.wav", "SONG.WAV", "song.aif", "song.flac", "song.opus", "clip.mp4", "clip.mov"),
    *("song", "take 3", "mix.final", "mix.v2.wav", "song.stem.mp4", "album.zip", "song.xyz"),
    *("part", "part.wav", "tmp", "01. Intro.wav", "Caf\u00e9.wav", "Cafe\u0301.wav", "_song.wav"),
    *("a~b.wav", "\udcff\udcfe.wav", "x" * 200 + ".wav", "con.wav", "song.wav "),
]


@pytest.mark.parametrize("name", PASSED_OVER)
def test_names_that_are_no_songs(name: str) -> None:
    assert ignored(name)


@pytest.mark.parametrize("name", TAKEN)
def test_names_that_may_be_songs(name: str) -> None:
    assert not ignored(name)


@pytest.mark.parametrize(
    "name",
    [
        *("_done", "_Failed", ".stversions", "@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found"),
        *("Song.logicx", "Song.band", "System Volume Information", "song.download"),
    ],
)
def test_folders_that_hold_no_songs(name: str) -> None:
    assert ignored(name, folder=True)


@pytest.mark.parametrize("name", ["vocals", "x.wav", "notes.txt", "2024.08.txt", "Done", "part"])
def test_folders_are_not_judged_like_files(name: str) -> None:
    assert not ignored(name, folder=True)


def test_a_companion_tells_that_a_file_is_on_its_way() -> None:
    assert on_its_way("song.wav", 4_000, frozenset({"song.wav", "song.wav.aria2"}))
    assert on_its_way("song.wav", 0, frozenset({"song.wav", "song.wav.part"}))
    # An old .part beside a whole song hides nothing.
    assert not on_its_way("song.wav", 4_000, frozenset({"song.wav", "song.wav.part"}))
    assert not on_its_way("song.wav", 0, frozenset({"song.wav"}))
