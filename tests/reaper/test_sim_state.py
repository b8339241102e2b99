"""The simulated REAPER's state: chunks in REAPER's form, undo, projects, folders, sends."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from reaper_sim import Simulator

# As REAPER 7 writes an item with two takes, a reversed section, effects and envelopes.
ITEM = """\
<ITEM
POSITION 12.3456789
SNAPOFFS 0.25
LENGTH 4.5
LOOP 1
ALLTAKES 0
COLOR 22278759 B
BEAT 1
FADEIN 1 0.01 0 1 0 0 0
FADEOUT 1 0.5 0 3 0 -0.5 0
MUTE 0 0
GROUP 7
SEL 1
YPOS 0.25 0.25 2
IGUID {98E8ECDE-FF4D-4E06-87ED-43A5E7E6A61A}
IID 42
<NOTES
|a note with > and <
|second line
>
NAME 'say "hi" twice'
VOLPAN 0.5 -0.25 -1.5 -1
SOFFS 0.125
PLAYRATE 1.5 1 -2 589824 0 0.0025
CHANMODE 3
GUID {4EB7779B-D570-4CCF-8739-161D2D32C154}
TKM 0.5 "a marker" 21036800
SM 0 0.125 -0.149425287 + 0.574712644 0.5 + 1.348114004 1.273401361
<SOURCE SECTION
LENGTH 3.25
MODE 2
STARTPOS 1.5
OVERLAP 0.01
<SOURCE WAVE
FILE "Media/a song.wav" 1
>
>
<TAKEFX
SHOW 0
LASTSEL 0
DOCKED 0
BYPASS 0 0 0
<VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "" 1919247729<5653547265> ""
cWVlcu5e7f4CAAAAAQAAAAAAAAACAAAAAAAAAAIAAAABAAAAAAAAAAIAAAAAAAAA
AAAQAAAA
>
FXID {0D8EDC18-F9E8-4E44-8B2F-3F6EB7B9B1C3}
WAK 0 0
>
<VOLENV
EGUID {5CB63539-0B47-4094-97FA-C62230F23208}
ACT 1 -1
VIS 1 1 1
LANEHEIGHT 0 0
ARM 0
DEFSHAPE 0 -1 -1
PT 0 1 0
PT 2.5 0.5 5 0 0 0 -0.75
>
TAKE NULL
TAKE SEL
NAME "The second take"
TAKEVOLPAN 0.5 0.25 -1
SOFFS 0
PLAYRATE 1 1 0 -1 0 0.0025
CHANMODE 0
GUID {4EB7779B-D570-4CCF-8739-161D2D32C155}
<SOURCE MIDI
HASDATA 1 960 QN
E 0 90 3c 60
>
>
"""
TRACK = """\
<TRACK {5619EDC5-E743-4BE8-AE9F-3B3469A111B5}
NAME "Drums & more"
PEAKCOL 33226751
BEAT -1
AUTOMODE 0
VOLPAN 0.5 -0.25 -1 -1 0.75
MUTESOLO 0 2 0
IPHASE 1
PLAYOFFS 0 1
ISBUS 2 -2
BUSCOMP 0 0 0 0 0
SHOWINMIX 1 0.6667 0.5 1 0.5 0 0 0
FREEMODE 2
FIXEDLANES 9 0 0 0 0
LANESOLO 2 0 0 0 0 0 0 0
LANENAME 1 2 "" "lane name"
SEL 0
REC 0 0 1 0 0 0 0 0
VU 2
TRACKHEIGHT 0 0 0 0 0 0
INQ 0 0 0 0.5 100 0 0 100
NCHAN 4
FX 1
TRACKID {5619EDC5-E743-4BE8-AE9F-3B3469A111B5}
PERF 0
MIDIOUT -1
MAINSEND 1 0
<FXCHAIN
SHOW 0
LASTSEL 0
DOCKED 0
BYPASS 0 0 0
<JS loser/3BandEQ ""
0 200 0 2000 0 0
>
WAK 0 0
>
>
"""


def indented(chunk: str) -> str:
    return textwrap.indent(chunk, "  ")


def test_an_items_chunk_comes_back_as_it_was(render_sim: Simulator) -> None:
    item = render_sim.current.add_track().add_item(None)
    for text in (ITEM, indented(ITEM), ITEM.replace("\n", "\r\n")):
        item.load(text)
        assert item.chunk() == ITEM


def test_an_items_chunk_means_what_reaper_means(render_sim: Simulator) -> None:
    item = render_sim.current.add_track().add_item(None)
    item.load(ITEM)
    first, null, second = item.takes
    assert first is not None
    assert null is None
    assert item.active is second
    of_item = {"D_VOL": 0.5, "D_SNAPOFFSET": 0.25, "I_FIXEDLANE": 1, "C_FADEOUTSHAPE": 3}
    of_item |= {"D_FADEOUTDIR": -0.5, "I_GROUPID": 7, "I_CURTAKE": 2, "C_BEATATTACHMODE": 1}
    of_take = {"D_VOL": -1.5, "D_PAN": -0.25, "D_PLAYRATE": 1.5, "D_PITCH": -2, "I_CHANMODE": 3}
    assert {key: item.get(key) for key in of_item} == of_item
    assert {key: first.get(key) for key in of_take} == of_take
    assert first.name == 'say "hi" twice'
    assert [marker[:2] for marker in first.stretch_markers()] == [
        (0, 0.125),
        (0.574712644, 0.5),
        (1.348114004, 1.273401361),
    ]
    source = first.source
    assert source is not None
    assert (source.kind, source.section()) == ("SECTION", (1.5, 3.25, True))
    assert source.bottom.written_name == "Media/a song.wav"


def test_a_tracks_chunk_comes_back_with_its_items(render_sim: Simulator) -> None:
    track = render_sim.current.add_track()
    whole = TRACK[:-2] + ITEM + ">\n"
    track.load(indented(whole))
    assert track.chunk() == whole
    assert (track.depth, track.get("D_WIDTH"), track.get("I_SOLO")) == (-2, 0.75, 2)
    assert len(track.effects()) == 1


def test_an_empty_items_chunk_has_no_take(sim: Simulator) -> None:
    track = sim.current.add_track()
    item = track.add_item(None, 1.0, 2.0)
    assert "NAME" not in item.chunk()
    sim.run_text("assert(reaper.GetActiveTake(reaper.GetMediaItem(0, 0)) == nil)")
    item.load(item.chunk())
    assert item.takes == []


def test_chunks_through_the_api(sim: Simulator) -> None:
    sim.current.add_track().add_item(None)
    sim.ext_state["t"] = {"item": ITEM}
    sim.run_text(
        "local item, text = reaper.GetMediaItem(0, 0), reaper.GetExtState('t', 'item')\n"
        "assert(reaper.SetItemStateChunk(item, text, false))\n"
        "local ok, back = reaper.GetItemStateChunk(item, '', false)\n"
        "assert(ok and back == text)\n"
        "assert(not reaper.SetItemStateChunk(item, '<TRACK\\n>', false))\n"
        "assert(not reaper.SetItemStateChunk(item, '<ITEM\\nPOSITION 1', false))\n"
        "assert(not reaper.SetItemStateChunk(item, text .. '>', false))"
    )
    assert sim.current.items[0].chunk() == ITEM


def test_setting_values_writes_them_into_the_chunk(sim: Simulator) -> None:
    sim.current.add_track().add_item(None).load(ITEM)
    sim.run_text(
        "local item = reaper.GetMediaItem(0, 0)\n"
        "reaper.SetMediaItemInfo_Value(item, 'B_MUTE', 1)\n"
        "reaper.SetMediaItemTakeInfo_Value(reaper.GetTake(item, 0), 'I_CHANMODE', 0)\n"
        "reaper.GetSetMediaItemTakeInfo_String(reaper.GetTake(item, 0), 'P_NAME', 'x y', true)"
    )
    expected = ITEM.replace("MUTE 0 0", "MUTE 1 0").replace("CHANMODE 3", "CHANMODE 0")
    assert sim.current.items[0].chunk() == expected.replace("'say \"hi\" twice'", '"x y"')


@given(st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=30))
def test_strings_survive_their_quotes(name: str) -> None:
    from reaper_sim.chunks import QUOTES, fields, quoted

    if not all(quote in name for quote in QUOTES):
        assert fields(f"NAME {quoted(name)}")[1] == name


@given(st.floats(-1e6, 1e6))
def test_numbers_survive_to_fourteen_decimals(value: float) -> None:
    from reaper_sim.chunks import number

    assert float(number(value)) == pytest.approx(value, abs=1e-13, rel=1e-13)


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
