"""What is heard stays what was heard: the scripts and the planner, with stand-in stems.

The real scripts read the selection and carry the plan out in the simulated REAPER; the real
planner makes the plan; only the engine is replaced, by random parts that sum to the mix.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reaper_scripts_house import SEPARATE, ScriptsHouse
from reaper_sim import Project, Simulator, Track
from reaper_sim.tracks import TRACK_DEFAULTS
from stand_in_stems import separate

from stemlift.reaper.facts import Choices, Layout, Request
from stemlift.reaper.plan import ImportPlan
from stemlift.reaper.planning import finish_plan, make_plan

RATE = 8000
SILENT = 1e-5  # -100 dBFS
STEMS = ("vocals", "drums", "other")


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Two seconds of noise by number of channels; without silence, so that edges are heard."""
    folder = tmp_path_factory.mktemp("songs of others")
    found: dict[int, Path] = {}
    for channels in (1, 2, 4):
        noise = np.random.default_rng(channels).uniform(-0.4, 0.4, (2 * RATE, channels))
        found[channels] = folder / f"{channels} channels.wav"
        soundfile.write(found[channels], noise, RATE, subtype="DOUBLE")
    return found


class Desk:
    """A project, heard before and after its selected items were separated to tracks."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.house = ScriptsHouse(sim, folder)
        self.sim = sim
        self.project = sim.project(folder / "my project" / "p.rpp", rate=RATE)
        self.plan: ImportPlan | None = None

    def separate(self, **choices: object) -> None:
        """choices: as the dialog keeps them, that the script without a dialog goes by."""
        self.sim.set_ext_state("Stemlift", "choices", json.dumps(choices), persist=False)
        script = self.house.run(SEPARATE)
        request = Request.model_validate(self.house.asked()["request"])
        assert request.choices == Choices.model_validate(request.choices.model_dump() | choices)
        plan = make_plan(request, STEMS)
        results = {job.key: separate(job, STEMS) for job in plan.jobs}
        self.plan = finish_plan(request, plan, results)
        self.house.say("done", plan=self.plan.model_dump(mode="json"), fraction=1.0)
        self.sim.step(90)
        if script.window.open:
            script.window.close()
        self.sim.step(2)

    def compare(self, **choices: object) -> npt.NDArray[np.float64]:
        """Separate, and hold the sound and the project to what must be; the sound before."""
        project = self.project
        before, text = project.render(), project.text()
        assert np.abs(before).max() > 0.01, "nothing was to be heard"
        project.undo.mark()
        count = len(project.tracks)
        self.separate(**choices)
        assert len(project.tracks) > count, self.sim.state()
        after = project.render()
        length = min(len(before), len(after))
        assert np.abs(after[:length] - before[:length]).max() <= SILENT
        assert np.abs(after[length:]).max(initial=0) <= SILENT
        assert project.problems() == []
        assert not project.undo.unrecorded()
        assert len(project.undo.labels) == 1
        project.undo.undo()
        assert _settled(project.text()) == _settled(text)
        return before


def _settled(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("SEL ")]


@pytest.fixture
def desk(render_sim: Simulator, tmp_path: Path) -> Desk:
    return Desk(render_sim, tmp_path)


ROWS: dict[str, dict[str, Any]] = {
    "whole": {},
    "trimmed": {"soffs": 0.3, "length": 0.7, "position": 0.5},
    "begins before its source": {"soffs": -0.2, "length": 1.0},
    "outlasts its source": {"soffs": 1.5, "length": 1.5},
    "rate": {"rate": 1.3, "soffs": 0.3, "length": 0.7},
    "rate without pitch": {"rate": 0.7, "preserve_pitch": False, "soffs": 0.3, "length": 0.7},
    "pitch": {"pitch": -3.5, "pitch_mode": 589824, "soffs": 0.3, "length": 0.7},
    "loop": {"loop": True, "length": 5.0, "soffs": 0.6, "rate": 1.1},
    "loop within one cycle": {"loop": True, "length": 0.5, "soffs": 0.6},
    "section": {"section": (0.25, 0.75), "soffs": 0.1, "length": 0.5},
    "looped section": {"section": (0.25, 0.75), "loop": True, "length": 2.0},
    "reverse": {"reverse": True, "soffs": 0.4, "length": 0.8},
    "reversed section": {"section": (0.25, 0.75), "reverse": True, "soffs": 0.1, "length": 0.4},
    "stretch markers": {"stretch_markers": [(0.1, 0.2), (0.5, 0.4), (0.9, 1.4)], "length": 1.1},
    "volume and polarity": {"volume": 0.5, "take_volume": -1.5, "take_pan": -0.4},
    "fades": {"fade_in": (0.3, 3, 0.0), "fade_out": (0.4, 5, -0.5)},
    "envelopes": {
        "envelopes": {
            "Volume": [(0.0, 0.1), (0.8, 1.2)],
            "Pan": [(0.2, -1.0), (0.7, 1.0)],
            "Mute": [(0.0, 1.0), (1.2003, 0.0)],
        }
    },
    "snap, timebase and group": {
        "values": {"D_SNAPOFFSET": 0.2, "C_BEATATTACHMODE": 1, "I_GROUPID": 3}
    },
    "linear effect of the take": {"take_fx": ["lowpass"]},
    "video": {"kind": "VIDEO"},
}


@pytest.mark.parametrize("row", ROWS)
def test_every_row(desk: Desk, songs: dict[int, Path], row: str) -> None:
    desk.project.add_track("Mix", volume=0.8, pan=0.2).add_item(
        songs[2], selected=True, **ROWS[row]
    )
    desk.compare(handles=0.05)


@pytest.mark.parametrize(
    ("channels", "mode"),
    [(1, 0), (1, 2), (2, 1), (2, 2), (2, 3), (2, 4), (4, 0), (4, 5), (4, 6), (4, 68), (4, 2)],
)
def test_every_channel_mode(desk: Desk, songs: dict[int, Path], channels: int, mode: int) -> None:
    desk.project.add_track().add_item(songs[channels], selected=True, channel_mode=mode)
    desk.compare(handles=0.05)


def inside_a_folder(project: Project) -> Track:
    project.add_track("Band", depth=1, effects=("tanh",))
    project.add_track("Voice", depth=0)
    track = project.add_track("Mix", depth=-1, effects=("tanh",), volume=0.5)
    project.add_track("Other")
    return track


def a_folder_itself(project: Project) -> Track:
    track = project.add_track("Mix", depth=1, effects=("tanh",), pan=-0.5)
    project.add_track("Child", depth=-1)
    return track


def sent_elsewhere(project: Project) -> Track:
    track = project.add_track("Mix", volume=0.5, B_PHASE=1)
    room = project.add_track("Room", effects=("tanh",))
    for mode in (0, 1, 3):
        project.add_send(track, room, volume=0.5, mode=mode)
    return track


def soloed_and_automated(project: Project) -> Track:
    track = project.add_track("Mix", D_WIDTH=0.3, I_PANMODE=5, I_SOLO=2)
    track.set_envelope("VOLENV2", [(0.0, 0.2), (1.5, 1.1)])
    project.add_track("Silent")
    return track


@pytest.mark.parametrize(
    "build", [inside_a_folder, a_folder_itself, sent_elsewhere, soloed_and_automated]
)
def test_the_chain_of_the_track_acts_on_the_sum(
    desk: Desk, songs: dict[int, Path], build: Callable[[Project], Track]
) -> None:
    build(desk.project).add_item(songs[2], selected=True, soffs=0.2, length=1.0)
    for track in desk.project.tracks:
        track.add_item(songs[1], 0.3, 0.5, volume=0.3)
    desk.compare(handles=0.05)


@pytest.mark.parametrize("depth", [0, -1])
def test_flat_tracks_take_the_mixer_along(desk: Desk, songs: dict[int, Path], depth: int) -> None:
    project = desk.project
    if depth:
        project.add_track("Band", depth=1, effects=("tanh",))
    track = project.add_track("Mix", depth=depth, volume=0.5, pan=0.3, B_PHASE=1)
    room = project.add_track("Room", effects=("tanh",))
    project.add_send(track, room, volume=0.5)
    track.add_item(songs[2], selected=True, soffs=0.2, length=1.0)
    desk.compare(layout=Layout.FLAT)


def test_a_track_that_plays_while_others_are_soloed(desk: Desk, songs: dict[int, Path]) -> None:
    """Solo defeat is a part of the mixer's settings."""
    project = desk.project
    track = project.add_track("Mix", B_SOLO_DEFEAT=1)
    track.add_item(songs[2], selected=True, soffs=0.2, length=1.0)
    project.add_track("Soloed", I_SOLO=1).add_item(songs[1], 0.3, 0.5, volume=0.3)
    desk.compare(layout=Layout.FLAT)


