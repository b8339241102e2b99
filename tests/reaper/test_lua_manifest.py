"""Result folders of the watched folder: their lists, and where their stems may come in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from reaper_scripts_house import IMPORT, ScriptsHouse
from reaper_sim import Simulator

from stemlift.reaper.messages import JobFile

BUTTON = "A folder of stems (stems.json)…"
YES, NO, CANCEL = 6, 7, 2


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    return ScriptsHouse(sim, tmp_path)


@pytest.fixture
def result(house: ScriptsHouse, tmp_path: Path) -> Path:
    """A result folder, still without its list."""
    folder = tmp_path / "outbox" / "a song"
    folder.mkdir(parents=True)
    for name in ("vocals", "other", "bass"):
        shutil.copy(house.song(), folder / f"{name}.wav")
    return folder


def write(folder: Path, stems: object, song: Path | None = None) -> Path:
    source = {"path": str(song), "frames": 32000, "sample_rate": 8000, "time_reference": 0}
    content = {"stems": stems} | ({"source": source} if song else {}) | {"version": 1}
    path = folder / "stems.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def take(house: ScriptsHouse, manifest: Path, *answers: int) -> None:
    house.run(IMPORT)
    house.turns()
    house.sim.file_answers = [str(manifest)]
    house.sim.box_answers = list(answers)
    house.sim.window.click(BUTTON)
    house.turns()


def finish(house: ScriptsHouse) -> None:
    for job in house.folders():
        house.say("cancelled", job)
    house.turns(3)
    while [script for script in house.sim.running if script.window.open]:
        house.sim.window.close()
        house.turns()


def test_a_list_keeps_its_order_and_names(house: ScriptsHouse, result: Path) -> None:
    stems = [
        {"name": "Vocals", "file": "vocals.wav", "peak_dbfs": -3.0},
        {"name": "bass", "file": str(result / "bass.wav")},
        {"name": "other", "file": "./other.wav"},
    ]
    take(house, write(result, stems), NO)
    project = house.sim.current
    assert [track.name for track in project.tracks] == ["Vocals", "bass", "other"]
    assert project.undo.labels == ["Stemlift: import stems"]


@pytest.mark.parametrize(
    "file",
    [
        "../outside.wav",
        "vocals/../../outside.wav",
        "{outbox}/outside.wav",
        "{outbox}/a song/../outside.wav",
        "/etc/passwd",
    ],
)
@pytest.mark.parametrize("as_object", [True, False])
def test_no_file_outside_of_the_folder(
    house: ScriptsHouse, result: Path, file: str, as_object: bool
) -> None:
    shutil.copy(house.song(), result.parent / "outside.wav")
    file = file.format(outbox=result.parent)
    good = "vocals.wav"
    stems: object = {"a": good, "b": file}
    if not as_object:
        stems = [{"name": "a", "file": good}, {"name": "b", "file": file}]
    take(house, write(result, stems))
    assert "a file outside of its folder" in house.sim.boxes[-1].text
    assert house.sim.current.tracks == []


def test_windows_paths_lead_nowhere_else_either(house: ScriptsHouse, result: Path) -> None:
    house.sim.system = "Win64"
    for file in ("..\\outside.wav", "C:outside.wav", "D:\\outside.wav", "\\\\server\\share\\x.wav"):
        take(house, write(result, [{"name": "a", "file": file}]))
        assert "a file outside of its folder" in house.sim.boxes[-1].text
    assert house.sim.current.tracks == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"stems"',
        '{"stems": []}',
        '{"stems": 1}',
        '{"stems": [1, null]}',
        '{"stems": [{"name": "a"}]}',
    ],
)
def test_what_is_no_list_of_stems(house: ScriptsHouse, result: Path, text: str) -> None:
    manifest = result / "stems.json"
    manifest.write_text(text)
    take(house, manifest)
    assert "names no stems" in house.sim.boxes[-1].text


def test_items_that_play_the_song_can_have_the_stems(house: ScriptsHouse, result: Path) -> None:
    project = house.sim.current
    track = project.add_track("Mix")
    song = house.song()
    items = [track.add_item(song, at, 1.0, soffs=0.5) for at in (0, 2, 4)]
    items[2].set("B_MUTE", 1)
    track.add_item(house.song("another.wav"), 6, 1.0, selected=True)
    manifest = write(result, [{"name": "vocals", "file": "vocals.wav"}], song)
    kept = {"within_time_selection": True, "stems": ["drums"], "layout": "flat"}
    house.sim.set_ext_state("Stemlift", "choices", json.dumps(kept), True)
    take(house, manifest, YES)
    assert "2 items of the project play this song" in house.sim.boxes[-1].text
    job = JobFile.model_validate_json((house.job / "job.json").read_bytes())
    assert job.manifest == str(manifest)
    assert job.title == "a song.wav"
    assert [item.guid for item in job.request.items] == [item.guid for item in items[:2]]
    assert job.request.choices.layout == "flat"
    assert not job.request.choices.within_time_selection
    assert job.request.choices.stems == ()
    assert house.commands()[-1][1:] == ["run", str(house.job)]
    assert "Starting Stemlift…" in house.shown
    finish(house)
    # Selected ones are meant alone.
    items[2].set("B_UISEL", 1)
    take(house, manifest, YES)
    assert "An item of the project plays this song" in house.sim.boxes[-1].text
    job = JobFile.model_validate_json((house.job / "job.json").read_bytes())
    assert [item.guid for item in job.request.items] == [items[2].guid]
    finish(house)


@pytest.mark.parametrize("answers", [(CANCEL,), (NO, CANCEL)])
def test_nothing_happens_unless_a_place_is_chosen(
    house: ScriptsHouse, result: Path, answers: tuple[int, ...]
) -> None:
    project = house.sim.current
    project.add_track("Mix").add_item(house.song(), 0, 1.0)
    take(house, write(result, [{"name": "a", "file": "vocals.wav"}], house.song()), *answers)
    assert [track.name for track in project.tracks] == ["Mix"]
    assert house.folders() == []
    assert house.sim.running == []


def test_another_place_than_the_items(house: ScriptsHouse, result: Path) -> None:
    project = house.sim.current
    project.add_track("Mix").add_item(house.song(), 0, 1.0)
    project.cursor = 3.0
    stems = [{"name": "a", "file": "vocals.wav"}]
    take(house, write(result, stems, house.song()), NO, NO)
    assert [track.name for track in project.tracks] == ["Mix", "a"]
    assert project.tracks[1].items[0].get("D_POSITION") == 3.0
