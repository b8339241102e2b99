"""Files of jobs that were damaged: no script ends of them, and other jobs are shown as before."""

from __future__ import annotations

from pathlib import Path

import pytest
from reaper_scripts_house import IMPORT, QUEUE, SEPARATE, ScriptsHouse
from reaper_sim import Simulator

WHOLE = '{"version": 1, "updated": 1, "phase": '
STATUSES = [
    "null",
    "[]",
    '{"version": 1}',
    WHOLE + "7}",
    WHOLE + '"running", "fraction": "x"}',
    WHOLE + '"running", "stage": 5}',
    WHOLE + '"failed", "error": "boom"}',
    WHOLE + '"nothing", "skipped": [{}]}',
    WHOLE + '"done", "warnings": "x"}',
    WHOLE + '"done", "plan": {}}',
    WHOLE + '"done", "plan": {"operations": [], "expects": []}}',
    WHOLE + '"done", "plan": {"operations": 3, "expects": [{}], "undo_label": "x"}}',
    WHOLE + '"done", "plan": {"operations": [null], "expects": [], "undo_label": "x"}}',
    WHOLE + '"done", "offers": [null]}',
]
REQUEST = '{"project": {"path": "", "media_folder": ""}, "items": [], "tracks": []}'
JOBS = [
    "",
    "[",
    "[]",
    '{"request": {}}',
    '{"request": {"project": null}}',
    '{"request": {"project": {"path": "", "media_folder": ""}, "items": 3, "tracks": "x"}}',
    f'{{"request": {REQUEST}, "created": "x"}}',
    "[" * 5000,
]


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    house = ScriptsHouse(sim, tmp_path)
    sim.current.add_track("Mix").add_item(house.song(), selected=True)
    return house


def close(house: ScriptsHouse) -> None:
    while [script for script in house.sim.running if script.window.open]:
        house.sim.window.close()
        house.turns()
    house.turns(3)


@pytest.mark.parametrize("text", STATUSES)
def test_a_status_that_is_damaged_can_be_tried_again(house: ScriptsHouse, text: str) -> None:
    project = house.sim.current
    house.run(SEPARATE)
    plan = house.plan()
    before = project.text()
    (house.job / "status.json").write_text(text)
    house.turns(3)
    assert "its status.json is damaged" in house.shown
    assert "(STATUS_BROKEN)" in house.shown
    assert project.text() == before
    house.sim.window.click("Try again")
    assert len(house.commands()) == 2
    house.say("done", plan=plan)
    assert (house.job / "imported").exists()
    house.turns(3)
    close(house)


@pytest.mark.lua("lua54")
def test_a_damaged_job_hides_no_other(house: ScriptsHouse) -> None:
    house.run(SEPARATE)
    house.turns(0.1)
    good = house.job
    house.sim.restart()
    house.say("failed", good)
    said = (good / "status.json").read_text()
    for number, text in enumerate((*JOBS, *STATUSES)):
        bad = house.jobs / f"{number:016X}"
        bad.mkdir()
        is_job = number < len(JOBS)
        (bad / "job.json").write_text(text if is_job else (good / "job.json").read_text())
        (bad / "status.json").write_text(said if is_job else text)
    for script in (QUEUE, IMPORT):
        house.run(script)
        house.turns(3)
        assert house.sim.window.open
        if script == QUEUE:
            assert "It failed" in house.shown
        close(house)
