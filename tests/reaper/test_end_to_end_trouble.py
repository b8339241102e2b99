"""What goes wrong between a click and its stems: nothing is lost, no project is spoilt."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_server import Home, home_in, wait_for
from reaper_house import (
    ReaperHouse,
    saved_project,
    stem_files,
)
from reaper_jobs import kill_server
from reaper_scripts_house import QUEUE, SEPARATE
from reaper_sim import Simulator

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
    try:
        house.choose()
        house.run(SEPARATE)
        status = house.until(Phase.FAILED)
        house.sim.step(10)
        assert status.error is not None
        assert status.error.reason == "DISK_FULL"
        # A long path fills more than a line.
        shown = house.shown.replace(" ", "")
        for said in (status.error.message, status.error.remedy, "(DISK_FULL)", "It failed"):
            assert said.replace(" ", "") in shown
        house.assert_unchanged(before)
        assert stem_files(house.folder) == []
    finally:
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
