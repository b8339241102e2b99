"""What the scripts read of a selection: the request in the job file, held to the schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from reaper_scripts_house import SEPARATE, ScriptsHouse
from reaper_sim import Simulator

from stemlift.reaper.messages import JobFile


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    return ScriptsHouse(sim, tmp_path)


def asked(house: ScriptsHouse) -> JobFile:
    """Run, read what was asked, end the job."""
    house.run(SEPARATE)
    house.say("cancelled")
    house.sim.step(80)
    return JobFile.model_validate_json((house.job / "job.json").read_bytes())


def test_an_item_of_a_saved_project(house: ScriptsHouse, tmp_path: Path) -> None:
    project = house.sim.project(tmp_path / "a project" / "a project.rpp")
    parent = project.add_track("Folder", depth=1)
    track = project.add_track("Gitarre – links", depth=-1, effects=("gain",), I_NCHAN=4)
    track.set("I_CUSTOMCOLOR", 0x1000000 | 0x0A141E)
    project.add_send(track, parent)
    track.set_envelope("VOLENV2", [(0.0, 1.0), (2.0, 0.5)])
    song = house.song()
    item = track.add_item(song, 1.5, 2.0, soffs=0.5, selected=True)
    track.add_item(song, 9.0, 1.0)
    project.time_selection = (1.0, 2.25)
    job = asked(house)
    assert job.id == house.job.name
    assert len(job.id) == 16
    assert job.title == "a song.wav"
    assert job.project_id == project.ext_state["STEMLIFT"]["id"]
    request = job.request
    assert request.project.path == str(tmp_path / "a project" / "a project.rpp")
    assert request.project.media_folder == str(project.media_folder)
    assert request.project.time_selection == (1.0, 2.25)
    assert [(t.name, t.index, t.depth, t.channels) for t in request.tracks] == [
        ("Folder", 0, 1, 2),
        ("Gitarre – links", 1, -1, 4),
    ]
    assert request.tracks[1].colour == (10, 20, 30)
    assert request.tracks[0].colour is None
    assert (request.tracks[1].has_fx, request.tracks[1].has_sends) == (True, True)
    assert (request.tracks[0].has_fx, request.tracks[0].has_sends) == (False, False)
    assert [track.has_envelopes for track in request.tracks] == [False, True]
    found, other = request.items
    assert (found.selected, other.selected) == (True, False)
    assert found.guid == item.guid
    assert found.track == track.guid
    assert found.chunk == item.chunk()
    assert found.active_take == 0
    assert found.source is not None
    assert (found.source.path, found.source.kind) == (str(song), "WAVE")
    assert (found.source.length, found.source.sample_rate, found.source.channels) == (4.0, 8000, 2)
    assert found.source.online


def test_an_unsaved_project(house: ScriptsHouse) -> None:
    house.sim.current.add_track().add_item(house.song(), selected=True)
    request = asked(house).request
    assert request.project.path == ""
    assert request.project.media_folder == str(house.sim.recording_path)
    assert request.project.time_selection is None


def test_below_sections_and_reversed_sources_is_the_file(house: ScriptsHouse) -> None:
    song = house.song()
    track = house.sim.current.add_track()
    track.add_item(song, 0, 1, section=(1.0, 2.0), reverse=True, selected=True)
    (found,) = asked(house).request.items
    assert found.source is not None
    assert found.source.kind == "SECTION"
    assert (found.source.path, found.source.length) == (str(song), 4.0)


def test_midi_empty_and_missing_sources(house: ScriptsHouse, tmp_path: Path) -> None:
    track = house.sim.current.add_track()
    track.add_item(None, 0, 1, kind="MIDI", selected=True)
    track.add_item(None, 2, 1, selected=True)
    track.add_item(tmp_path / "gone.wav", 4, 1, selected=True)
    midi, empty, gone = asked(house).request.items
    assert midi.source is not None
    assert (midi.source.kind, midi.source.path) == ("MIDI", "")
    assert empty.source is None
    assert gone.source is not None
    assert not gone.source.online


def test_lanes_that_do_not_play(house: ScriptsHouse) -> None:
    track = house.sim.current.add_track()
    song = house.song()
    track.add_item(song, 0, 1, lane=0, selected=True)
    track.add_item(song, 0, 1, lane=1, selected=True)
    track.use_lanes(2, playing=[1])
    request = asked(house).request
    assert [item.lane_plays for item in request.items] == [False, True]
    assert request.tracks[0].fixed_lanes


def test_other_items_of_the_same_source(house: ScriptsHouse) -> None:
    track = house.sim.current.add_track()
    song, other = house.song(), house.song("other.wav")
    track.add_item(song, 0, 1, selected=True)
    track.add_item(song, 2, 1)
    track.add_item(other, 4, 1)
    house.sim.set_ext_state("Stemlift", "choices", '{"also_same_source": true}', True)
    assert [item.selected for item in asked(house).request.items] == [True, False]


def test_others_of_the_same_file_are_sent_so_that_they_can_be_offered_stems(
    house: ScriptsHouse,
) -> None:
    track = house.sim.current.add_track()
    song, other = house.song(), house.song("other.wav")
    track.add_item(song, 0, 1, selected=True)
    for place in range(3):
        track.add_item(song, 2 + place, 1)
        track.add_item(other, 2 + place, 1)
    request = asked(house).request
    assert [item.selected for item in request.items] == [True, False, False, False]
    assert not request.choices.also_same_source


def test_a_title_for_several_items(house: ScriptsHouse) -> None:
    track = house.sim.current.add_track()
    for position in range(3):
        track.add_item(house.song(), position, 1, selected=True)
    assert asked(house).title == "a song.wav and 2 more"


def test_all_stems_and_the_last_settings(house: ScriptsHouse) -> None:
    house.sim.current.add_track().add_item(house.song(), selected=True)
    kept = '{"stems": ["vocals"], "layout": "flat", "handles": 2.0, "unknown": 1, "model": 7}'
    house.sim.set_ext_state("Stemlift", "choices", kept, True)
    choices = asked(house).request.choices
    assert (choices.stems, choices.layout, choices.handles, choices.model) == (
        (),
        "flat",
        2,
        "auto",
    )


@pytest.mark.parametrize(
    ("script", "stems"),
    [
        ("Vocals", ("vocals",)),
        ("Instrumental", ("instrumental",)),
        ("Drums", ("drums",)),
        ("Bass", ("bass",)),
        ("Acapella and instrumental", ("vocals", "instrumental")),
    ],
)
def test_one_click(house: ScriptsHouse, script: str, stems: tuple[str, ...]) -> None:
    house.sim.current.add_track().add_item(house.song(), selected=True)
    house.run(f"Stemlift_{script}.lua")
    assert tuple(house.asked()["request"]["choices"]["stems"]) == stems
    house.say("cancelled")
    house.sim.step(80)


def test_names_with_all_signs(house: ScriptsHouse) -> None:
    song = house.song("-it's \"née\" 'x' \\ % 日本 🎵.wav")
    house.sim.current.add_track("a \"b\" 'c'").add_item(song, selected=True)
    (found,) = asked(house).request.items
    assert found.source is not None
    assert found.source.path == str(song)


def test_the_program_is_started_beside_reaper(house: ScriptsHouse) -> None:
    house.connect(home='/a home/with "quotes"', launcher=["/usr/bin/env", "A=1"])
    house.sim.current.add_track().add_item(house.song(), selected=True)
    asked(house)
    ((line, timeout),) = house.sim.processes.commands
    assert timeout == -2
    assert house.commands()[0] == [
        "/usr/bin/env",
        "A=1",
        str(house.program),
        "run",
        str(house.job),
        "--home",
        '/a home/with "quotes"',
    ]
    assert line.startswith('"')
