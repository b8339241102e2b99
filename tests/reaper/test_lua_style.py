"""The scripts as files: globals, headers, and names that exist in REAPER."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "reaper_scripts"
ENTRIES = sorted(FOLDER.glob("*.lua"))
MODULES = sorted((FOLDER / "lib").glob("*.lua"))
TABLES = {"reaper", "gfx"}


def code_of(path: Path) -> str:
    """Without comments and strings."""
    text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', '""', text)


@pytest.mark.parametrize("path", [*ENTRIES, *MODULES], ids=lambda p: p.name)
def test_both_luas_read_it(path: Path) -> None:
    for lua in ("lua53", "lua54"):
        runtime = importlib.import_module(f"lupa.{lua}").LuaRuntime()
        load = runtime.eval("function(text) local f, e = load(text) return f ~= nil, e end")
        assert load(path.read_text(encoding="utf-8")) == (True, None)


def test_luacheck_finds_nothing() -> None:
    program = shutil.which("luacheck")
    if program is None:
        pytest.skip("luacheck is not installed")
    found = subprocess.run(
        [program, "--no-color", "."], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


def test_modules_set_no_globals() -> None:
    """What luacheck would find, where it is not installed: each module is run and looked at."""
    for lua in ("lua53", "lua54"):
        runtime = importlib.import_module(f"lupa.{lua}").LuaRuntime()
        load = runtime.eval(
            """function(folder, names)
              local before = {}
              for name in pairs(_G) do before[name] = true end
              local function nothing() return "" end
              reaper, gfx = setmetatable({}, {__index = function() return nothing end}), {}
              local use = dofile(folder .. "/lib/load.lua")(folder .. "/")
              for name in names:gmatch("%S+") do use(name) end
              local new = {}
              for name in pairs(_G) do if not before[name] then new[#new + 1] = name end end
              table.sort(new)
              return table.concat(new, " ")
            end"""
        )
        names = " ".join(path.stem for path in MODULES if path.stem != "load")
        assert set(load(str(FOLDER), names).split()) == TABLES


@pytest.mark.parametrize("path", [*ENTRIES, *MODULES], ids=lambda p: p.name)
def test_every_function_is_one_of_reapers(path: Path) -> None:
    from reaper_sim.contract import functions
    from reaper_sim.window import VARIABLES

    code = code_of(path)
    known = set(functions())
    assert {m for m in re.findall(r"\breaper\.(\w+)", code) if m not in known} == set()
    drawn = {m for m in re.findall(r"\bgfx\.(\w+)", code) if m not in VARIABLES}
    assert {m for m in drawn if f"gfx.{m}" not in known} == set()


@pytest.mark.parametrize("path", ENTRIES, ids=lambda p: p.name)
def test_headers_are_reapacks(path: Path) -> None:
    import stemlift

    text = path.read_text(encoding="utf-8")
    head = text.split("\n\n")[0]
    for tag in (
        "description Stemlift: ",
        f"version {stemlift.__version__}",
        "author Stemlift",
        "about",
    ):
        assert f"-- @{tag}" in head
    assert ("[nomain] lib/*.lua" in head) == (path.stem == "Stemlift_Separate to tracks")


def test_the_scripts_know_their_version() -> None:
    import stemlift

    paths = (FOLDER / "lib" / "paths.lua").read_text(encoding="utf-8")
    assert f'paths.VERSION = "{stemlift.__version__}"' in paths


def test_setup_registers_every_script() -> None:
    setup = (FOLDER / "lib" / "setup.lua").read_text(encoding="utf-8")
    for path in ENTRIES:
        assert f'"{path.name}"' in setup


def test_nothing_waits_for_a_process() -> None:
    """ExecProcess with 0 or more milliseconds would hold REAPER up."""
    found = []
    for path in MODULES:
        found += re.findall(r"ExecProcess\(.*,\s*(-?\d+)\)", code_of(path))
    assert found
    assert set(found) <= {"-1", "-2"}
