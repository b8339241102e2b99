"""A project that is saved under another name, in another folder, while its items are separated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from reaper_house import assert_same_sound
from reaper_scripts_house import IMPORT, SEPARATE, ScriptsHouse
from reaper_sim import Project, Simulator
from stand_in_stems import separate

from stemlift.reaper.facts import Request
from stemlift.reaper.plan import ImportPlan
from stemlift.reaper.planning import finish_plan, make_plan

RATE = 8000
STEMS = ("vocals", "other")


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    return ScriptsHouse(sim, tmp_path)


def started(house: ScriptsHouse) -> Project:
    """A saved project whose item is being separated; its stems lie in the project's folder."""
    path = house.folder / "project" / "p.rpp"
    project = house.sim.project(path, rate=RATE)
    project.add_track("Mix").add_item(house.song(), 0.5, 2.0, soffs=1.0, selected=True)
    house.sim.save(project)
    house.sim.set_ext_state("Stemlift", "choices", json.dumps({"handles": 0.1}), persist=False)
    house.run(SEPARATE)
    return project


def separated(house: ScriptsHouse) -> ImportPlan:
    """Make the stems; the import for the project as it was."""
    request = Request.model_validate(house.asked()["request"])
    plan = make_plan(request, STEMS)
    results = {job.key: separate(job, STEMS) for job in plan.jobs}
    return finish_plan(request, plan, results)


def arrive(house: ScriptsHouse, plan: ImportPlan) -> None:
    house.say("done", plan=plan.model_dump(mode="json"), fraction=1.0)
    house.turns(3)


def files(project: Project) -> list[Path]:
    return [source.path for item in project.items[1:] if (source := item.takes[0].source)]


@pytest.mark.parametrize("to", ["elsewhere/q.rpp", "project/versions/q.rpp", "p.rpp"])
def test_the_stems_are_found_where_they_were_made(house: ScriptsHouse, to: str) -> None:
    project = started(house)
    before = project.render()
    house.sim.save(project, house.folder / to)
    arrive(house, separated(house))
    assert (house.job / "imported").exists(), house.shown
    assert_same_sound(project, before)
    assert {path.parent for path in files(project)} == {
        house.folder / "project" / "Stemlift" / "a song"
    }
    assert project.undo.labels == ["Stemlift: separate item to tracks"]
    # So it is when that is saved and opened again.
    again = house.sim.open(house.sim.save(project))
    assert_same_sound(again, before)


def test_stems_that_moved_along_with_the_project(house: ScriptsHouse) -> None:
    project = started(house)
    before = project.render()
    # Another tab in front: they wait.
    house.sim.project()
    arrive(house, separated(house))
    house.sim.save(project, house.folder / "new place" / "p.rpp")
    shutil.move(house.folder / "project" / "Stemlift", house.folder / "new place" / "Stemlift")
    house.sim.switch(project)
    house.turns(3)
    assert (house.job / "imported").exists(), house.shown
    assert_same_sound(project, before)
    assert all(path.is_relative_to(house.folder / "new place") for path in files(project))


def test_a_project_that_was_moved_as_a_whole(house: ScriptsHouse) -> None:
    """Its items are others to us, since their file is; their stems come in by hand."""
    old = house.folder / "project"
    project = house.sim.project(old / "p.rpp", rate=RATE)
    (old / "Media").mkdir()
    shutil.move(house.song(), old / "Media" / "song.wav")
    project.add_track("Mix").add_item("Media/song.wav", 0.5, 2.0, soffs=1.0, selected=True)
    house.sim.save(project)
    house.run(SEPARATE)
    house.sim.save(project)
    before = project.render()
    house.sim.close(project)
    arrive(house, separated(house))
    house.sim.window.close()
    house.turns()
    new = house.folder / "drive" / "project"
    new.parent.mkdir()
    shutil.move(old, new)
    project = house.sim.open(new / "p.rpp")
    house.run(IMPORT)
    house.turns(3)
    house.sim.box_answers = [6]
    house.sim.window.click("song.wav, ")
    house.turns(3)
    assert [track.name for track in project.tracks] == ["Mix", "Vocals", "Other"], house.sim.boxes
    assert all(path.is_relative_to(new) for path in files(project))
    project.items[0].set("B_MUTE", 1)
    assert_same_sound(project, before)


def test_a_file_of_the_same_name_in_the_new_folder_is_not_taken(house: ScriptsHouse) -> None:
    project = started(house)
    before = project.render()
    # Another project's folder, with stems of another song of that name.
    house.sim.save(project, house.folder / "other" / "q.rpp")
    plan = separated(house)
    made = house.folder / "project" / "Stemlift"
    for path in made.rglob("*.wav"):
        false = house.folder / "other" / path.relative_to(house.folder / "project")
        false.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(false, np.full((100, 2), 0.9), RATE)
    arrive(house, plan)
    assert (house.job / "imported").exists(), house.shown
    assert_same_sound(project, before)
