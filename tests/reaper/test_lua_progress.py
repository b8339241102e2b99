"""The progress window and the queue: what they show, and what their buttons do."""

from __future__ import annotations

from pathlib import Path

import pytest
from reaper_scripts_house import ESCAPE, SEPARATE, ScriptsHouse
from reaper_sim import Simulator


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    house = ScriptsHouse(sim, tmp_path)
    sim.current.add_track("Mix").add_item(house.song(), selected=True)
    return house


def close_all(house: ScriptsHouse) -> None:
    while [script for script in house.sim.running if script.window.open]:
        house.sim.window.close()
        house.turns()


def end(house: ScriptsHouse) -> None:
    """All jobs end, and so do the scripts."""
    for job in house.folders():
        house.say("cancelled", job)
    house.turns(3)
    close_all(house)
    house.turns(3)


def test_what_a_running_job_shows(house: ScriptsHouse) -> None:
    house.run(SEPARATE)
    house.turns()
    assert "Starting Stemlift…" in house.shown
    house.say("planning")
    assert "Looking at the items…" in house.shown
    house.say("waiting", stage="waiting for another job")
    assert "Waiting for another job" in house.shown
    house.say(
        "running",
        stage="separating",
        fraction=0.426,
        seconds_left=80.4,
        device="NVIDIA GPU",
        model="htdemucs_ft",
        jobs_done=1,
        jobs_total=3,
        warnings=["The take has effects."],
        skipped=[
            {"item": "a", "reason": "midi", "sentence": ""},
            {"item": "b", "reason": "midi", "sentence": ""},
            {"item": "c", "reason": "empty", "sentence": ""},
        ],
    )
    assert "a song.wav" in house.shown
    assert "Separating · 42 % · 1:20 left · 1 of 3 ranges done" in house.shown
    assert "htdemucs_ft · NVIDIA GPU" in house.shown
    assert "Left alone: 2 MIDI, 1 empty." in house.shown
    assert "The take has effects." in house.shown
    bars = [d for d in house.sim.window.frame if d.kind == "rect" and d.h == 10]
    assert bars[1].w == pytest.approx(0.426 * bars[0].w, abs=1)
    end(house)


def test_nothing_to_separate_says_why(house: ScriptsHouse) -> None:
    house.run(SEPARATE)
    skipped = [{"item": "a", "reason": "subproject", "sentence": ""}]
    house.say("nothing", skipped=skipped)
    house.turns(3)
    assert "There is nothing to separate" in house.shown
    assert "Left alone: 1 subproject." in house.shown
    house.sim.window.click("Close")
    house.turns()
    assert not house.sim.running


def test_a_failure_has_reason_message_and_remedy(house: ScriptsHouse) -> None:
    script = house.run(SEPARATE)
    trouble = {"reason": "DISK_FULL", "message": "The disk is full.", "remedy": "Free some space."}
    house.say("failed", error=trouble)
    for text in ("It failed", "The disk is full.", "Free some space.", "(DISK_FULL)"):
        assert text in house.shown
    house.sim.window.click("Try again")
    assert [words[1:] for words in house.commands()] == [["run", str(house.job)]] * 2
    house.turns()
    assert "Starting Stemlift…" in house.shown
    house.say("running", fraction=0.5)
    assert "50 %" in house.shown
    end(house)
    assert not script.running


@pytest.mark.parametrize("by_key", [True, False])
def test_cancel(house: ScriptsHouse, by_key: bool) -> None:
    script = house.run(SEPARATE)
    house.say("running")
    if by_key:
        house.sim.window.key(ESCAPE)
    else:
        house.sim.window.click("Cancel")
    assert (house.job / "cancel").is_file()
    house.turns()
    assert "Cancelling…" in house.shown
    house.say("cancelled")
    assert "Cancelled" in house.shown
    house.turns(3)
    assert not script.running


def test_a_program_that_does_not_start(house: ScriptsHouse) -> None:
    house.run(SEPARATE)
    house.sim.step(94, 0.15)
    assert "Starting" in house.shown
    house.sim.step(14, 0.15)
    assert "no sign of life within 15 seconds" in house.shown
    assert "Run Stemlift_Setup" in house.shown
    house.sim.window.click("Close")
    house.turns()
    assert not house.sim.running


def test_a_helper_that_died_is_started_again_on_the_same_folder(house: ScriptsHouse) -> None:
    house.run(SEPARATE)
    house.say("running", fraction=0.3)
    house.turns(9)
    assert "30 %" in house.shown
    house.turns(3)
    assert "stopped before the stems were there" in house.shown
    house.sim.window.click("Try again")
    house.turns()
    assert "Starting Stemlift…" in house.shown
    assert house.commands()[-1][1:] == ["run", str(house.job)]
    end(house)


