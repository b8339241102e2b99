"""Stems that are there, for other items that play the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from reaper_scripts_house import SEPARATE, ScriptsHouse
from reaper_sim import Simulator

from stemlift.reaper.messages import JobFile

LABEL = "Give them the stems too"


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    return ScriptsHouse(sim, tmp_path)


def test_others_that_play_the_same_can_have_the_stems(house: ScriptsHouse) -> None:
    track = house.sim.current.add_track("Mix")
    song = house.song()
    track.add_item(song, 0, 1, selected=True)
    others = [track.add_item(song, 2, 1), track.add_item(song, 4, 1)]
    house.run(SEPARATE)
    first = house.job
    plan = house.plan()
    plan["operations"] = plan["operations"][:3]
    plan["expects"] = plan["expects"][:1]
    house.say("done", plan=plan, offers=[item.guid for item in others])
    house.turns(3)
    # It does not close by itself.
    assert "2 other items play the same." in house.shown
    house.sim.window.click(LABEL)
    house.turns()
    assert house.job != first
    job = JobFile.model_validate_json((house.job / "job.json").read_bytes())
    assert job.reuse == first.name
    assert [item.guid for item in job.request.items] == [item.guid for item in others]
    assert all(item.selected for item in job.request.items)
    assert job.project_id == house.asked(first)["project_id"]
    assert "2 other items" not in house.shown
    assert house.commands()[-1][1:] == ["run", str(house.job)]
    house.say("cancelled")
    house.turns(3)
    assert not house.sim.running


def test_others_that_are_gone_are_said_to_be(house: ScriptsHouse) -> None:
    track = house.sim.current.add_track("Mix")
    track.add_item(house.song(), 0, 1, selected=True)
    house.run(SEPARATE)
    gone = "{00000000-0000-0000-0000-000000000001}"
    house.say("done", plan=house.plan(), offers=[gone])
    house.turns()
    assert "1 other item plays the same." in house.shown
    house.sim.window.click(LABEL)
    house.turns()
    assert "not there any more" in house.sim.boxes[-1].text
    assert len(house.folders()) == 1
    house.sim.window.click("Close")
    house.turns()
    assert not house.sim.running
