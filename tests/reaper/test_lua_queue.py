"""The queue: it finds every job again, and what can be done with each works."""

from __future__ import annotations

from pathlib import Path

import pytest
from reaper_scripts_house import ESCAPE, QUEUE, SEPARATE, ScriptsHouse
from reaper_sim import Simulator
from reaper_sim.items import Item

from stemlift.reaper.messages import JobFile

GIVE = "Give them the stems too"
TROUBLE = {"reason": "DISK_FULL", "message": "The disk is full.", "remedy": "Free some space."}


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    house = ScriptsHouse(sim, tmp_path)
    sim.current.add_track("Mix").add_item(house.song(), selected=True)
    return house


def close_all(house: ScriptsHouse) -> None:
    while [script for script in house.sim.running if script.window.open]:
        house.sim.window.close()
        house.turns()
    house.turns(3)


def end(house: ScriptsHouse) -> None:
    """All jobs end, and so do the scripts."""
    for job in house.folders():
        house.say("cancelled", job)
    house.turns(3)
    close_all(house)


def left_alone(house: ScriptsHouse) -> Path:
    """A job that nobody watches any more."""
    house.run(SEPARATE)
    house.turns(0.1)
    house.sim.restart()
    return house.job


def test_the_queue_after_a_restart(house: ScriptsHouse) -> None:
    for _ in range(4):
        house.run(SEPARATE)
        house.turns(0.1)
    running, failed, waiting, over = house.folders()
    house.say(
        "running", running, fraction=0.5, seconds_left=65, device="NVIDIA GPU", model="htdemucs"
    )
    error = {"reason": "DISK_FULL", "message": "The disk is full.", "remedy": "Free some space."}
    house.say("failed", failed, error=error)
    house.say("waiting", waiting)
    house.say("cancelled", over)
    house.sim.restart()
    assert not house.sim.running
    (house.jobs / "something else").mkdir()
    started = len(house.commands())
    house.run(QUEUE)
    house.turns()
    assert house.shown.count("a song.wav") == 3
    assert "50 % · 1:05 left · htdemucs · NVIDIA GPU" in house.shown
    for text in ("Waiting for another job…", "The disk is full. Free some space. (DISK_FULL)"):
        assert text in house.shown
    house.sim.window.resize(520, 900)
    house.sim.window.click("Try again")
    assert [words[1:] for words in house.commands()[started:]] == [["run", str(failed)]]
    house.sim.window.click("Show folder")
    assert house.commands()[-1][0] == "/usr/bin/xdg-open"
    house.sim.window.click("Cancel")
    assert (running / "cancel").exists()
    house.sim.window.key(ESCAPE)
    house.turns()
    assert not house.sim.running


@pytest.mark.parametrize(
    ("system", "program"),
    [("Win64", "explorer.exe"), ("OSX64", "/usr/bin/open"), ("Other", "/usr/bin/xdg-open")],
)
def test_the_folder_is_shown_by_the_system(house: ScriptsHouse, system: str, program: str) -> None:
    house.run(SEPARATE)
    house.say("waiting")
    house.sim.system = system
    house.run(QUEUE)
    house.turns()
    house.sim.window.click("Show folder")
    line, timeout = house.sim.processes.commands[-1]
    assert program in line
    assert timeout == -1
    assert house.job.name in line.replace("\\", "/")
    house.sim.window.close()
    house.turns()
    end(house)


@pytest.mark.parametrize("takes", [False, True])
def test_the_folder_of_stems_where_there_are_some(
    house: ScriptsHouse, tmp_path: Path, takes: bool
) -> None:
    house.run(SEPARATE)
    plan = house.plan()
    stem = house.song("made/the vocals.wav")
    before = str(house.folder / "music" / "a song.wav")
    for operation in plan["operations"]:
        if operation["do"] == "insert_item":
            operation["chunk"] = operation["chunk"].replace(before, str(stem))
    if takes:
        # The first file of the chunk is the item's own.
        (item,) = house.asked()["request"]["items"]
        file = next(line for line in item["chunk"].splitlines() if "FILE" in line)
        chunk = item["chunk"].replace(file, f"{file}\n{file.replace(before, str(stem))}")
        plan["operations"] = [{"do": "replace_item", "item": item["guid"], "chunk": chunk}]
    house.sim.project(tmp_path / "another.rpp")
    house.say("done", plan=plan)
    close_all(house)
    house.run(QUEUE)
    house.turns()
    house.sim.window.click("Show folder")
    assert house.commands()[-1] == ["/usr/bin/xdg-open", str(stem.parent)]
    stem.unlink()
    house.sim.window.click("Show folder")
    assert house.commands()[-1] == ["/usr/bin/xdg-open", str(house.job)]
    end(house)


def test_the_queue_of_nothing(house: ScriptsHouse) -> None:
    house.run(QUEUE)
    house.turns()
    assert "Nothing runs, waits or failed" in house.shown
    close_all(house)


