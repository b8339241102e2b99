"""What the simulated REAPER lets us hear: impulses land where the real one would put them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

if TYPE_CHECKING:
    from reaper_sim import Simulator

RATE = 44100
AT = 8820  # frame of the impulse in the source, 0.2 s


@pytest.fixture
def impulse(tmp_path: Path) -> Path:
    """One second; left 1.0 and right 0.5 at one frame."""
    data = np.zeros((RATE, 2))
    data[AT] = 1.0, 0.5
    path = tmp_path / "impulse.wav"
    soundfile.write(path, data, RATE, subtype="DOUBLE")
    return path


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    path = tmp_path / "noise.wav"
    data = np.random.default_rng(4).uniform(-0.5, 0.5, (RATE, 2))
    soundfile.write(path, data, RATE, subtype="DOUBLE")
    return path


def places(sound: npt.NDArray[np.float64]) -> list[int]:
    return np.flatnonzero(np.abs(sound[:, 0]) > 0.6).tolist()


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ({}, [AT]),
        ({"position": 0.5}, [22050 + AT]),
        ({"position": 0.5, "soffs": 0.1}, [22050 + AT - 4410]),
        ({"position": 0.5, "soffs": -0.1}, [22050 + AT + 4410]),
        ({"soffs": 0.3}, []),
        ({"length": 0.2}, []),
        ({"length": 0.2 + 1 / RATE}, [AT]),
        ({"rate": 2.0, "preserve_pitch": False}, [AT // 2]),
        ({"soffs": 0.1, "rate": 2.0, "preserve_pitch": False}, [(AT - 4410) // 2]),
        ({"loop": True, "length": 2.5}, [AT, AT + RATE, AT + 2 * RATE]),
        ({"loop": False, "length": 2.5}, [AT]),
        ({"loop": True, "length": 1.0, "soffs": 0.5}, [AT + 22050]),
        ({"section": (0.1, 0.3)}, [AT - 4410]),
        ({"section": (0.1, 0.3), "loop": True, "length": 0.6}, [AT - 4410, AT - 4410 + 13230]),
        ({"section": (0.1, 0.3), "soffs": 0.05}, [AT - 4410 - 2205]),
        ({"section": (0.25, 0.3)}, []),
        ({"reverse": True}, [RATE - 1 - AT]),
        ({"reverse": True, "soffs": 0.1}, [RATE - 1 - AT - 4410]),
        ({"section": (0.1, 0.3), "reverse": True}, [13230 - 1 - (AT - 4410)]),
        ({"stretch_markers": [(0.0, 0.0), (0.4, 0.2), (1.0, 1.0)]}, [AT * 2]),
        ({"stretch_markers": [(0.0, 0.1)]}, [AT - 4410]),
        ({"mute": True}, []),
        ({"values": {"D_SNAPOFFSET": 0.1}}, [AT]),
    ],
)
def test_an_impulse_lands_at_its_frame(
    render_sim: Simulator, impulse: Path, build: dict[str, object], expected: list[int]
) -> None:
    render_sim.current.add_track().add_item(impulse, **build)  # type: ignore[arg-type]
    assert places(render_sim.current.render()) == expected


def test_another_rate_of_the_project_moves_the_frame_but_not_the_time(
    render_sim: Simulator, impulse: Path
) -> None:
    project = render_sim.project(rate=88200)
    project.add_track().add_item(impulse)
    assert places(project.render())[0] in (2 * AT, 2 * AT - 1)
    assert project.render()[2 * AT, 0] == 1.0


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0, (1, 0.5)), (1, (0.5, 1)), (2, (0.75, 0.75)), (3, (1, 1)), (4, (0.5, 0.5)), (67, (1, 0.5))],
)
def test_channel_modes(
    render_sim: Simulator, impulse: Path, mode: int, expected: tuple[float, float]
) -> None:
    render_sim.current.add_track().add_item(impulse, channel_mode=mode)
    assert tuple(render_sim.current.render()[AT]) == expected


@pytest.mark.parametrize(("mode", "left", "right"), [(5, 3, 3), (6, 4, 4), (68, 2, 3), (69, 3, 4)])
def test_channel_modes_of_many_channels(
    render_sim: Simulator, tmp_path: Path, mode: int, left: int, right: int
) -> None:
    path = tmp_path / "four.wav"
    soundfile.write(path, np.tile([0.1, 0.2, 0.3, 0.4], (100, 1)), RATE, subtype="DOUBLE")
    render_sim.current.add_track().add_item(path, channel_mode=mode)
    np.testing.assert_allclose(render_sim.current.render()[50], [left / 10, right / 10])


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ({"volume": 0.5}, (0.5, 0.25)),
        ({"take_volume": -0.5}, (-0.5, -0.25)),
        ({"take_pan": 0.5}, (0.5, 0.5)),
        ({"take_pan": -1.0}, (1.0, 0.0)),
        ({"fade_in": (0.4, 0, 0.0)}, (0.5, 0.25)),
        ({"length": 0.4, "fade_out": (0.4, 0, 0.0)}, (0.5, 0.25)),
        ({"fade_in": (0.4, 0, 1.0)}, (0.25, 0.125)),
        ({"fade_in": (0.4, 5, 0.0)}, (0.5, 0.25)),
        ({"envelopes": {"Volume": [(0.0, 0.0), (0.4, 1.0)]}}, (0.5, 0.25)),
        ({"envelopes": {"Mute": [(0.0, 1.0), (0.1, 0.0)]}}, (0.0, 0.0)),
        ({"envelopes": {"Pan": [(0.0, 1.0)]}}, (1.0, 0.0)),
        ({"take_fx": ["gain"]}, (0.5, 0.25)),
    ],
)
def test_gains_of_an_item(
    render_sim: Simulator, impulse: Path, build: dict[str, object], expected: tuple[float, float]
) -> None:
    render_sim.current.add_track().add_item(impulse, **build)  # type: ignore[arg-type]
    np.testing.assert_allclose(render_sim.current.render()[AT], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"volume": 0.5}, (0.5, 0.25)),
        ({"pan": 1.0}, (0.0, 0.5)),
        ({"pan": 0.5, "D_PANLAW": 0.5}, (0.25, 0.375)),
        ({"D_PANLAW": 0.5}, (0.5, 0.25)),
        ({"D_WIDTH": 0.0, "I_PANMODE": 5}, (0.75, 0.75)),
        ({"D_WIDTH": -1.0, "I_PANMODE": 5}, (0.5, 1.0)),
        ({"B_PHASE": 1}, (-1.0, -0.5)),
        ({"B_MUTE": 1}, (0.0, 0.0)),
        ({"B_MAINSEND": 0}, (0.0, 0.0)),
    ],
)
def test_gains_of_a_track(
    render_sim: Simulator, impulse: Path, values: dict[str, float], expected: tuple[float, float]
) -> None:
    render_sim.current.add_track("t", **values).add_item(impulse)  # type: ignore[arg-type]
    np.testing.assert_allclose(render_sim.current.render()[AT], expected, atol=1e-12)


def test_folders_sum_in_front_of_the_parents_effects(render_sim: Simulator, impulse: Path) -> None:
    project = render_sim.current
    project.add_track("parent", depth=1, effects=("tanh",), volume=0.5)
    project.add_track("a").add_item(impulse)
    project.add_track("b", depth=-1).add_item(impulse)
    project.add_track("outside").add_item(impulse)
    found = project.render()[AT]
    np.testing.assert_allclose(found, [np.tanh(6) / 6 + 1, np.tanh(3) / 6 + 0.5], atol=1e-12)


def test_sends_before_and_after_effects_and_fader(render_sim: Simulator, impulse: Path) -> None:
    project = render_sim.current
    source = project.add_track("a", volume=0.25, effects=("gain",), B_MAINSEND=0)
    source.add_item(impulse)
    for mode, expected in ((0, 0.125), (1, 1.0), (3, 0.5)):
        project.sends.clear()
        target = project.add_track()
        project.add_send(source, target, mode=mode, volume=2.0)
        assert project.render()[AT, 0] == pytest.approx(2 * expected)


def test_solo_keeps_ancestors_and_children_of_the_soloed(
    render_sim: Simulator, impulse: Path
) -> None:
    project = render_sim.current
    parent = project.add_track("parent", depth=1)
    parent.add_item(impulse)
    child = project.add_track("child", depth=-1)
    child.add_item(impulse, volume=0.25)
    project.add_track("other").add_item(impulse, volume=8.0)
    child.set("I_SOLO", 1)
    assert project.render()[AT, 0] == 0.25
    child.set("I_SOLO", 0)
    parent.set("I_SOLO", 2)
    assert project.render()[AT, 0] == 1.25


def test_a_track_that_defeats_solo_is_heard_beside_it(render_sim: Simulator, impulse: Path) -> None:
    project = render_sim.current
    project.add_track("soloed", I_SOLO=1).add_item(impulse)
    project.add_track("always", B_SOLO_DEFEAT=1).add_item(impulse, volume=0.5)
    project.add_track("other").add_item(impulse)
    assert project.render()[AT, 0] == 1.5


def test_only_lanes_that_play_are_heard(render_sim: Simulator, impulse: Path) -> None:
    track = render_sim.current.add_track()
    track.add_item(impulse, lane=0)
    track.add_item(impulse, lane=1, volume=0.5)
    track.add_item(impulse, lane=2, volume=0.125)
    track.use_lanes(3, playing=[1, 2])
    assert render_sim.current.render()[AT, 0] == 0.625
    assert [item.get("C_LANEPLAYS") for item in track.items] == [0, 2, 2]
    track.use_lanes(3, playing=[0])
    assert render_sim.current.render()[AT, 0] == 1.0


def test_only_the_active_take_plays_unless_all_do(render_sim: Simulator, impulse: Path) -> None:
    item = render_sim.current.add_track().add_item(impulse, volume=0.5)
    second = item.add_take()
    second.set_source(item.takes[0].source.block)  # type: ignore[union-attr]
    second.set("D_VOL", 0.25)
    assert render_sim.current.render()[AT, 0] == 0.5
    item.set("I_CURTAKE", 1)
    assert render_sim.current.render()[AT, 0] == 0.125
    item.set("B_ALLTAKESPLAY", 1)
    assert render_sim.current.render()[AT, 0] == 0.625


ROWS: list[dict[str, object]] = [
    {"rate": 1.37, "preserve_pitch": False, "soffs": 0.11},
    {"rate": 0.8, "pitch": 3.0, "soffs": 0.11, "length": 0.7},
    {"pitch": -2.5, "pitch_mode": 589824},
    {"loop": True, "length": 2.3, "soffs": 0.4, "rate": 1.1},
    {"section": (0.2, 0.5), "reverse": True, "loop": True, "length": 1.2},
    {"stretch_markers": [(0.1, 0.1), (0.5, 0.3), (0.8, 0.9)]},
    {"take_pan": 0.3, "take_volume": -0.7, "envelopes": {"Volume": [(0.0, 0.2), (0.6, 1.4)]}},
]


@pytest.mark.parametrize("row", ROWS)
def test_two_parts_sound_as_their_sum(
    render_sim: Simulator, noise: Path, tmp_path: Path, row: dict[str, object]
) -> None:
    """The renderer is linear in the source: else no comparison with stems would mean anything."""
    data, _ = soundfile.read(noise)
    part = np.random.default_rng(5).uniform(-0.5, 0.5, data.shape)
    for name, sound in (("one.wav", part), ("two.wav", data - part)):
        soundfile.write(tmp_path / name, sound, RATE, subtype="DOUBLE")
    whole = render_sim.project()
    whole.add_track().add_item(noise, **row)  # type: ignore[arg-type]
    parts = render_sim.project()
    for name in ("one.wav", "two.wav"):
        parts.add_track().add_item(tmp_path / name, **row)  # type: ignore[arg-type]
    expected = whole.render()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(parts.render(), expected, atol=1e-12)


@pytest.mark.parametrize("change", [{"pitch": 1.0}, {"rate": 1.001}, {"pitch_mode": 3, "pitch": 2}])
def test_keys_of_pitch_and_rate_are_heard(
    render_sim: Simulator, noise: Path, change: dict[str, float]
) -> None:
    track = render_sim.current.add_track()
    track.add_item(noise, length=0.9, pitch=2.0 if len(change) == 2 else 0.0)
    before = render_sim.current.render()
    track.items.clear()
    track.add_item(noise, length=0.9, **change)  # type: ignore[arg-type]
    assert np.abs(render_sim.current.render() - before).max() > 0.01


def test_a_non_linear_effect_tells_the_sum_from_its_parts(
    render_sim: Simulator, noise: Path
) -> None:
    project = render_sim.current
    track = project.add_track(effects=("tanh",))
    track.add_item(noise, volume=0.5)
    track.add_item(noise, volume=0.5)
    together = project.render()
    project.remove_track(track)
    for _ in range(2):
        project.add_track(effects=("tanh",)).add_item(noise, volume=0.5)
    assert np.abs(project.render() - together).max() > 0.01
