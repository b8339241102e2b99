"""Text that is too long for a window, and docking."""

from __future__ import annotations

from pathlib import Path

import pytest
from reaper_scripts_house import CHOOSE, QUEUE, SEPARATE, ScriptsHouse
from reaper_sim import Simulator

LONG = "A very long title of a song that nobody could have thought of " * 3
UNBROKEN = "Einheitenüberschreitungsgesamtaufnahme_" * 4


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    return ScriptsHouse(sim, tmp_path)


def select(house: ScriptsHouse, name: str) -> None:
    house.sim.current.add_track("Mix").add_item(house.song(name), selected=True)


def assert_inside(house: ScriptsHouse) -> None:
    window = house.sim.window
    width = window.script.gfx_table["w"]
    for drawn in window.frame:
        assert drawn.x >= 0
        assert drawn.x + drawn.w <= width, drawn


def end(house: ScriptsHouse) -> None:
    for job in house.folders():
        house.say("cancelled", job)
    while [script for script in house.sim.running if script.window.open]:
        house.sim.window.close()
        house.turns()
    house.turns(3)


@pytest.mark.parametrize("name", [LONG, UNBROKEN, "a\ttab", "☃" * 60])
@pytest.mark.parametrize("queue", [False, True])
def test_a_title_is_all_there(house: ScriptsHouse, name: str, queue: bool) -> None:
    select(house, f"{name}.wav")
    house.run(SEPARATE)
    house.say("running", fraction=0.5)
    if queue:
        house.run(QUEUE)
        house.turns()
    assert_inside(house)
    shown = "".join(house.sim.window.texts).replace(" ", "").replace("\t", "")
    assert f"{name}.wav".replace(" ", "").replace("\t", "") in shown
    end(house)


def test_what_a_narrow_window_cuts_shows_under_the_mouse(house: ScriptsHouse) -> None:
    select(house, "a song.wav")
    house.run(CHOOSE)
    house.turns()
    window = house.sim.window
    window.resize(230, 500)
    house.turns()
    assert_inside(house)
    whole = "New tracks inside the item's track  ▾"
    assert whole not in house.shown
    (cut,) = [text for text in window.texts if text.startswith("New") and text.endswith("…")]
    assert len(cut) > 3
    window.move(cut)
    house.turns(0.1)
    assert_inside(house)
    assert whole.replace(" ", "") in "".join(window.texts).replace(" ", "")
    # Beside it, nothing shows any more.
    window.move((5, 5))
    house.turns(0.1)
    assert whole.replace(" ", "") not in "".join(window.texts).replace(" ", "")
    end(house)


def test_a_button_stays_inside_the_window(house: ScriptsHouse) -> None:
    select(house, "a song.wav")
    house.run(SEPARATE)
    house.say("done", plan=house.plan(), offers=["{1}"])
    house.sim.window.resize(205, 300)
    house.turns()
    assert_inside(house)
    end(house)


def test_a_right_click_docks_the_window_and_undocks_it(house: ScriptsHouse) -> None:
    select(house, "a song.wav")
    house.run(SEPARATE)
    house.say("running")
    window = house.sim.window
    house.sim.menu_answers = ["Dock this window"]
    window.click((20, 20), button=2)
    assert window.dock & 1
    assert house.sim.menus[-1] == "Dock this window"
    house.sim.menu_answers = ["Dock this window"]
    window.click((20, 20), button=2)
    assert house.sim.menus[-1] == "!Dock this window"
    assert window.dock & 1 == 0
    # Nothing was chosen.
    window.click((20, 20), button=2)
    assert window.dock & 1 == 0
    end(house)
