"""A plan carried out in the project: all of it in one undo step, or nothing and a message."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from reaper_scripts_house import IMPORT, QUEUE, SEPARATE, ScriptsHouse
from reaper_sim import Project, Simulator

from stemlift.audio.info import Bext
from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    return ScriptsHouse(sim, tmp_path)


@pytest.fixture
def project(house: ScriptsHouse, tmp_path: Path) -> Project:
    project = house.sim.project(tmp_path / "project" / "p.rpp")
    project.add_track("Before")
    project.add_track("Mix", volume=0.5).add_item(house.song(), 1.0, 2.0, selected=True)
    project.add_track("After")
    project.undo.mark()
    return project


def state(project: Project) -> str:
    """All that an import could change; selections are none of it."""
    return "\n".join(line for line in project.text().splitlines() if "SEL" not in line)


def finish(house: ScriptsHouse) -> None:
    """Close what is open."""
    while [script for script in house.sim.running if script.window.open]:
        house.sim.window.close()
        house.turns()
    house.turns(3)


def test_stems_come_in_and_go_in_one_step(house: ScriptsHouse, project: Project) -> None:
    before = state(project)
    script = house.run(SEPARATE)
    house.say("done", plan=house.plan(), fraction=1.0)
    assert (house.job / "imported").is_file()
    assert [(t.name, t.depth) for t in project.tracks] == [
        ("Before", 0),
        ("Mix", 1),
        ("vocals", 0),
        ("other", -1),
        ("After", 0),
    ]
    vocals = project.tracks[2]
    assert vocals.get("I_CUSTOMCOLOR") == 0x1000000 | 200 << 16 | 100 << 8 | 50
    assert (vocals.get("D_VOL"), vocals.get("D_PANLAW")) == (1.0, 1.0)
    assert [item.get("D_POSITION") for item in vocals.items] == [1.0]
    assert project.tracks[1].items[0].get("B_MUTE") == 1
    assert project.undo.labels == ["Separate to tracks"]
    assert not project.undo.unrecorded()
    # Good news go by themselves.
    house.turns(3)
    assert not script.running
    assert project.undo.undo()
    assert state(project) == before
    assert project.undo.labels == []


def test_notes_stay_until_they_are_read(house: ScriptsHouse, project: Project) -> None:
    script = house.run(SEPARATE)
    plan = house.plan() | {"notices": ["The take's effects were copied to every stem."]}
    house.say("done", plan=plan)
    house.turns(4)
    assert "The stems are in the project" in house.shown
    assert "The take's effects were copied to every stem." in house.shown
    house.sim.window.click("Close")
    house.turns()
    assert not script.running
    assert project.undo.labels == ["Separate to tracks"]


@pytest.mark.parametrize(
    "function",
    ["SetItemStateChunk", "InsertTrackInProject", "AddMediaItemToTrack", "GetTrack"],
)
@pytest.mark.parametrize("after", [0, 1])
def test_a_failure_in_the_middle_leaves_the_project_alone(
    house: ScriptsHouse, project: Project, function: str, after: int
) -> None:
    project.undo.begin()
    project.tracks[0].name = "What the user did"
    project.undo.end("What the user did", -1)
    before = state(project)
    house.run(SEPARATE)
    plan = house.plan()
    # Read twice before anything is changed: have the tracks changed, and which are they?
    calls = {"GetTrack": 2 * len(project.tracks)}.get(function, 0)
    house.sim.inject(function, after=calls + after)
    house.say("done", plan=plan)
    assert state(project) == before
    assert project.undo.labels == ["What the user did"]
    assert not (house.job / "imported").exists()
    assert "it is as it was before. injected failure" in house.shown
    # The second try has better luck.
    house.sim.window.click("Import now")
    house.turns()
    assert (house.job / "imported").is_file()
    assert project.undo.labels == ["What the user did", "Separate to tracks"]
    finish(house)


def test_a_chunk_that_reaper_refuses(house: ScriptsHouse, project: Project) -> None:
    before = state(project)
    house.run(SEPARATE)
    plan = house.plan()
    plan["operations"][-2]["chunk"] = "no chunk"
    house.say("done", plan=plan)
    assert state(project) == before
    assert "REAPER did not take a stem's item" in house.shown
    finish(house)


def test_a_failure_before_anything_changed_undoes_nothing_of_the_users(
    house: ScriptsHouse, project: Project
) -> None:
    project.undo.begin()
    project.tracks[0].name = "What the user did"
    project.undo.end("What the user did", -1)
    before = state(project)
    house.run(SEPARATE)
    plan = house.plan()
    plan["operations"].insert(0, {"do": "dance"})
    house.say("done", plan=plan)
    assert state(project) == before
    assert project.undo.labels == ["What the user did"]
    assert "The plan has an unknown step." in house.shown
    finish(house)


def test_an_old_reaper_inserts_tracks_too(house: ScriptsHouse, project: Project) -> None:
    house.sim.hide("InsertTrackInProject", "set_action_options", "GetThemeColor")
    house.sim.default_effects = ("gain",)
    house.run(SEPARATE)
    house.say("done", plan=house.plan())
    assert [t.name for t in project.tracks] == ["Before", "Mix", "vocals", "other", "After"]
    assert project.tracks[2].effects() == []
    house.turns(3)


def test_the_mixer_and_the_sends_are_copied(house: ScriptsHouse, project: Project) -> None:
    mix, after = project.tracks[1], project.tracks[2]
    mix.set("D_PAN", -0.25)
    mix.set("B_PHASE", 1)
    project.add_send(mix, after, volume=0.7, mode=3)
    house.run(SEPARATE)
    plan = house.plan()
    for operation in plan["operations"]:
        if operation["do"] == "insert_track":
            operation["copy_from"] = mix.guid
            operation["depth"] = 0
    plan["operations"] = [o for o in plan["operations"] if o["do"] != "set_track_depth"]
    house.say("done", plan=plan)
    vocals = project.tracks[2]
    assert (vocals.get("D_VOL"), vocals.get("D_PAN"), vocals.get("B_PHASE")) == (0.5, -0.25, 1)
    sends = [send for send in project.sends if send.source is vocals]
    assert [(s.target.name, s.volume, s.mode) for s in sends] == [("After", 0.7, 3)]
    house.turns(3)


def test_stems_as_takes_replace_the_item(house: ScriptsHouse, project: Project) -> None:
    item = project.tracks[1].items[0]
    house.run(SEPARATE)
    plan = house.plan()
    chunk = item.chunk().replace("VOLPAN 1 ", "VOLPAN 0.25 ", 1)
    plan["operations"] = [{"do": "replace_item", "item": item.guid, "chunk": chunk}]
    house.say("done", plan=plan)
    assert project.tracks[1].items[0].volume == 0.25
    assert project.undo.labels == ["Separate to tracks"]
    house.turns(3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p.tracks[1].items[0].set("D_POSITION", 1.25), "was edited meanwhile"),
        (lambda p: p.tracks[1].items[0].set("B_MUTE", 1), "was edited meanwhile"),
        (lambda p: p.remove_track(p.tracks[1]), "not in the project any more"),
    ],
)
def test_an_edited_project_is_left_alone(
    house: ScriptsHouse, project: Project, change, says
) -> None:  # type: ignore[no-untyped-def]
    house.run(SEPARATE)
    plan = house.plan()
    change(project)
    before = state(project)
    house.say("done", plan=plan)
    assert state(project) == before
    assert says in house.shown
    assert "nothing was changed" in house.shown
    assert not (house.job / "imported").exists()
    finish(house)


def test_selecting_others_is_no_edit(house: ScriptsHouse, project: Project) -> None:
    house.run(SEPARATE)
    plan = house.plan()
    project.tracks[1].items[0].set("B_UISEL", 0)
    house.say("done", plan=plan)
    assert (house.job / "imported").exists()
    house.turns(3)


def test_saving_the_project_is_no_edit(house: ScriptsHouse, tmp_path: Path) -> None:
    """A path that was absolute is relative afterwards."""
    project = house.sim.current
    song = house.song()
    item = project.add_track("Mix").add_item(song, selected=True)
    house.run(SEPARATE)
    plan = house.plan()
    house.sim.save(project, song.parent / "p.rpp")
    item.load(item.chunk().replace(str(song), song.name))
    house.say("done", plan=plan)
    assert (house.job / "imported").exists()
    house.turns(3)


def test_a_stem_that_is_gone(house: ScriptsHouse, project: Project) -> None:
    before = state(project)
    house.run(SEPARATE)
    plan = house.plan()
    (house.folder / "music" / "a song.wav").unlink()
    house.say("done", plan=plan)
    assert state(project) == before
    assert "The file of a stem is not there any more" in house.shown
    finish(house)


def test_another_project_in_front_is_waited_for(house: ScriptsHouse, project: Project) -> None:
    house.run(SEPARATE)
    plan = house.plan()
    other = house.sim.project()
    house.say("done", plan=plan)
    assert other.tracks == []
    assert "open in another tab" in house.shown
    house.sim.switch(project)
    house.turns()
    assert [t.name for t in project.tracks] == ["Before", "Mix", "vocals", "other", "After"]
    assert project.undo.labels == ["Separate to tracks"]
    assert other.undo.labels == []
    house.turns(3)


def test_the_queue_switches_to_the_project_of_a_job(house: ScriptsHouse, project: Project) -> None:
    house.run(SEPARATE)
    plan = house.plan()
    house.sim.project()
    house.say("done", plan=plan)
    house.sim.window.click("Import now")
    assert house.sim.current is project
    assert project.undo.labels == ["Separate to tracks"]
    house.turns(3)


def test_a_closed_project_is_found_again_and_the_queue_imports(
    house: ScriptsHouse, project: Project
) -> None:
    house.run(SEPARATE)
    plan = house.plan()
    path = house.sim.save(project)
    house.sim.close(project)
    house.say("done", plan=plan)
    assert "their project is not open" in house.shown
    finish(house)
    house.sim.restart()
    again = house.sim.open(path)
    again.undo.mark()
    house.run(QUEUE)
    house.turns()
    assert "a song.wav" in house.shown
    house.sim.window.click("Import now")
    house.turns()
    assert [t.name for t in again.tracks] == ["Before", "Mix", "vocals", "other", "After"]
    assert "Nothing runs, waits or failed" in house.shown
    finish(house)


def test_a_finished_job_as_new_tracks(house: ScriptsHouse, project: Project) -> None:
    house.run(SEPARATE)
    plan = house.plan()
    project.tracks[1].items[0].set("D_POSITION", 3.0)
    house.say("done", plan=plan)
    finish(house)
    other = house.sim.project()
    other.add_track("Elsewhere")
    other.undo.mark()
    other.cursor = 10.0
    house.run(IMPORT)
    house.turns()
    house.sim.box_answers = [7]
    house.sim.window.click("a song.wav, ")
    assert [(t.name, t.depth) for t in other.tracks] == [
        ("Elsewhere", 0),
        ("vocals", 0),
        ("other", 0),
    ]
    assert [t.items[0].get("D_POSITION") for t in other.tracks[1:]] == [10.0, 10.0]
    assert len({item.guid for item in other.items}) == 2
    assert other.items[0].guid != project.items[0].guid
    assert other.undo.labels == ["Stemlift: import stems"]
    finish(house)


def test_a_folder_of_stems_at_the_cursor(house: ScriptsHouse, tmp_path: Path) -> None:
    song = house.song()
    result = tmp_path / "outbox" / "a song"
    result.mkdir(parents=True)
    for name in ("vocals", "other"):
        shutil.copy(song, result / f"{name}.wav")
    manifest = result / "stems.json"
    manifest.write_text('{"stems": {"vocals": "vocals.wav", "other": "other.wav"}}')
    project = house.sim.current
    project.cursor = 5.0
    house.jobs.mkdir(parents=True)
    house.run(IMPORT)
    house.turns()
    assert "There is no finished job." in house.shown
    house.sim.file_answers = [str(manifest)]
    house.sim.box_answers = [7]
    house.sim.window.click("A folder of stems (stems.json)…")
    assert [t.name for t in project.tracks] == ["other", "vocals"]
    (item,) = project.tracks[1].items
    assert (item.get("D_POSITION"), item.get("D_LENGTH")) == (5.0, 4.0)
    assert project.undo.labels == ["Stemlift: import stems"]
    heard = project.render(9.0)
    assert np.abs(heard[: round(4.9 * project.rate)]).max() == 0
    finish(house)


def test_a_folder_of_stems_by_its_time_stamp(house: ScriptsHouse, tmp_path: Path) -> None:
    """Ten seconds after midnight, in a project that begins at four."""
    body = bytearray(602)
    body[338:346] = (10 * 8000).to_bytes(8, "little")
    stamp = Bext(10 * 8000, bytes(body))
    with BroadcastWavWriter(tmp_path / "v.wav", 8000, 1, Encoding.PCM_24, bext=stamp) as writer:
        writer.write(np.zeros((8000, 1), np.int32))
    shutil.copy(house.song(), tmp_path / "without.wav")
    manifest = tmp_path / "stems.json"
    manifest.write_text(
        '{"stems": [{"name": "v", "file": "v.wav"}, {"name": "w", "file": "without.wav"}]}'
    )
    project = house.sim.current
    project.cursor = 2.0
    project.time_offset = 4.0
    house.run(IMPORT)
    house.turns()
    house.sim.file_answers = [str(manifest)]
    house.sim.box_answers = [6]
    house.sim.window.click("A folder of stems (stems.json)…")
    assert [t.items[0].get("D_POSITION") for t in project.tracks] == [6.0, 2.0]
    finish(house)


def test_a_manifest_without_stems(house: ScriptsHouse, tmp_path: Path) -> None:
    manifest = tmp_path / "stems.json"
    manifest.write_text('{"stems": ["gone.wav"]}')
    house.run(IMPORT)
    house.sim.file_answers = [str(manifest)]
    house.turns()
    house.sim.window.click("A folder of stems (stems.json)…")
    assert "is not there" in house.sim.boxes[-1].text
    finish(house)
