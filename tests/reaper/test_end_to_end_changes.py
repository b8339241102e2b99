"""A project that changes between a click and its stems: they come in rightly, or wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_server import Home, home_in
from reaper_house import ReaperHouse, assert_same_sound, new_items, saved_project, song_file
from reaper_scripts_house import IMPORT, QUEUE, SEPARATE
from reaper_sim import Project, Simulator

from stemlift.reaper.messages import Phase

SPECTRAL = 4


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home"), HF_HUB_OFFLINE="1") as home:
        yield home


@pytest.fixture
def house(render_sim: Simulator, home: Home, tmp_path: Path) -> ReaperHouse:
    return ReaperHouse(render_sim, home, tmp_path)


def moved(project: Project) -> Callable[[], object]:
    item = project.items[0]
    item.set("D_POSITION", 1.0)
    return lambda: item.set("D_POSITION", 0.25)


def elsewhere(project: Project) -> Callable[[], object]:
    """On another track, where it would be heard through another chain."""
    text, (track,) = project.items[0].chunk(), project.tracks
    track.items.clear()
    other = project.add_track("Other")
    other.add_item(None).load(text)

    def back() -> None:
        project.remove_track(other)
        track.add_item(None).load(text)

    return back


def deleted(project: Project) -> Callable[[], object]:
    text, (track,) = project.items[0].chunk(), project.tracks
    track.items.clear()
    return lambda: track.add_item(None).load(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (moved, "was edited meanwhile"),
        pytest.param(elsewhere, "lies on another track now", marks=pytest.mark.long),
        (deleted, "is not in the project any more"),
    ],
)
def test_what_changed_meanwhile_is_parked_until_it_is_as_before(
    house: ReaperHouse, change: Callable[[Project], Callable[[], object]], says: str
) -> None:
    project = saved_project(house, 3.0)
    sound = project.render()
    house.choose()
    house.run(SEPARATE)
    undo_it = change(project)
    project.undo.mark()
    changed = project.text()
    house.until(Phase.DONE)
    house.sim.step(20)
    assert says in house.shown
    assert "nothing was changed" in house.shown
    assert project.text() == changed
    house.settle()
    undo_it()
    project.undo.mark()
    house.run(QUEUE)
    house.sim.step(10)
    house.sim.window.click("Import now")
    house.settle()
    assert (house.job / "imported").exists()
    assert_same_sound(project, sound)


def test_the_stems_of_a_deleted_item_as_new_tracks(house: ReaperHouse) -> None:
    project = saved_project(house, 3.0)
    project.tracks[0].lines.children[:] = [
        each for each in project.tracks[0].lines.children if "FXCHAIN" not in str(each)
    ]
    project.tracks[0].set("D_VOL", 1)
    sound = project.render()
    house.choose()
    house.run(SEPARATE)
    deleted(project)
    before = [track.name for track in project.tracks]
    project.undo.mark()
    house.until(Phase.DONE)
    house.sim.step(20)
    house.settle()
    house.run(IMPORT)
    house.sim.step(5)
    house.sim.box_answers = [6]
    house.sim.window.click(f"{house.folder.name}.wav, ")
    house.settle()
    assert len(project.tracks) == len(before) + SPECTRAL
    assert_same_sound(project, sound)
    assert len(project.undo.labels) == 1


def test_a_project_that_is_closed_meanwhile(house: ReaperHouse) -> None:
    project = saved_project(house, 3.0)
    assert project.path is not None
    house.choose()
    house.run(SEPARATE)
    house.sim.close(project)
    other = house.sim.current
    house.until(Phase.DONE)
    house.sim.step(20)
    assert "their project is not open" in house.shown
    assert other.tracks == []
    house.settle()
    again = house.sim.open(project.path)
    # A plan for the tracks as they are now comes first, at one click all the same.
    again.add_track("New", at=0, effects=("tanh",))
    before = house.hear(again)
    house.run(QUEUE)
    house.sim.step(10)
    house.sim.window.click("Import now")
    house.until_imported()
    house.settle()
    house.assert_the_same_is_heard(before)


def test_another_tab_in_front_when_the_stems_are_ready(house: ReaperHouse) -> None:
    project = saved_project(house, 3.0)
    before = house.hear(project)
    house.choose()
    house.run(SEPARATE)
    other = house.sim.project()
    house.until(Phase.DONE)
    house.sim.step(20)
    assert other.tracks == []
    assert new_items(before) == []
    house.sim.switch(project)
    house.until_imported()
    house.settle()
    assert other.undo.labels == []
    house.assert_the_same_is_heard(before)


@pytest.mark.parametrize("same_track", [pytest.param(False, marks=pytest.mark.long), True])
def test_two_selections_at_once(house: ReaperHouse, same_track: bool) -> None:
    """A second click while the first runs: one window, both come in, each with its own undo."""
    project = saved_project(house, 3.0)
    (first,) = project.items
    track = project.tracks[0] if same_track else project.add_track("Second", effects=("tanh",))
    second = track.add_item(song_file(house.folder / "second.wav", 1.0), 0.5)
    before = house.hear(project)
    house.choose()
    house.run(SEPARATE)
    first.set("B_UISEL", 0)
    second.set("B_UISEL", 1)
    house.run(SEPARATE)
    jobs = house.folders()[-2:]
    house.sim.run_until(lambda: all((job / "imported").exists() for job in jobs), 120)
    house.settle()
    assert len(new_items(before)) == 2 * SPECTRAL
    assert project.problems() == []
    assert_same_sound(project, before.sound)
    assert len(project.undo.labels) == 2
    assert project.undo.undo()
    house.assert_undone(before)


@pytest.mark.parametrize("where", ["another track", "the same track"])
def test_tracks_that_changed_meanwhile_are_planned_anew(house: ReaperHouse, where: str) -> None:
    """Places and folders are those of the import, not of the click."""
    project = saved_project(house, 3.0)
    sound = project.render()
    house.choose()
    house.run(SEPARATE)
    project.add_track("Above", at=0, depth=1, effects=("tanh",), volume=0.5)
    project.add_track("Inside", at=1, depth=-1)
    if where == "the same track":
        project.tracks[2].depth = 1
        project.add_track("Child", depth=-1)
    project.undo.mark()
    house.until_imported()
    house.settle()
    assert_same_sound(project, sound)
    assert project.problems() == []
    parents = project.parents()
    names = {track.name for track in project.tracks if (p := parents[track]) and p.name == "Mix"}
    assert len(names - {"Child"}) == SPECTRAL
    assert len(project.undo.labels) == 1
    # The stems were there: nothing was separated again.
    assert len(house.server_jobs()) == 1
