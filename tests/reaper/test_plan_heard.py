"""What is heard before and after: the original muted, its stems in place, the same sound.

The stems here are two parts of the samples that sum to them exactly, cut as the plan says.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reaper_chunks import request

from stemlift.audio.channels import ChannelMap, ChannelMode, map_channels
from stemlift.reaper import facts
from stemlift.reaper.plan import InsertItem, MuteItem, PlannedJob, ReplaceItem
from stemlift.reaper.planning import Expected, finish_plan, make_plan

if TYPE_CHECKING:
    from reaper_sim import Simulator
    from reaper_sim.items import Item

RATE = 8000
SECONDS = 6


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Noise of one, two and six channels."""
    folder = tmp_path_factory.mktemp("songs")
    random = np.random.default_rng(11)
    paths = {}
    for channels in (1, 2, 6):
        paths[channels] = folder / f"song {channels}.wav"
        data = random.uniform(-0.5, 0.5, (SECONDS * RATE, channels))
        soundfile.write(paths[channels], data, RATE, subtype="DOUBLE")
    return paths


def separated(job: PlannedJob, folder: Path) -> Expected:
    data, rate = soundfile.read(job.input, always_2d=True)
    piece = data[job.start_frame :][: job.frames or None]
    channel_map = ChannelMap(ChannelMode(job.channel_mode), job.channel_first, job.channel_second)
    piece = map_channels(piece, None, channel_map)
    stems = {"vocals": piece * 0.3, "other": piece - piece * 0.3}
    paths = {}
    for name, sound in stems.items():
        paths[name] = folder / f"{job.key} {name}.wav"
        soundfile.write(paths[name], sound, rate, subtype="DOUBLE")
    return Expected(dict(paths), rate, job.start_frame, len(piece))


def difference(sim: Simulator, folder: Path, *items: Item, **choices: Any) -> float:
    """Peak of before minus after; the plan is carried out as a script does."""
    from reaper_sim.items import Item

    project = sim.current
    before = project.render()
    tracks = tuple(
        facts.Track(guid=one.guid, index=index, depth=one.depth)
        for index, one in enumerate(project.tracks)
    )
    selection = choices.pop("selection", None)
    asked = request(selection=selection, **choices).model_copy(
        update={"tracks": tracks, "items": tuple(_facts(one) for one in items)}
    )
    plan = make_plan(asked)
    done = finish_plan(asked, plan, {job.key: separated(job, folder) for job in plan.jobs})
    places = {one.guid: one for one in project.tracks}
    found = {one.guid: one for one in project.items}
    for step in done.operations:
        if step.do == "insert_track":
            new = project.add_track(step.name, depth=step.depth, at=step.index)
            if step.copy_from:
                new.set("D_VOL", places[step.copy_from].get("D_VOL"))
            places[step.key] = new
        elif step.do == "set_track_depth":
            places[step.track].depth = step.depth
        elif isinstance(step, InsertItem):
            on = places[step.track_key]
            on.items.append(Item(on, step.chunk))
        elif isinstance(step, ReplaceItem):
            found[step.item].load(step.chunk)
        elif isinstance(step, MuteItem):
            found[step.item].set("B_MUTE", 1)
    after = project.render(len(before) / project.rate)
    return float(np.abs(after - before).max(initial=0.0))


def _facts(item: Item) -> facts.Item:
    take = item.active
    assert take is not None
    assert take.source is not None
    bottom = take.source.bottom
    frames, rate, channels = bottom.info()
    return facts.Item(
        guid=item.guid,
        track=item.track.guid,
        chunk=item.chunk(),
        active_take=0,
        source=facts.Source(
            path=str(bottom.path),
            kind=take.source.kind,
            length=frames / rate,
            sample_rate=rate,
            channels=channels,
        ),
    )


