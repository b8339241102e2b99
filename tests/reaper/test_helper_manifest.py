"""The helper reads a list of stems, and gives them to items that play the song."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from reaper_jobs import item, midi_item, request

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.chunk import quoted
from stemlift.reaper.clone import repeatable_guids
from stemlift.reaper.facts import Layout
from stemlift.reaper.manifest import Found, place, read_manifest

RATE = 44100
SONG = Path("/music/a song.wav")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "a song"
    folder.mkdir()
    for name in ("vocals", "other"):
        soundfile.write(folder / f"{name}.wav", np.zeros((3 * RATE, 2)), RATE)
    return folder


def manifest(folder: Path, **content: Any) -> Path:
    path = folder / "stems.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def found(folder: Path) -> Found:
    stems = [{"name": "vocals", "file": "vocals.wav"}, {"name": "other", "file": "other.wav"}]
    return read_manifest(manifest(folder, stems=stems, source={"path": str(SONG)}))


@pytest.mark.parametrize(
    "stems",
    [
        [{"name": "vocals", "file": "vocals.wav"}, {"name": "other", "file": "other.wav"}],
        {"vocals": "vocals.wav", "other": "./other.wav"},
        {"vocals": {"file": "vocals.wav"}, "other": {"file": "other.wav", "levels": {}}},
    ],
)
def test_a_list_and_an_object(folder: Path, stems: Any) -> None:
    read = read_manifest(manifest(folder, stems=stems, source={"path": str(SONG)}))
    assert list(read.stems.items()) == [
        (name, (folder / f"{name}.wav").resolve()) for name in ("vocals", "other")
    ]
    assert (read.source, read.sample_rate, read.frames) == (str(SONG), RATE, 3 * RATE)


@pytest.mark.parametrize(
    ("stems", "says"),
    [
        ([{"name": "a", "file": "../x.wav"}], "outside of its folder: ../x.wav"),
        ([{"name": "a", "file": "/etc/passwd"}], "outside of its folder"),
        ({"a": "b/../../x.wav"}, "outside of its folder"),
        ([{"name": "a", "file": f} for f in ("vocals.wav", "other.wav")], "names a twice"),
        ([], "names no stems"),
        ("vocals.wav", "names no stems"),
        ([None, 1, {"name": "a"}, {"file": ""}, {"file": "a\0b"}], "names no stems"),
    ],
)
def test_a_list_that_is_refused(folder: Path, stems: Any, says: str) -> None:
    with pytest.raises(StemliftError, match=says) as raised:
        read_manifest(manifest(folder, stems=stems))
    assert raised.value.reason is Reason.ARGUMENT_INVALID


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", "[" * 100_000, "\ufeff{}", '{"a": ' + "9" * 5000]
)
def test_what_is_no_list(folder: Path, text: str) -> None:
    path = folder / "stems.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StemliftError) as raised:
        read_manifest(path)
    assert raised.value.reason is Reason.ARGUMENT_INVALID


def test_stems_that_are_gone_or_do_not_fit_together(folder: Path) -> None:
    with pytest.raises(StemliftError) as raised:
        read_manifest(folder / "stems.json")
    assert raised.value.reason is Reason.FILE_NOT_FOUND
    with pytest.raises(StemliftError) as raised:
        read_manifest(manifest(folder, stems={"a": "gone.wav"}))
    assert raised.value.reason is Reason.FILE_NOT_FOUND
    soundfile.write(folder / "slow.wav", np.zeros(10), 8000)
    with pytest.raises(StemliftError, match="different sample rates"):
        read_manifest(manifest(folder, stems={"a": "vocals.wav", "b": "slow.wav"}))


def test_the_shortest_stem_counts(folder: Path) -> None:
    soundfile.write(folder / "other.wav", np.zeros((RATE, 2)), RATE)
    assert found(folder).frames == RATE


def test_items_that_play_the_song_get_its_stems_with_their_own_offsets(folder: Path) -> None:
    asked = request(
        folder.parent / "media",
        item(1, SONG, offset=0.5),
        item(2, Path("/music/another.wav")),
        midi_item(3),
        layout=Layout.FLAT,
    )
    placed = place(asked, found(folder), repeatable_guids("seed"))
    assert placed.plan is not None
    assert [each.item for each in placed.plan.expects] == [asked.items[0].guid]
    assert [each.reason for each in placed.skipped] == ["midi"]
    inserted = [each for each in placed.plan.operations if each.do == "insert_item"]
    for one, name in zip(inserted, ("vocals", "other"), strict=True):
        assert "SOFFS 0.5" in one.chunk
        assert f"FILE {quoted(str((folder / f'{name}.wav').resolve()))}" in one.chunk


def test_a_channel_mode_stays_since_the_stems_have_all_channels(folder: Path) -> None:
    one = item(1, SONG)
    one = one.model_copy(update={"chunk": one.chunk.replace("CHANMODE 0", "CHANMODE 3")})
    placed = place(request(folder.parent, one), found(folder))
    assert placed.plan is not None
    chunks = [each.chunk for each in placed.plan.operations if each.do == "insert_item"]
    assert len(chunks) == 2
    assert all("CHANMODE 3" in chunk for chunk in chunks)


def test_no_item_plays_the_song(folder: Path) -> None:
    placed = place(request(folder.parent, item(1, Path("/music/another.wav"))), found(folder))
    assert placed.plan is None


def test_stems_that_are_shorter_than_what_an_item_plays(folder: Path) -> None:
    asked = request(folder.parent, item(1, SONG, length=5.0, seconds=6.0))
    with pytest.raises(StemliftError) as raised:
        place(asked, found(folder))
    assert raised.value.reason is Reason.FILE_CHANGED
