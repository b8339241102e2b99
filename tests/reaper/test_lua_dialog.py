"""The dialog: what is asked of the program, chosen, remembered and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reaper_scripts_house import CHOOSE, ENTER, ESCAPE, SEPARATE, ScriptsHouse
from reaper_sim import Simulator

VOCALS = "Stemlift_Vocals.lua"

# The answer as `stemlift-reaper models` gives it.
MODELS = [
    {
        "name": "htdemucs",
        "title": "Hybrid Transformer Demucs",
        "stems": ["vocals", "drums", "bass", "other"],
        "licence": "MIT",
        "commercial_use": "allowed",
        "masks": [],
        "speed": "medium",
        "installed": True,
        "auto": True,
    },
    {
        "name": "six",
        "title": "Six stems",
        "stems": ["vocals", "drums", "bass", "guitar", "piano", "other"],
        "licence": "CC BY-NC 4.0",
        "commercial_use": "forbidden",
        "masks": [],
        "speed": "slow",
        "installed": False,
        "auto": False,
    },
    {
        "name": "spectral",
        "title": "Spectral",
        "stems": ["vocals", "drums", "bass", "other"],
        "licence": "",
        "commercial_use": "unknown",
        "masks": ["binary", "ratio", "complex"],
        "speed": "fast",
        "installed": True,
        "auto": False,
    },
]


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    house = ScriptsHouse(sim, tmp_path)
    sim.current.add_track("Mix").add_item(house.song(), selected=True)
    return house


def choose(house: ScriptsHouse, field: str, entry: str) -> None:
    """Click the field beside a label, and take an entry of its menu."""
    house.sim.menu_answers = [entry]
    label = house.sim.window.find(field)
    house.sim.window.click((label.x + 200, label.centre[1]))


def end_job(house: ScriptsHouse) -> None:
    house.say("cancelled")
    house.turns(3)
    assert not house.sim.running


def test_models_come_from_the_program_and_choices_go_to_the_job(house: ScriptsHouse) -> None:
    house.run(CHOOSE)
    house.turns(0.1)
    (words,) = house.commands()
    assert words[:3] == [str(house.program), "models", "--output"]
    assert "1 item is selected" in house.shown
    assert "Reading the list of models…" in house.shown
    house.answer(json.dumps(MODELS))
    assert "Automatic (Hybrid Transformer Demucs)" in house.shown
    assert not Path(words[3]).exists()
    mit = "Hybrid Transformer Demucs · medium · MIT: music made with it may be sold"
    assert mit in house.shown
    licence = (
        "Six stems · slow · CC BY-NC 4.0: music made with it may NOT be sold · is fetched first"
    )
    choose(house, "Model", licence)
    assert licence in house.shown
    assert "Mask" not in house.shown
    for stem in ("guitar", "piano", "instrumental", "piano"):
        house.sim.window.click(stem)
    choose(house, "The remainder", "A stem of its own")
    choose(house, "Range", "Only the time selection")
    choose(house, "Stems go to", "New tracks after the item's track")
    choose(house, "The original", "Leave it as it is")
    choose(house, "Handles", "0.5 s")
    choose(house, "Take effects", "Leave them out")
    choose(house, "Other items", "Also those of the same source")
    house.sim.window.click("Separate")
    choices = house.asked()["request"]["choices"]
    assert choices == {
        "model": "six",
        "stems": ["guitar", "instrumental"],
        "remainder": "separate",
        "layout": "flat",
        "original": "keep",
        "take_fx": "leave_out",
        "handles": 0.5,
        "within_time_selection": True,
        "also_same_source": True,
    }
    end_job(house)


def test_a_mask_of_a_model_that_has_some(house: ScriptsHouse) -> None:
    house.run(CHOOSE)
    house.answer(json.dumps(MODELS))
    nobody = "unknown licence: nobody says whether music made with it may be sold"
    choose(house, "Model", f"Spectral · fast · {nobody}")
    house.turns(0.1)
    choose(house, "Mask", "Ratio (soft)")
    house.turns(0.1)
    assert "Ratio (soft)" in house.shown
    house.sim.window.click("Separate")
    choices = house.asked()["request"]["choices"]
    assert (choices["model"], choices["mask"]) == ("spectral", "ratio")
    end_job(house)
    # It is that model's alone.
    house.run(VOCALS)
    assert "mask" not in house.asked()["request"]["choices"]
    end_job(house)
    house.run(CHOOSE)
    house.answer(json.dumps(MODELS))
    choose(house, "Model", "Automatic: the best for the stems")
    assert "Mask" not in house.shown
    house.sim.window.click("Separate")
    assert "mask" not in house.asked()["request"]["choices"]
    end_job(house)


def test_choices_are_remembered_after_a_restart(house: ScriptsHouse) -> None:
    house.run(CHOOSE)
    house.answer(json.dumps(MODELS))
    house.sim.window.click("drums")
    choose(house, "Stems go to", "Takes of the item")
    house.sim.window.key(ENTER)
    house.turns()
    end_job(house)
    house.sim.restart()
    house.sim.current.add_track().add_item(house.song(), selected=True)
    house.run(CHOOSE)
    house.answer(json.dumps(MODELS))
    assert "Takes of the item" in house.shown
    house.sim.window.key(ENTER)
    house.turns()
    choices = house.asked()["request"]["choices"]
    assert (choices["layout"], choices["stems"]) == ("takes", ["drums"])
    end_job(house)
    # The one-click action has the settings, and all stems.
    house.run(SEPARATE)
    choices = house.asked()["request"]["choices"]
    assert (choices["layout"], choices["stems"]) == ("takes", [])
    end_job(house)


def test_a_model_that_is_gone_and_stems_it_alone_had(house: ScriptsHouse) -> None:
    kept = json.dumps({"model": "gone", "stems": ["strings", "bass"]})
    house.sim.set_ext_state("Stemlift", "choices", kept, True)
    house.run(CHOOSE)
    house.answer(json.dumps(MODELS))
    house.sim.window.click("Separate")
    choices = house.asked()["request"]["choices"]
    assert (choices["model"], choices["stems"]) == ("auto", ["bass"])
    end_job(house)


@pytest.mark.parametrize("how", ["escape", "button", "close"])
def test_leaving_the_dialog_changes_nothing(house: ScriptsHouse, how: str) -> None:
    script = house.run(CHOOSE)
    house.answer(json.dumps(MODELS))
    house.sim.window.click("drums")
    if how == "escape":
        house.sim.window.key(ESCAPE)
    elif how == "button":
        house.sim.window.click("Cancel")
    else:
        house.sim.window.close()
    house.turns()
    assert not script.running
    assert house.folders() == []
    assert "choices" not in house.sim.ext_state.get("Stemlift", {})


def test_a_program_that_cannot_list_models_says_why(house: ScriptsHouse) -> None:
    house.run(CHOOSE)
    error = {"reason": "SERVER_START", "message": "The server does not start.", "remedy": "Look."}
    house.answer(json.dumps({"error": error}))
    assert "The server does not start. Look." in " ".join(house.shown.split())
    house.sim.window.click("Separate")
    assert house.asked()["request"]["choices"]["model"] == "auto"
    end_job(house)


def test_no_selection_no_dialog(house: ScriptsHouse) -> None:
    house.sim.current.tracks[0].items[0].set("B_UISEL", 0)
    script = house.run(CHOOSE)
    assert not script.running
    assert "No item is selected" in house.sim.boxes[-1].text