@pytest.mark.parametrize(
    "build",
    [
        {"soffs": 1.0, "length": 2.0},
        {"soffs": -0.5, "length": 2.0},
        {"soffs": 5.0, "length": 2.0},
        {"soffs": 1.0, "length": 2.0, "rate": 1.3},
        {"soffs": 1.0, "length": 2.0, "rate": 0.7, "preserve_pitch": False},
        {"soffs": 1.0, "length": 2.0, "pitch": 3.0, "pitch_mode": 589824},
        {"soffs": 1.0, "length": 2.0, "loop": True},
        {"soffs": 5.0, "length": 9.0, "loop": True},
        {"length": 2.0, "section": (2.0, 1.5)},
        {"length": 4.0, "section": (2.0, 1.5), "loop": True, "soffs": 0.4},
        {"length": 2.0, "section": (2.0, 2.5), "reverse": True, "soffs": 0.3},
        {"length": 2.0, "reverse": True, "soffs": 2.0},
        {"soffs": 1.0, "length": 2.0, "stretch_markers": [(0.0, 1.0), (1.0, 2.5), (2.0, 3.0)]},
        {"soffs": 1.0, "length": 2.0, "channel_mode": 1},
        {"soffs": 1.0, "length": 2.0, "channel_mode": 2},
        {"soffs": 1.0, "length": 2.0, "channel_mode": 4},
        {"soffs": 1.0, "length": 2.0, "volume": 0.5, "take_volume": -0.7, "take_pan": 0.3},
        {"soffs": 1.0, "length": 2.0, "fade_in": (0.5, 1, 0.2), "fade_out": (0.7, 5, -0.2)},
        {"soffs": 1.0, "length": 2.0, "rate": 1.5, "envelopes": {"Volume": [(0, 0), (2, 1)]}},
        {"soffs": 1.0, "length": 2.0, "values": {"D_SNAPOFFSET": 0.5, "I_GROUPID": 4}},
        {"soffs": 1.0, "length": 2.0, "kind": "MP3"},
    ],
)
def test_stems_in_place_sound_as_the_item_did(
    render_sim: Simulator, songs: dict[int, Path], tmp_path: Path, build: dict[str, Any]
) -> None:
    project = render_sim.project(rate=RATE)
    one = project.add_track(volume=0.8, pan=-0.2).add_item(songs[2], 0.5, **build)
    assert np.abs(project.render()).max() > 0.05
    assert difference(render_sim, tmp_path, one) < 1e-9


@pytest.mark.parametrize(("channels", "mode"), [(1, 0), (1, 4), (6, 0), (6, 1), (6, 5), (6, 70)])
def test_channels(
    render_sim: Simulator, songs: dict[int, Path], tmp_path: Path, channels: int, mode: int
) -> None:
    project = render_sim.project(rate=RATE)
    one = project.add_track().add_item(songs[channels], length=2.0, soffs=1.0, channel_mode=mode)
    assert difference(render_sim, tmp_path, one) < 1e-9


_CHOICES = st.fixed_dictionaries(
    {
        "handles": st.sampled_from([0.0, 0.3, 1.0]),
        "layout": st.sampled_from(["folder", "flat"]),
        "within_time_selection": st.booleans(),
        "selection": st.none() | st.tuples(st.floats(0, 4), st.floats(0, 4)),
    }
)
_BUILD = st.fixed_dictionaries(
    {
        "position": st.floats(0, 1),
        "length": st.floats(0.2, 4),
        "soffs": st.floats(-1, 5),
        "rate": st.sampled_from([1.0, 0.5, 1.25, 2.0]) | st.floats(0.3, 3),
        "pitch": st.sampled_from([0.0, -4.0]),
        "preserve_pitch": st.booleans(),
        "loop": st.booleans(),
        "section": st.none() | st.tuples(st.floats(0, 5), st.floats(0.1, 3)),
        "reverse": st.booleans(),
        "channel_mode": st.sampled_from([0, 1, 2, 3, 4, 67]),
        "take_volume": st.sampled_from([1.0, -0.5]),
        "take_pan": st.floats(-1, 1),
        "fade_in": st.tuples(st.sampled_from([0.0, 0.2]), st.integers(0, 6), st.just(0.0)),
        "fade_out": st.tuples(st.sampled_from([0.0, 0.2]), st.integers(0, 6), st.just(0.0)),
        "envelopes": st.sampled_from([{}, {"Volume": [(0.0, 0.2), (1.0, 1.0), (2.0, 0.5)]}]),
        "stretch_markers": st.sampled_from([(), ((0.0, 1.0), (0.7, 1.5), (2.0, 3.0))]),
    }
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    # Each example renders a project: a shorter one is not worth a minute.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(builds=st.lists(_BUILD, min_size=1, max_size=3), choices=_CHOICES)
def test_any_combination_sounds_the_same(
    render_sim: Simulator,
    songs: dict[int, Path],
    tmp_path: Path,
    builds: list[dict[str, Any]],
    choices: dict[str, Any],
) -> None:
    if choices["within_time_selection"] and choices["selection"]:
        # A stretcher begins anew where an item is cut; the simulated one, too.
        builds = [build | {"pitch": 0.0, "preserve_pitch": False} for build in builds]
    project = render_sim.project(rate=RATE)
    on = project.add_track(volume=0.8)
    items = [on.add_item(songs[2], **build) for build in builds]
    assert difference(render_sim, tmp_path, *items, **choices) < 1e-5
