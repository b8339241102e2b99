"""Which songs are meant: folders of songs, and of stems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from session_songs import parts_of_a_mix
from stemmed_songs import RATE, song_in

from stemlift.errors import Reason, StemliftError
from stemlift.sessions import (
    song_of_folder,
)
from stemlift.sessions.song import Song
from stemlift.sessions.sources import expanded, name_of
from stemlift.watch.manifest import Manifest, SourceFacts, StemFacts, write_manifest


def test_folders_of_stems_by_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "My - song stems"
    folder.mkdir()
    mix, parts = parts_of_a_mix(tmp_path, RATE, 500, ("vocals", "drums"))
    for name, media in parts.items():
        media.file.rename(folder / f"My - song - {name}.wav")
    soundfile.write(tmp_path / "My - song.wav", mix, RATE, subtype="FLOAT")
    (folder / "notes.txt").write_text("x")
    song = song_of_folder(folder)
    assert song.name == "My - song"
    assert [stem.name for stem in song.stems] == ["drums", "vocals"]
    assert song.mix is not None
    assert song.mix.file == tmp_path / "My - song.wav"
    (tmp_path / "empty").mkdir()
    with pytest.raises(StemliftError, match="no stems"):
        song_of_folder(tmp_path / "empty")
    with pytest.raises(StemliftError) as caught:
        song_of_folder(tmp_path / "none")
    assert caught.value.reason is Reason.FILE_NOT_FOUND


def test_a_result_of_the_watched_folder_is_a_song(tmp_path: Path) -> None:
    song = song_in(tmp_path, "song", 500)
    assert song.mix is not None
    facts = [
        StemFacts(
            name=stem.name,
            file=stem.media.file.name,
            bytes=stem.media.file.stat().st_size,
            sha256="",
            peak_dbfs=-6.0,
            rms_dbfs=-20.0,
        )
        for stem in song.stems
    ]
    source = SourceFacts(
        path=str(song.mix.file),
        sha256="",
        frames=500,
        sample_rate=RATE,
        channels=2,
        time_reference=None,
    )
    manifest = Manifest(
        stemlift="1",
        id="a",
        song="song",
        source=source,
        model="spectral",
        recipe={},
        stems=tuple(facts),
        null_dbfs=-300.0,
        encoding="FLOAT",
        device="cpu",
        job="j",
        created="2026-01-01T00:00:00Z",
    )
    write_manifest(tmp_path / "song", manifest)
    assert song_of_folder(tmp_path / "song") == song
    assert expanded([tmp_path / "song"]) == [song]
    song.stems[0].media.file.unlink()
    with pytest.raises(StemliftError) as caught:
        expanded([tmp_path / "song"])
    assert caught.value.reason is Reason.MEDIA_MISSING


def test_a_record_that_leads_outside_its_folder_is_not_followed(tmp_path: Path) -> None:
    parts_of_a_mix(tmp_path, RATE, 10, ("vocals",))
    folder = tmp_path / "stems"
    folder.mkdir()
    (folder / "stems.json").write_text(
        '{"song": "s", "source": {"path": "x.wav", "frames": 10, "sample_rate": 44100,'
        ' "channels": 2}, "stems": [{"name": "vocals", "file": "../vocals.wav", "bytes": 1}]}'
    )
    with pytest.raises(StemliftError) as caught:
        song_of_folder(folder)
    assert caught.value.reason is Reason.FILE_NOT_FOUND


def test_what_separate_wrote_is_taken_for_stems_without_a_word(tmp_path: Path) -> None:
    folder = tmp_path / "tune stems"
    folder.mkdir()
    for name in ("tune - drums", "tune - vocals"):
        soundfile.write(folder / f"{name}.wav", [[0.1, 0.2]] * 50, 44_100)
    (song,) = expanded([folder])
    assert isinstance(song, Song)
    assert [stem.name for stem in song.stems] == ["drums", "vocals"]
    soundfile.write(folder / "another.wav", [[0.1, 0.2]] * 50, 44_100)
    assert [type(one) for one in expanded([folder])] == [type(folder)] * 3


def test_songs_of_a_folder_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10 z.wav", "2 b.wav", "1.wav", "a.wav", ".hidden.wav"):
        soundfile.write(tmp_path / name, np.zeros((10, 2)), RATE)
    (tmp_path / "notes.txt").write_text("no song")
    (tmp_path / "sub").mkdir()
    found = expanded([tmp_path])
    assert [name_of(song) for song in found] == ["1", "2 b", "10 z", "a"]
    with pytest.raises(StemliftError, match="no songs"):
        expanded([tmp_path / "sub"])
