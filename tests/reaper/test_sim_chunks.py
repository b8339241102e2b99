"""The simulated REAPER's chunks: read, written and changed in REAPER's own form."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest
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
