"""The simulated REAPER's state: undo, projects, folders, sends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from reaper_sim import Simulator


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.zeros((48000, 1)), 48000)
    return path


def test_undo_takes_back_all_of_a_block_at_once(sim: Simulator, wave: Path) -> None:
    project = sim.current
    track = project.add_track("Song", volume=0.5)
    item = track.add_item(wave, 1.0)
    send = project.add_send(track, project.add_track("Reverb"))
    before = project.text()
    sim.run_text(
        "reaper.Undo_BeginBlock2(0) reaper.PreventUIRefresh(1)\n"
        "reaper.InsertTrackAtIndex(0, false)\n"
        "reaper.AddMediaItemToTrack(reaper.GetTrack(0, 0))\n"
        "reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 1), 'B_MUTE', 1)\n"
        "reaper.SetMediaTrackInfo_Value(reaper.GetTrack(0, 1), 'I_FOLDERDEPTH', 1)\n"
        "reaper.CreateTrackSend(reaper.GetTrack(0, 0), reaper.GetTrack(0, 1))\n"
        "reaper.PreventUIRefresh(-1) reaper.Undo_EndBlock2(0, 'Separate', -1)"
    )
    after = project.text()
    assert project.undo.labels == ["Separate"]
    assert (len(project.tracks), len(project.sends)) == (3, 2)
    sim.run_text("assert(reaper.Undo_CanUndo2(0) == 'Separate') reaper.Undo_DoUndo2(0)")
    assert project.text() == before
    assert project.tracks[0] is track
    assert track.alive
    assert not item.alive
    assert project.sends == [send]
    sim.run_text("reaper.Undo_DoRedo2(0)")
    assert project.text() == after


def test_an_undo_block_without_changes_leaves_no_step(sim: Simulator) -> None:
    sim.run_text("reaper.Undo_BeginBlock2(0) reaper.Undo_EndBlock2(0, 'nothing', -1)")
    assert sim.current.undo.labels == []


def test_undo_flags_must_cover_what_changed(sim: Simulator) -> None:
    sim.run_text(
        "reaper.Undo_BeginBlock2(0) reaper.InsertTrackAtIndex(0, false)\n"
        "pcall(reaper.Undo_EndBlock2, 0, 'items only', 4)"
    )
    assert "leave out changes 1" in sim.violations.pop()


def test_changes_outside_of_undo_are_seen(sim: Simulator, wave: Path) -> None:
    sim.current.add_track().add_item(wave)
    sim.current.undo.mark()
    sim.run_text("reaper.SetMediaItemSelected(reaper.GetMediaItem(0, 0), true)")
    assert not sim.current.undo.unrecorded()
    sim.run_text("reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'D_POSITION', 3)")
    assert sim.current.undo.unrecorded()


def test_projects_are_switched_and_closed(sim: Simulator, tmp_path: Path) -> None:
    first = sim.current
    first.add_track("first")
    script = sim.run_text(
        "local p = reaper.EnumProjects(-1) local t = reaper.GetTrack(p, 0)\n"
        "local function go()\n"
        "  reaper.ShowConsoleMsg(tostring(reaper.EnumProjects(-1) == p) .. ' '\n"
        "    .. tostring(reaper.ValidatePtr2(0, p, 'ReaProject*')) .. ' '\n"
        "    .. tostring(reaper.ValidatePtr(p, 'ReaProject*')) .. ' '\n"
        "    .. tostring(reaper.ValidatePtr2(reaper.EnumProjects(0), t, 'MediaTrack*')) .. '\\n')\n"
        "  reaper.defer(go) end go()"
    )
    sim.project(tmp_path / "two" / "two.rpp")
    sim.step()
    sim.close(first)
    sim.step()
    script.stop()
    assert sim.console.splitlines() == [
        "true true true true",
        "false true true true",
        "false false false false",
    ]


def test_media_folders(sim: Simulator, tmp_path: Path) -> None:
    unsaved = sim.current
    saved = sim.project(tmp_path / "My Songs" / "s.rpp")
    saved.media_setting = "Audio Files"
    sim.run_text(
        "for i = 0, 1 do local p, path = reaper.EnumProjects(i)\n"
        "reaper.ShowConsoleMsg(path .. '|' .. reaper.GetProjectPathEx(p) .. '\\n') end"
    )
    assert sim.console.splitlines() == [
        f"|{unsaved.media_folder}",
        f"{saved.path}|{tmp_path / 'My Songs' / 'Audio Files'}",
    ]


def test_a_saved_project_is_the_same_when_opened(sim: Simulator, wave: Path) -> None:
    folder = sim.folder / "saved"
    project = sim.project(folder / "p.rpp")
    project.add_track("Parent", depth=1)
    child = project.add_track("Child", depth=-1)
    child.add_item(wave, 1.0, loop=True, section=(0.1, 0.5))
    project.add_send(child, project.tracks[0], volume=0.5)
    sim.save(project)
    again = sim.open(folder / "p.rpp")
    assert again.text() == project.text()
    assert again.tracks[1].parent is again.tracks[0]
    sim.close(project)


def test_relative_names_start_from_the_projects_folder(sim: Simulator, wave: Path) -> None:
    project = sim.project(wave.parent / "p.rpp")
    item = project.add_track().add_item("song.wav", length=1.0)
    sim.run_text(
        "local source = reaper.GetMediaItemTake_Source(reaper.GetActiveTake("
        "reaper.GetMediaItem(0, 0)))\n"
        "reaper.ShowConsoleMsg(reaper.GetMediaSourceFileName(source) .. ' '"
        " .. reaper.GetMediaSourceType(source) .. ' '"
        " .. reaper.GetMediaSourceSampleRate(source) .. ' '"
        " .. tostring((reaper.GetMediaSourceLength(source))))"
    )
    assert sim.console == f"{wave} WAVE 48000 1.0"
    assert 'FILE "song.wav"' in item.chunk()
    wave.unlink()
    assert not item.active.source.online  # type: ignore[union-attr]


def test_sections_show_their_parent(sim: Simulator, wave: Path) -> None:
    sim.current.add_track().add_item(wave, section=(0.25, 0.5), reverse=True)
    sim.run_text(
        "local take = reaper.GetActiveTake(reaper.GetMediaItem(0, 0))\n"
        "local s = reaper.GetMediaItemTake_Source(take)\n"
        "local ok, start, length, back = reaper.PCM_Source_GetSectionInfo(s)\n"
        "assert(ok and start == 0.25 and length == 0.5 and back)\n"
        "assert(reaper.GetMediaSourceFileName(s) == '')\n"
        "local parent = reaper.GetMediaSourceParent(s)\n"
        "reaper.ShowConsoleMsg(reaper.GetMediaSourceFileName(parent))\n"
        "assert(reaper.GetMediaSourceParent(parent) == nil)\n"
        "assert(not reaper.PCM_Source_GetSectionInfo(parent))"
    )
    assert sim.console == str(wave)


def test_folder_depths_and_sends_through_the_api(sim: Simulator) -> None:
    project = sim.current
    parent = project.add_track("P", depth=1)
    inner = project.add_track("I", depth=1)
    last = project.add_track("L", depth=-2)
    other = project.add_track("O")
    found = [track.parent for track in (parent, inner, last, other)]
    assert found == [None, parent, inner, None]
    sim.run_text(
        "local o, p = reaper.GetTrack(0, 3), reaper.GetTrack(0, 0)\n"
        "assert(reaper.GetTrackDepth(reaper.GetTrack(0, 2)) == 2)\n"
        "local n = reaper.CreateTrackSend(o, p)\n"
        "reaper.SetTrackSendInfo_Value(o, 0, n, 'D_VOL', 0.25)\n"
        "assert(reaper.GetTrackNumSends(p, -1) == 1 and reaper.GetTrackNumSends(o, 0) == 1)\n"
        "assert(reaper.GetTrackSendInfo_Value(o, 0, 0, 'P_DESTTRACK') == p)\n"
        "reaper.InsertTrackAtIndex(0, false)"
    )
    assert project.sends[0].volume == 0.25
    # The chunk counts tracks, so its index follows the track that was put in front.
    assert "AUXRECV 4 0 0.25 0 " in parent.chunk()


def test_default_effects_come_only_with_defaults(sim: Simulator) -> None:
    sim.default_effects = ("tanh",)
    sim.run_text(
        "reaper.InsertTrackAtIndex(0, true) reaper.InsertTrackInProject(0, 0, 0)\n"
        "assert(reaper.TrackFX_GetCount(reaper.GetTrack(0, 0)) == 0)\n"
        "assert(reaper.TrackFX_GetCount(reaper.GetTrack(0, 1)) == 1)"
    )


def test_problems_of_a_project_are_named(render_sim: Simulator) -> None:
    project = render_sim.current
    item = project.add_track("a", depth=1).add_item(None)
    assert project.problems() == ["1 folders are left open"]
    project.add_track("b", depth=-2).add_item(None).load(item.chunk())
    assert project.problems() == [
        f"{item.guid} is there twice",
        "track 'b' closes folders that are not open",
    ]
