"""Setup: what it shows, registers, connects and collects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reaper_scripts_house import ESCAPE, SETUP, ScriptsHouse
from reaper_sim import Simulator

CONNECT = "Connect the program"


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    house = ScriptsHouse(sim, tmp_path)
    sim.current.add_track("Mix").add_item(house.song(), selected=True)
    return house


def test_setup_shows_what_the_doctor_says(house: ScriptsHouse) -> None:
    house.run(SETUP)
    house.turns(0.1)
    assert "Checking…" in house.shown
    # A portable REAPER is found nowhere else.
    asked = ["doctor", "--resource-path", str(house.sim.resource_path)]
    assert house.commands()[-1][1:4] == asked
    house.answer("ok  server\nok  device: cpu\n")
    assert f"Program: {house.program}" in house.shown.replace("\n", "")
    assert "ok  device: cpu" in house.shown
    house.sim.window.close()
    house.turns()


def test_setup_shows_why_the_doctor_fails(house: ScriptsHouse) -> None:
    house.run(SETUP)
    error = {"reason": "INTERNAL", "message": "It broke.", "remedy": "Report it."}
    house.answer(json.dumps({"error": error}))
    assert "It broke." in house.shown
    assert "Report it." in house.shown
    assert "INTERNAL" not in house.shown
    house.sim.window.close()
    house.turns()


def test_setup_without_an_installation(house: ScriptsHouse) -> None:
    (house.scripts / "Stemlift_install.json").unlink()
    house.run(SETUP)
    house.turns(0.1)
    assert "stemlift reaper install" in house.shown
    house.connect()
    house.sim.window.click("Check again")
    assert house.commands()[-1][1] == "doctor"
    house.sim.window.key(ESCAPE)
    house.turns()


def test_setup_registers_and_explains_the_clicks(house: ScriptsHouse) -> None:
    house.run(SETUP)
    house.turns(0.1)
    house.sim.window.click("Right-click menu…")
    house.turns(0.1)
    registered = {Path(action.path).name for action in house.sim.actions}
    assert registered == {path.name for path in house.scripts.glob("*.lua")}
    assert (40905, 0) in house.sim.commands
    for text in ("Media item context", "Click Add…", "Separate to tracks", "Save"):
        assert text in house.shown
    house.sim.window.click("Toolbar or shortcut…")
    house.turns(0.1)
    assert (40605, 0) in house.sim.commands
    assert "right-click a toolbar" in house.shown
    house.sim.window.click("Register the actions")
    house.turns(0.1)
    assert "The actions are in REAPER's action list; the main one is _RS" in house.shown
    house.sim.window.close()
    house.turns()


def test_setup_collects_a_support_bundle(house: ScriptsHouse) -> None:
    house.run(SETUP)
    house.answer("fine\n")
    house.sim.window.click("Support bundle…")
    words = house.commands()[-1]
    assert words[1] == "bundle"
    assert words[2].startswith(str(house.sim.resource_path / "Stemlift-support-"))
    assert words[3:5] == ["--resource-path", str(house.sim.resource_path)]
    house.answer(json.dumps({"bundle": words[2]}))
    assert "The support bundle is" in house.shown
    assert house.commands()[-1][0] == "/usr/bin/xdg-open"
    house.sim.window.close()
    house.turns()


def program_in(folder: Path) -> Path:
    program = folder / "stemlift-reaper"
    folder.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def leave(house: ScriptsHouse) -> None:
    house.sim.window.key(ESCAPE)
    house.turns()
    assert not house.sim.running


def test_setup_finds_the_program_of_scripts_that_came_without_it(
    house: ScriptsHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "the user"))
    program = program_in(tmp_path / "the user" / ".local" / "bin")
    (house.scripts / "Stemlift_install.json").unlink()
    house.run(SETUP)
    house.turns(0.1)
    assert str(program) in house.shown.replace(" ", "").replace("theuser", "the user")
    house.sim.window.click(CONNECT)
    words = house.commands()[-1]
    resource_path = str(house.sim.resource_path)
    assert words[:4] == [str(program), "connect", "--resource-path", resource_path]
    house.connect(program=str(program), windowless=str(program))
    house.answer(json.dumps({"connected": ["there"]}))
    assert "The scripts know the program now." in house.shown
    assert house.commands()[-1][1] == "doctor"
    assert CONNECT not in house.shown
    leave(house)


def test_a_program_that_setup_does_not_find_is_chosen(
    house: ScriptsHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "the user"))
    house.program.unlink()
    house.run(SETUP)
    house.turns(0.1)
    assert "is not there any more" in house.shown
    other = tmp_path / "stemlift"
    other.write_text("")
    house.sim.file_answers = [str(other)]
    house.sim.window.click(CONNECT)
    house.turns(0.1)
    assert "That is not the program." in house.shown
    assert house.commands() == []
    program = program_in(tmp_path / "elsewhere")
    house.sim.file_answers = [str(program)]
    house.sim.window.click(CONNECT)
    assert house.commands()[-1][:2] == [str(program), "connect"]
    error = {"reason": "OUTPUT_UNWRITABLE", "message": "It is read-only.", "remedy": "Unlock it."}
    house.answer(json.dumps({"error": error}))
    assert "It is read-only." in house.shown
    assert "Unlock it." in house.shown
    leave(house)


def test_setup_looks_where_windows_has_programs(
    house: ScriptsHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.sim.system = "Win64"
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "nobody"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "nobody"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    # As the simulated Windows of a POSIX system sees it.
    program = Path(f"{tmp_path}\\Programs\\Python\\Python312\\Scripts\\stemlift-reaper.exe")
    program.write_text("")
    house.program.unlink()
    house.run(SETUP)
    house.turns(0.1)
    assert "Python312" in house.shown
    leave(house)