@pytest.mark.parametrize("layout", [Layout.FOLDER, Layout.FLAT])
def test_new_tracks_that_go_nowhere_by_default(
    desk: Desk, songs: dict[int, Path], monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    """REAPER's preferences can take the main send from new tracks."""
    desk.project.add_track("Mix").add_item(songs[2], selected=True, length=1.0)
    monkeypatch.setitem(TRACK_DEFAULTS, "MAINSEND", "0 0")
    desk.compare(layout=layout)


def test_many_items_of_many_tracks(desk: Desk, songs: dict[int, Path]) -> None:
    for number in range(3):
        track = desk.project.add_track(f"t{number}", volume=0.5 + number / 4)
        for place in range(4):
            track.add_item(
                songs[2 if place < 3 else 1],
                place * 0.4,
                0.5,
                soffs=0.1 * place + 0.05 * number,
                selected=place != 1,
                rate=1.0 + number / 5,
            )
    desk.compare(handles=0.05)


@pytest.mark.parametrize(
    "row", ["whole", "rate", "loop", "reverse", "stretch markers", "envelopes"]
)
@pytest.mark.parametrize("layout", [Layout.FOLDER, Layout.FLAT])
def test_only_the_time_selection(
    desk: Desk, songs: dict[int, Path], row: str, layout: Layout
) -> None:
    track = desk.project.add_track("Mix", volume=0.5)
    track.add_item(songs[2], 0.2, selected=True, fade_in=(0.3, 2, 0.0), **ROWS[row])
    desk.project.time_selection = (0.4013, 0.8)
    desk.compare(handles=0.05, layout=layout, within_time_selection=True)


def test_items_of_the_same_source_come_along(desk: Desk, songs: dict[int, Path]) -> None:
    track = desk.project.add_track("Mix")
    track.add_item(songs[2], 0.0, 0.5, soffs=0.2, selected=True)
    track.add_item(songs[2], 1.0, 0.5, soffs=0.2)
    desk.project.add_track("Again", volume=0.5, effects=("tanh",)).add_item(
        songs[2], 2.0, 0.4, soffs=0.25
    )
    desk.compare(also_same_source=True)
    assert desk.plan is not None
    assert len([o for o in desk.plan.operations if o.do == "insert_item"]) == 3 * len(STEMS)


def test_only_playing_lanes_are_separated(desk: Desk, songs: dict[int, Path]) -> None:
    track = desk.project.add_track("Comp")
    for lane in range(3):
        track.add_item(songs[2], lane * 0.3, 0.6, lane=lane, selected=True, volume=0.5 + lane)
    track.use_lanes(3, playing=[1])
    desk.compare(handles=0.05)


def test_the_active_take_is_separated(desk: Desk, songs: dict[int, Path]) -> None:
    item = desk.project.add_track("Takes").add_item(songs[2], selected=True, volume=0.5)
    second = item.add_take()
    source = item.takes[0]
    assert source is not None
    assert source.source is not None
    second.set_source(source.source.block)
    second.set("D_VOL", -0.25)
    second.set("D_STARTOFFS", 0.5)
    item.set("I_CURTAKE", 1)
    desk.compare(handles=0.05)


def test_what_has_no_sound_of_its_own_is_left_alone(desk: Desk, songs: dict[int, Path]) -> None:
    track = desk.project.add_track("Mixed")
    track.add_item(None, 0.0, 1.0, selected=True)
    track.add_item(None, 0.0, 1.0, kind="MIDI", selected=True)
    track.add_item("gone.wav", 0.0, 1.0, selected=True)
    track.add_item(songs[2], selected=True)
    desk.compare(handles=0.05)
    assert desk.plan is not None
    assert len([o for o in desk.plan.operations if o.do == "insert_item"]) == len(STEMS)


short = st.floats(0.05, 1.2).map(lambda value: round(value, 4))
some = st.fixed_dictionaries(
    {},
    optional={
        "position": short,
        "length": short,
        "soffs": st.floats(-0.3, 1.5),
        "rate": st.sampled_from([0.5, 0.9, 1.0, 1.21, 2.0]),
        "preserve_pitch": st.booleans(),
        "pitch": st.sampled_from([0.0, 2.0, -7.5]),
        "loop": st.booleans(),
        "section": st.tuples(st.floats(0.0, 0.8), st.floats(0.2, 1.0)),
        "reverse": st.booleans(),
        "channel_mode": st.integers(0, 4),
        "volume": st.floats(0.3, 2.0),
        "take_volume": st.sampled_from([1.0, -1.0, 0.6]),
        "take_pan": st.floats(-1.0, 1.0),
        "fade_in": st.tuples(st.floats(0, 0.3), st.integers(0, 6), st.floats(-1, 1)),
        "fade_out": st.tuples(st.floats(0, 0.3), st.integers(0, 6), st.floats(-1, 1)),
        "stretch_markers": st.sampled_from([[(0.0, 0.1), (0.4, 0.8)], [(0.2, 0.2)]]),
    },
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(some, min_size=1, max_size=3),
    depth=st.sampled_from([0, -1]),
    handles=st.sampled_from([0.0, 0.1, 1.0]),
    selection=st.none() | st.tuples(st.floats(0.01, 0.4), st.floats(0.41, 2.0)),
)
def test_random_combinations(
    tmp_path_factory: pytest.TempPathFactory,
    songs: dict[int, Path],
    one_lua: str,
    rows: list[dict[str, Any]],
    depth: int,
    handles: float,
    selection: tuple[float, float] | None,
) -> None:
    folder = tmp_path_factory.mktemp("random")
    sim = Simulator(folder / "simulated", one_lua)
    desk = Desk(sim, folder)
    if depth:
        desk.project.add_track("Folder", depth=1, effects=("tanh",))
    track = desk.project.add_track("Mix", depth=depth, effects=("tanh",), volume=0.7)
    track.add_item(songs[2], 0.0, 0.4, selected=True)
    for row in rows:
        track.add_item(songs[2], selected=True, **({"length": 0.8} | row))
    if selection:
        desk.project.time_selection = selection
    desk.compare(handles=handles, within_time_selection=selection is not None)
    assert sim.leaks() == []
