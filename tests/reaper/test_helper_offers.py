"""Stems for other items that play the same: from the click to the sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_server import Home, home_in
from reaper_house import ReaperHouse, assert_same_sound, song_file
from reaper_scripts_house import SEPARATE
from reaper_sim import Project, Simulator

GIVE = "Give them the stems too"
SPECTRAL = 4


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home")) as home:
        yield home


@pytest.fixture
def house(render_sim: Simulator, home: Home, tmp_path: Path) -> ReaperHouse:
    return ReaperHouse(render_sim, home, tmp_path)


def two_that_play_the_same(house: ReaperHouse, tmp_path: Path) -> Project:
    project = house.sim.project(tmp_path / "p.rpp")
    track = project.add_track("Mix", volume=0.8, effects=("tanh",))
    source = song_file(tmp_path / "song.wav", 3.0)
    track.add_item(source, 0.0, 1.0, soffs=0.5, selected=True)
    track.add_item(source, 1.5, 0.75, soffs=0.625)
    return project


def give(house: ReaperHouse) -> None:
    """Separate the first item, then give its stems to the other."""
    house.choose()
    house.run(SEPARATE)
    house.until_imported()
    house.sim.run_until(lambda: "1 other item plays the same." in house.shown, 30)
    house.sim.window.click(GIVE)
    house.sim.step(1)


def test_they_join_the_tracks_that_are_there(house: ReaperHouse, tmp_path: Path) -> None:
    project = two_that_play_the_same(house, tmp_path)
    sound = project.render()
    give(house)
    names = [track.name for track in project.tracks]
    assert len(names) == 1 + SPECTRAL
    house.until_imported()
    house.settle()
    assert [track.name for track in project.tracks] == names
    assert [len(track.items) for track in project.tracks[1:]] == [2] * SPECTRAL
    assert [item.get("B_MUTE") for item in project.tracks[0].items] == [1, 1]
    assert len(house.server_jobs()) == 1
    assert project.undo.labels == ["Stemlift: separate item to tracks"] * 2
    assert project.problems() == []
    assert_same_sound(project, sound)


def test_one_that_went_meanwhile_is_made_again(house: ReaperHouse, tmp_path: Path) -> None:
    project = two_that_play_the_same(house, tmp_path)
    give(house)
    gone = project.tracks[2]
    project.remove_track(gone)
    house.until_imported()
    house.settle()
    counts = {track.name: len(track.items) for track in project.tracks[1:]}
    assert counts.pop(gone.name) == 1
    assert set(counts.values()) == {2}
    assert len(counts) == SPECTRAL - 1
    assert project.problems() == []
