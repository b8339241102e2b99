"""What goes wrong between a click and its stems: nothing is lost, no project is spoilt."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_server import Home, home_in, wait_for
from reaper_house import (
    ReaperHouse,
    assert_same_sound,
    new_items,
    song_file,
    stem_files,
)
from reaper_jobs import kill_server
from reaper_scripts_house import IMPORT, QUEUE, SEPARATE
from reaper_sim import Project, Simulator

from stemlift.reaper.messages import Phase
from stemlift.rpc.results import JobState

SPECTRAL = 4
LONG = 30.0
"""Seconds of a song whose separation takes long enough to disturb it."""

unix = pytest.mark.skipif(os.name == "nt", reason="there are no such signals")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home"), HF_HUB_OFFLINE="1") as home:
        yield home


@pytest.fixture
def house(render_sim: Simulator, home: Home, tmp_path: Path) -> ReaperHouse:
    return ReaperHouse(render_sim, home, tmp_path)


def saved_project(house: ReaperHouse, seconds: float) -> Project:
    """One selected item on a track with an effect, in a project that lies on the disk."""
    project = house.sim.project(house.folder / "project" / "p.rpp")
    song = song_file(house.folder / f"{house.folder.name}.wav", seconds)
    track = project.add_track("Mix", volume=0.8, effects=("tanh",))
    track.add_item(song, 0.25, selected=True)
    house.sim.save(project)
    return project


def test_cancelling_half_way_leaves_nothing(house: ReaperHouse) -> None:
    project = saved_project(house, LONG)
    before = house.hear(project)
    house.choose()
    house.run(SEPARATE)
    house.half_way()
    house.sim.window.click("Cancel")
    house.until(Phase.CANCELLED)
    house.settle()
    assert [job.state for job in house.server_jobs()] == [JobState.CANCELLED]
    assert stem_files(house.folder) == []
    house.assert_unchanged(before)
    assert project.undo.labels == []
    # Nothing is left to see in the queue either.
    house.run(QUEUE)
    house.sim.step(10)
    assert house.folder.name not in house.shown
    house.settle()


@unix
def test_a_server_that_is_killed_half_way(house: ReaperHouse, home: Home) -> None:
    project = saved_project(house, LONG)
    before = house.hear(project)
    house.choose()
    house.run(SEPARATE)
    house.half_way()
    home.kill()
    house.until_imported()
    house.settle()
    (job,) = house.server_jobs()
    assert job.result is not None
    assert sorted(stem_files(house.folder)) == sorted(job.result.stems.values())
    house.assert_the_same_is_heard(before)


@unix
def test_a_helper_that_is_killed_half_way(house: ReaperHouse) -> None:
    project = saved_project(house, LONG)
    before = house.hear(project)
    house.choose()
    house.run(SEPARATE)
    house.half_way()
    helper = house.helper()
    helper.send_signal(signal.SIGKILL)
    wait_for(lambda: not helper.is_running(), "the helper to be gone")
    house.sim.step(60, 0.5)
    assert "Stemlift's program stopped before the stems were there." in house.shown
    house.settle()
    # Nobody watches it any more; the queue finds it.
    house.run(QUEUE)
    # After a machine slept, a live helper would need a moment to say something.
    house.sim.step(20, 0.25)
    assert f"{house.folder.name}.wav" in house.shown
    house.sim.window.click("Try again")
    house.until(Phase.DONE)
    house.sim.step(10)
    house.sim.window.click("Import now")
    assert (house.job / "imported").exists()
    house.settle()
    assert len(house.server_jobs()) == 1
    assert len(stem_files(house.folder)) == SPECTRAL
    house.assert_the_same_is_heard(before)


def test_reaper_is_started_again_meanwhile(house: ReaperHouse) -> None:
    path = saved_project(house, LONG).path
    assert path is not None
    house.choose()
    house.run(SEPARATE)
    house.half_way()
    house.sim.restart()
    project = house.sim.open(path)
    before = house.hear(project)
    house.run(QUEUE)
    house.sim.step(10)
    assert f"{house.folder.name}.wav" in house.shown
    house.until(Phase.DONE)
    house.sim.step(10)
    house.assert_unchanged(before)
    house.sim.window.click("Import now")
    house.settle()
    assert (house.job / "imported").exists()
    house.assert_the_same_is_heard(before)


def test_a_full_disk_is_said_and_changes_nothing(house: ReaperHouse, home: Home) -> None:
    resource = pytest.importorskip("resource", reason="needs limits on the size of files")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux can limit another process")
    project = saved_project(house, 20.0)
    before = house.hear(project)
    with home.client() as client:
        client.server_info()
    pid = home.server_pid()
    whole = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    house.choose()
    house.run(SEPARATE)
    status = house.until(Phase.FAILED)
    house.sim.step(10)
    assert status.error is not None
    assert status.error.reason == "DISK_FULL"
    for said in (status.error.message, status.error.remedy, "(DISK_FULL)", "It failed"):
        assert said in house.shown
    house.assert_unchanged(before)
    assert stem_files(house.folder) == []
    # The user makes room.
    resource.prlimit(pid, resource.RLIMIT_FSIZE, whole)
    house.sim.window.click("Try again")
    house.until_imported()
    house.settle()
    house.assert_the_same_is_heard(before)


def test_a_program_that_is_missing(house: ReaperHouse) -> None:
    project = saved_project(house, 1.0)
    before = house.hear(project)
    record = house.scripts / "Stemlift_install.json"
    program = "stemlift-reaper"
    text = record.read_text("utf-8")
    assert program in text
    record.write_text(text.replace(program, f"removed/{program}"), "utf-8")
    house.run(SEPARATE)
    (box,) = house.sim.boxes
    assert "is not there any more" in box.text
    assert "`stemlift reaper install`" in box.text
    assert house.sim.processes.commands == []
    house.assert_unchanged(before)


def test_a_program_that_does_not_start(house: ReaperHouse) -> None:
    project = saved_project(house, 1.0)
    before = house.hear(project)
    broken = house.folder / "broken"
    # Its Python is gone.
    broken.write_text("#!/nowhere/python\n")
    broken.chmod(0o755)
    record = house.scripts / "Stemlift_install.json"
    intact = record.read_bytes()
    record.write_text(
        f'{{"version": "0.1.0", "program": "{broken}", "windowless": "{broken}",'
        f' "jobs_folder": "{house.jobs}", "home": "{house.home.folder}"}}'
    )
    house.choose()
    house.run(SEPARATE)
    house.sim.step(40, 0.5)
    assert "gave no sign of life" in house.shown
    assert "`stemlift reaper doctor`" in house.shown
    house.assert_unchanged(before)
    record.write_bytes(intact)
    house.sim.window.click("Try again")
    house.until_imported()
    house.settle()
    house.assert_the_same_is_heard(before)


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


@pytest.mark.long
def test_helper_and_server_die_together(house: ReaperHouse, home: Home) -> None:
    if os.name == "nt":
        pytest.skip("there are no such signals")
    project = saved_project(house, LONG)
    before = house.hear(project)
    house.choose()
    house.run(SEPARATE)
    house.half_way()
    helper = house.helper()
    helper.send_signal(signal.SIGKILL)
    kill_server(home.folder)
    wait_for(lambda: not helper.is_running() and not home.server_pid(), "both to be gone")
    house.sim.step(60, 0.5)
    house.sim.window.click("Try again")
    house.until_imported()
    house.settle()
    assert len(house.server_jobs()) == 1
    assert len(stem_files(house.folder)) == SPECTRAL
    house.assert_the_same_is_heard(before)