def test_a_helper_of_another_version(house: ScriptsHouse) -> None:
    house.run(SEPARATE)
    house.say("running", version=2)
    assert "speaks version 2" in house.shown
    assert "stemlift reaper install" in house.shown
    house.sim.window.click("Close")
    house.turns()
    assert not house.sim.running


def test_scripts_and_program_of_two_releases(house: ScriptsHouse) -> None:
    house.connect(version="9.9.9")
    house.run(SEPARATE)
    house.say("running")
    assert "The scripts are of version 0.1.0, the program of version 9.9.9." in house.shown
    end(house)


def test_closing_the_window_leaves_the_job_and_its_stems_come_in(house: ScriptsHouse) -> None:
    script = house.run(SEPARATE)
    house.say("running")
    house.sim.window.close()
    house.turns()
    assert script.running
    assert not script.window.open
    assert not (house.job / "cancel").exists()
    house.say("done", plan=house.plan())
    assert (house.job / "imported").exists()
    house.turns(3)
    assert not script.running


def test_the_window_comes_back_for_bad_news(house: ScriptsHouse) -> None:
    script = house.run(SEPARATE)
    house.say("running")
    house.sim.window.close()
    house.turns()
    trouble = {"reason": "DISK_FULL", "message": "The disk is full.", "remedy": "Free some space."}
    house.say("failed", error=trouble)
    assert "The disk is full." in house.shown
    close_all(house)
    assert not script.running


def test_two_jobs_share_one_window(house: ScriptsHouse) -> None:
    first = house.run(SEPARATE)
    house.say("running", fraction=0.25)
    one = house.job
    second = house.run("Stemlift_Vocals.lua")
    house.turns()
    assert not second.running
    house.say("waiting")
    assert "25 %" in house.shown
    assert "Waiting for another job…" in house.shown
    house.say("cancelled")
    house.turns(3)
    assert first.running
    house.say("cancelled", one)
    house.turns(3)
    assert not house.sim.running


def test_a_script_that_is_ended_hands_its_jobs_over(house: ScriptsHouse) -> None:
    """As REAPER does when the action is run again."""
    first = house.run(SEPARATE)
    house.say("running", fraction=0.25)
    one = house.job
    first.stop()
    house.run(SEPARATE)
    house.turns()
    assert "25 %" in house.shown or house.say("running", one, fraction=0.26) is None
    assert house.shown.count("a song.wav") == 2
    end(house)


def test_the_place_of_the_window_is_remembered(house: ScriptsHouse) -> None:
    house.run(SEPARATE)
    house.turns()
    window = house.sim.window
    window.position = (640.0, 480.0)
    window.dock = 257
    window.resize(500, 300)
    house.turns()
    end(house)
    house.run(SEPARATE)
    house.turns()
    again = house.sim.window
    assert (again.position, again.dock) == ((640.0, 480.0), 257)
    assert (again.script.gfx_table["w"], again.script.gfx_table["h"]) == (500, 300)
    end(house)


def test_the_theme_colours_it(house: ScriptsHouse) -> None:
    house.sim.theme_colours = {
        "col_main_bg2": 0x102030,
        "col_main_text2": 0xF0E0D0,
        "col_main_editbk": 0x000000,
    }
    house.run(SEPARATE)
    house.turns()
    frame = house.sim.window.frame
    assert frame[0].colour[:3] == pytest.approx((0x10 / 255, 0x20 / 255, 0x30 / 255))
    assert house.sim.window.find("a song.wav").colour[:3] == pytest.approx(
        (0xF0 / 255, 0xE0 / 255, 0xD0 / 255)
    )
    end(house)


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda h: (h.scripts / "Stemlift_install.json").unlink(), "stemlift reaper install"),
        (lambda h: (h.scripts / "Stemlift_install.json").write_text("{"), "cannot be understood"),
        (lambda h: h.program.unlink(), "is not there any more"),
        (lambda h: h.sim.current.tracks[0].items[0].set("B_UISEL", 0), "No item is selected"),
        (lambda h: h.sim.hide("GetItemStateChunk"), "It lacks GetItemStateChunk"),
        (lambda h: h.connect(jobs_folder="/proc/no/such"), "cannot be written"),
    ],
)
def test_what_is_missing_is_said_in_a_box(house: ScriptsHouse, break_it, says: str) -> None:  # type: ignore[no-untyped-def]
    break_it(house)
    script = house.run(SEPARATE)
    assert not script.running
    assert says in house.sim.boxes[-1].text
    assert house.sim.processes.commands == []


def test_an_old_reaper_is_refused(house: ScriptsHouse) -> None:
    house.sim.version = "6.13/linux-x86_64"
    house.run(SEPARATE)
    assert "REAPER 6.44 or newer; this is 6.13" in house.sim.boxes[-1].text