@pytest.mark.parametrize("never_started", [True, False])
def test_a_job_that_does_not_go_on_is_forgotten(house: ScriptsHouse, never_started: bool) -> None:
    job = left_alone(house)
    if never_started:
        house.turns(20)
    else:
        house.say("failed", job, error=TROUBLE)
    house.run(QUEUE)
    house.turns()
    assert ("It did not start" if never_started else "It failed") in house.shown
    house.sim.window.click("Forget")
    house.turns()
    assert "a song.wav" not in house.shown
    assert house.commands()[-1][1:] == ["forget", str(job)]
    # The mark alone does it, should the program never start.
    assert (job / "forgotten").exists()
    close_all(house)
    house.run(QUEUE)
    house.turns(5)
    assert "Nothing runs, waits or failed" in house.shown
    close_all(house)


def test_a_running_job_is_cancelled_not_forgotten(house: ScriptsHouse) -> None:
    job = left_alone(house)
    house.say("running", job)
    house.run(QUEUE)
    house.turns()
    assert "Cancel" in house.shown
    assert "Forget" not in house.shown
    end(house)


@pytest.mark.parametrize("sure", [True, False])
def test_stems_that_wait_are_forgotten_only_when_that_is_meant(
    house: ScriptsHouse, sure: bool
) -> None:
    job = left_alone(house)
    house.say("done", job, plan=house.plan(job))
    house.run(QUEUE)
    house.turns()
    house.sim.box_answers = [6 if sure else 7]
    house.sim.window.click("Forget")
    house.turns()
    assert "They stay where they are" in house.sim.boxes[-1].text
    assert (job / "forgotten").exists() == sure
    assert ("a song.wav" in house.shown) != sure
    close_all(house)


def test_a_forgotten_job_leaves_the_progress_window_too(house: ScriptsHouse) -> None:
    house.run(SEPARATE)
    house.say("failed", error=TROUBLE)
    watch = house.sim.running[-1]
    (house.job / "forgotten").touch()
    house.turns()
    assert not watch.running


def test_a_folder_that_cannot_be_written_is_said(house: ScriptsHouse) -> None:
    job = left_alone(house)
    house.say("failed", job, error=TROUBLE)
    (job / "forgotten").mkdir()
    house.run(QUEUE)
    house.turns()
    house.sim.window.click("Forget")
    assert "could not be forgotten" in house.sim.boxes[-1].text
    assert "It failed" in house.shown
    close_all(house)


def offered(house: ScriptsHouse) -> tuple[Path, list[Item]]:
    """A job that came in, and two items that could have its stems; its window was closed."""
    (track,) = house.sim.current.tracks
    others = [track.add_item(house.song(), at, 1) for at in (10, 20)]
    house.run(SEPARATE)
    job = house.job
    plan = house.plan()
    plan["operations"] = plan["operations"][:3]
    plan["expects"] = plan["expects"][:1]
    house.say("done", plan=plan, offers=[item.guid for item in others])
    close_all(house)
    return job, others


def test_the_queue_offers_stems_to_others_too(house: ScriptsHouse) -> None:
    job, others = offered(house)
    house.run(QUEUE)
    house.turns()
    assert "a song.wav" in house.shown
    assert "The stems are in the project" in house.shown
    assert "2 other items play the same." in house.shown
    # A muted one has its stems already, or nobody misses them.
    others[0].set("B_MUTE", 1)
    house.sim.current.changes += 1
    house.turns(3)
    assert "1 other item plays the same." in house.shown
    house.sim.window.click(GIVE)
    house.turns()
    asked = JobFile.model_validate_json((house.job / "job.json").read_bytes())
    assert asked.reuse == job.name
    assert [item.guid for item in asked.request.items] == [others[1].guid]
    assert "plays the same" not in house.shown
    # One click is enough: they come in when they are there.
    before = len(house.sim.current.tracks)
    house.say("done", plan=house.plan(house.job))
    house.turns(3)
    assert len(house.sim.current.tracks) == before + 2
    assert (house.job / "imported").exists()
    close_all(house)
    house.run(QUEUE)
    house.turns()
    assert "Nothing runs, waits or failed" in house.shown
    close_all(house)


def test_an_offer_can_be_turned_down(house: ScriptsHouse) -> None:
    job, _ = offered(house)
    house.run(QUEUE)
    house.turns()
    house.sim.window.click("Leave them alone")
    house.turns()
    assert "plays the same" not in house.shown
    assert (job / "imported").read_bytes() == b""
    close_all(house)


def test_an_offer_is_for_the_project_in_front(house: ScriptsHouse) -> None:
    offered(house)
    project = house.sim.current
    other = house.sim.project()
    house.run(QUEUE)
    house.turns()
    assert "Nothing runs, waits or failed" in house.shown
    house.sim.switch(project)
    house.turns(3)
    assert "2 other items play the same." in house.shown
    # What was offered and is gone.
    (track,) = [track for track in project.tracks if track.name == "Mix"]
    del track.items[1:]
    house.sim.switch(other)
    house.turns(3)
    house.sim.switch(project)
    house.turns(3)
    assert "play the same" not in house.shown
    close_all(house)
