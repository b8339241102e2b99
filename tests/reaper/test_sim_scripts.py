"""The simulated REAPER as scripts meet it: calls, types, defer, states, processes, windows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from reaper_sim import Simulator


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    path = tmp_path / "a song.wav"
    soundfile.write(path, np.zeros((44100, 2)), 44100)
    return path


def values(sim: Simulator, *expressions: str) -> list[str]:
    """What Lua prints for expressions."""
    sim.console = ""
    sim.run_text("".join(f"reaper.ShowConsoleMsg(tostring(({e})) .. '\\n')\n" for e in expressions))
    return sim.console.splitlines()


def test_numbers_have_reapers_types(sim: Simulator, wave: Path) -> None:
    sim.current.add_track("Drums").add_item(wave, 2.0)
    assert values(
        sim,
        "reaper.CountMediaItems(0)",
        "reaper.GetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'D_POSITION')",
        "math.type(reaper.GetMediaTrackInfo_Value(reaper.GetTrack(0, 0), 'I_FOLDERDEPTH'))",
        "reaper.GetTrack(0, 1)",
        "select(2, reaper.GetTrackName(reaper.GetTrack(0, 0)))",
        "_VERSION",
    ) == ["1", "2.0", "float", "nil", "Drums", f"Lua 5.{sim.lua[-1]}"]


def test_pointers_compare_and_index(sim: Simulator) -> None:
    sim.current.add_track()
    assert values(
        sim,
        "reaper.GetTrack(0, 0) == reaper.GetTrack(0, 0)",
        "({[reaper.GetTrack(0, 0)] = 'found'})[reaper.GetTrack(0, 0)]",
        "type(reaper.GetTrack(0, 0))",
        "reaper.GetTrack(0, 0) == reaper.GetMasterTrack(0)",
    ) == ["true", "found", "userdata", "false"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("reaper.GetTrack(0)", "got 1 arguments"),
        ("reaper.GetTrack(0, 0, 0)", "got 3 arguments"),
        ("reaper.GetTrack(0, '0')", "argument 2"),
        ("reaper.GetTrack(0, 0.5)", "argument 2"),
        ("reaper.GetTrackName('x')", "argument 1"),
        ("reaper.GetTrackName(nil)", "argument 1"),
        ("reaper.GetTakeName(reaper.GetMediaItem(0, 0))", "argument 1"),
        ("reaper.ValidatePtr2(0, nil, 'MediaItem')", "no type of pointer"),
        ("reaper.PreventUIRefresh(-1)", "without"),
        ("reaper.Undo_EndBlock2(0, 'x', -1)", "without"),
        ("reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'B_MUTE', true)", "argument 3"),
        ("reaper.SetExtState('a', 'b', 'c', 1)", "argument 4"),
        ("reaper.GetTrak(0, 0)", "does not have"),
        ("gfx.drawstring('a')", "does not have"),
        ("reaper.TrackFX_Show(reaper.GetTrack(0, 0), 0, 1)", "NotImplementedError"),
    ],
)
def test_wrong_use_is_found_even_where_a_script_hides_it(
    sim: Simulator, wave: Path, call: str, says: str
) -> None:
    sim.current.add_track().add_item(wave)
    sim.run_text(f"pcall(function() return {call} end)")
    assert len(sim.violations) == 1
    assert says in sim.violations[0]
    sim.violations.clear()


def test_a_pointer_to_what_was_deleted_is_refused(sim: Simulator) -> None:
    sim.current.add_track()
    sim.run_text(
        "local t = reaper.GetTrack(0, 0) reaper.DeleteTrack(t)"
        "assert(not reaper.ValidatePtr2(0, t, 'MediaTrack*'))"
        "pcall(reaper.GetTrackGUID, t)"
    )
    assert "stale" in sim.violations.pop()


def test_extensions_and_newer_functions_are_absent_unless_asked(sim: Simulator) -> None:
    sim.version = "6.40/linux-x86_64"
    asked = (
        "reaper.BR_GetMediaItemGUID == nil",
        "reaper.APIExists('CF_GetMediaSourceOnline')",
        "reaper.APIExists('InsertTrackInProject')",
        "reaper.APIExists('InsertTrackAtIndex')",
    )
    assert values(sim, *asked) == ["true", "false", "false", "true"]
    sim.version, sim.extensions = "7.30/linux-x86_64", {"BR_", "CF_"}
    assert values(sim, *asked) == ["false", "true", "true", "true"]


def test_defer_runs_once_each_round_and_atexit_at_the_end(sim: Simulator) -> None:
    script = sim.run_text(
        "local n, t0 = 0, reaper.time_precise()\n"
        "reaper.atexit(function() reaper.ShowConsoleMsg('end') end)\n"
        "local function go() n = n + 1 reaper.ShowConsoleMsg(n .. ' ')\n"
        "  if reaper.time_precise() - t0 < 0.09 then reaper.defer(go) end end\n"
        "reaper.defer(go)"
    )
    sim.step()
    assert sim.console == "1 "
    sim.step(5)
    assert sim.console == "1 2 3 end"
    assert not script.running


def test_ext_state_outlives_reaper_only_when_persisted(sim: Simulator) -> None:
    sim.run_text(
        "reaper.SetExtState('s', 'kept', 'ä', true) reaper.SetExtState('s', 'lost', 'x', false)"
    )
    sim.restart()
    assert values(sim, "reaper.GetExtState('s', 'kept')", "reaper.HasExtState('s', 'lost')") == [
        "ä",
        "false",
    ]


def test_exec_process_starts_real_programs_without_a_shell(sim: Simulator, tmp_path: Path) -> None:
    code = tmp_path / "say it.py"
    code.write_text("import sys; print(sys.argv[1:]); sys.exit(3)")
    sim.run_text(
        f'local out = reaper.ExecProcess(\'"{sys.executable}" "{code}" "a b" $HOME\', 0)\n'
        "reaper.ShowConsoleMsg(out)\n"
        "assert(reaper.ExecProcess('\"/nowhere/at all\" x', -2) == nil)"
    )
    assert sim.console == "3\n['a b', '$HOME']\n"


def test_exec_process_in_the_background(sim: Simulator, tmp_path: Path) -> None:
    done = tmp_path / "done"
    sim.run_text(f"reaper.ExecProcess('touch \"{done}\"', -2)")
    sim.run_until(done.exists)


def test_a_window_is_drawn_clicked_and_closed(sim: Simulator) -> None:
    sim.run_text(
        "gfx.init('Jobs', 200, 100)\n"
        "local down = false\n"
        "local function go()\n"
        "  gfx.set(1, 0, 0) gfx.x, gfx.y = 10, 20 gfx.drawstr('Cancel') gfx.rect(0, 50, 100, 10)\n"
        "  local hit = gfx.mouse_cap == 1 and gfx.mouse_x > 10 and gfx.mouse_y > 20\n"
        "  if hit then reaper.ShowConsoleMsg('clicked ') end\n"
        "  local key = gfx.getchar()\n"
        "  if key > 0 then reaper.ShowConsoleMsg(math.floor(key) .. ' ') end\n"
        "  gfx.update()\n"
        "  if key == -1 then return end\n"
        "  reaper.defer(go)\n"
        "end go()"
    )
    window = sim.window
    assert (window.title, window.texts) == ("Jobs", ["Cancel"])
    assert window.find("Canc").colour == (1, 0, 0, 1)
    window.click("Cancel")
    window.key(27)
    assert sim.console == "clicked 27 "
    window.close()
    assert not sim.running


def test_dialogs_take_the_tests_answers(sim: Simulator) -> None:
    sim.box_answers = [6]
    sim.input_answers = [["1", "two"], None]
    sim.menu_answers = ["Third", "Inner"]
    assert values(
        sim,
        "reaper.MB('Really?', 'Stemlift', 4)",
        "select(2, reaper.GetUserInputs('t', 2, 'a,b', ','))",
        "reaper.GetUserInputs('t', 2, 'a,b', ',')",
        "gfx.showmenu('First||!Second|#Grey|Third')",
        "gfx.showmenu('First|>Sub|Inner|<Last')",
    ) == ["6", "1,two", "false", "4.0", "2.0"]
    assert sim.boxes[0].text == "Really?"
    sim.run_text("pcall(reaper.MB, 'Sure?', 'Stemlift', 1)")
    assert "nobody answers" in sim.violations.pop()


def test_a_script_is_an_action(sim: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "Hello.lua"
    path.write_text("reaper.ShowConsoleMsg((select(2, reaper.get_action_context())))")
    sim.run_text(
        f"local id = reaper.AddRemoveReaScript(true, 0, '{path}', true)\n"
        "local name = reaper.ReverseNamedCommandLookup(id)\n"
        "assert(name:match('^RS%x+$') and reaper.NamedCommandLookup('_' .. name) == id)\n"
        "reaper.Main_OnCommand(id, 0)"
    )
    assert sim.console == str(path)


def test_what_a_script_leaves_open_is_a_fault(sim: Simulator) -> None:
    sim.run_text("reaper.PreventUIRefresh(1) reaper.Undo_BeginBlock2(0)")
    found = " ".join(sim.violations)
    assert "PreventUIRefresh at 1" in found
    assert "within an undo block" in found
    sim.violations.clear()
    sim.current.undo.end("", -1)


def test_errors_show_file_and_line(sim: Simulator) -> None:
    sim.run_text("local a\nerror('gone wrong')", ok=False)
    assert "test.lua:2: gone wrong" in sim.errors.pop()


def test_a_failure_can_be_injected(sim: Simulator) -> None:
    sim.inject("InsertTrackInProject", after=1)
    sim.run_text(
        "for i = 1, 3 do reaper.ShowConsoleMsg(tostring("
        "(pcall(reaper.InsertTrackInProject, 0, 0, 0))) .. ' ') end"
    )
    assert sim.console == "true false true "
    assert len(sim.current.tracks) == 2
