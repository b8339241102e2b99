"""What is imported comes in once and with its files, whatever the disk and the clock do."""

from __future__ import annotations

from pathlib import Path

import pytest
from reaper_scripts_house import IMPORT, QUEUE, SEPARATE, ScriptsHouse
from reaper_sim import Project, Simulator


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    return ScriptsHouse(sim, tmp_path)


@pytest.fixture
def project(house: ScriptsHouse, tmp_path: Path) -> Project:
    project = house.sim.project(tmp_path / "project" / "p.rpp")
    project.add_track("Mix").add_item(house.song(), 1.0, 2.0, selected=True)
    project.undo.mark()
    return project


def finish(house: ScriptsHouse) -> None:
    while [script for script in house.sim.running if script.window.open]:
        house.sim.window.close()
        house.turns()
    house.turns(3)


def test_stems_come_in_once_where_that_cannot_be_written_down(
    house: ScriptsHouse, project: Project
) -> None:
    """With the original kept as it is, nothing else tells that they came."""
    house.run(SEPARATE)
    plan = house.plan()
    plan["operations"] = [each for each in plan["operations"] if each["do"] != "mute_item"]
    # Only a folder that is there already keeps everybody from writing a file, root too.
    (house.job / "imported").mkdir()
    house.say("done", plan=plan)
    house.turns(3)
    assert [track.name for track in project.tracks] == ["Mix", "vocals", "other"]
    finish(house)
    house.run(QUEUE)
    house.turns()
    assert "a song.wav" not in house.shown
    finish(house)
    assert project.undo.labels == ["Separate to tracks"]


def test_a_stem_that_is_gone_from_a_plan_of_takes(house: ScriptsHouse, project: Project) -> None:
    item = project.tracks[0].items[0]
    house.run(SEPARATE)
    plan = house.plan()
    song = str(house.folder / "music" / "a song.wav")
    chunk = item.chunk().replace(song, str(house.folder / "stems" / "vocals.wav"))
    assert chunk != item.chunk()
    plan["operations"] = [{"do": "replace_item", "item": item.guid, "chunk": chunk}]
    house.say("done", plan=plan)
    assert "The file of a stem is not there any more" in house.shown
    assert project.undo.labels == []
    finish(house)


def test_a_file_that_the_item_lacked_already_is_no_missing_stem(
    house: ScriptsHouse, project: Project
) -> None:
    """Another take of it, for instance, when an item is cut at a time selection."""
    item = project.tracks[0].items[0]
    gone = house.song("gone.wav")
    second = f'TAKE\nNAME second\nSOFFS 0\n<SOURCE WAVE\nFILE "{gone}"\n>\n'
    item.load(item.chunk().rstrip().removesuffix(">") + second + ">\n")
    project.undo.mark()
    house.run(SEPARATE)
    plan = house.plan()
    plan["operations"] = [
        {"do": "replace_item", "item": item.guid, "chunk": item.chunk()},
        {"do": "insert_item", "track_key": project.tracks[0].guid, "chunk": item.chunk()},
    ]
    gone.unlink()
    house.say("done", plan=plan)
    assert "not there any more" not in house.shown
    assert (house.job / "imported").is_file()
    house.turns(3)


def test_a_finished_job_whose_stems_are_gone(house: ScriptsHouse, project: Project) -> None:
    house.run(SEPARATE)
    plan = house.plan()
    text = str(house.folder / "music" / "a song.wav")
    for each in plan["operations"]:
        if each["do"] == "insert_item":
            each["chunk"] = each["chunk"].replace(text, text.replace("a song", "stem"))
    house.song("stem.wav")
    house.say("done", plan=plan)
    finish(house)
    (house.folder / "music" / "stem.wav").unlink()
    other = house.sim.project()
    other.undo.mark()
    house.run(IMPORT)
    house.turns()
    house.sim.box_answers = [7]
    house.sim.window.click("a song.wav, ")
    assert other.tracks == []
    texts = [box.text for box in house.sim.boxes]
    assert any("The file of a stem is not there any more" in box for box in texts)
    finish(house)


def test_a_clock_that_is_set_back_does_not_hide_that_the_helper_died(house: ScriptsHouse) -> None:
    project = house.sim.current
    project.add_track("Mix").add_item(house.song(), selected=True)
    house.run(SEPARATE)
    house.say("running", updated=house.sim.clock.time() + 3600)
    house.sim.step(60, 0.15)
    assert "It stopped" not in house.shown
    house.sim.step(10, 0.15)
    assert "stopped before the stems were there" in house.shown
    finish(house)


def test_after_a_sleep_the_helper_has_a_moment_to_write(house: ScriptsHouse) -> None:
    project = house.sim.current
    project.add_track("Mix").add_item(house.song(), selected=True)
    house.run(SEPARATE)
    house.say("running", fraction=0.3)
    house.sim.step(1, 3600)
    house.turns(1)
    assert "stopped before" not in house.shown
    house.say("running", fraction=0.4)
    assert "40 %" in house.shown
    house.say("cancelled")
    house.turns(3)


def test_a_cancel_that_cannot_be_written_can_be_asked_for_again(
    house: ScriptsHouse, project: Project
) -> None:
    house.run(SEPARATE)
    house.say("running", fraction=0.3)
    (house.job / "cancel").mkdir()
    house.sim.window.click("Cancel")
    assert "could not be told to stop" in house.sim.boxes[-1].text
    house.say("running", fraction=0.4)
    assert "Cancelling" not in house.shown
    (house.job / "cancel").rmdir()
    house.sim.window.click("Cancel")
    assert (house.job / "cancel").is_file()
    house.say("cancelled")
    house.turns(3)


def test_a_job_that_the_disk_has_no_room_for_leaves_nothing(
    house: ScriptsHouse, project: Project
) -> None:
    resource = pytest.importorskip("resource", reason="limits of files are Unix's")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        house.run(SEPARATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "The job cannot be written" in house.sim.boxes[-1].text
    assert not list(house.jobs.rglob("job.json"))
    assert house.commands() == []
