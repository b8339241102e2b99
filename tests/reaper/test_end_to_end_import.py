"""A result folder's stems on the items of a project, with the real helper: heard as before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_server import Home, home_in
from reaper_house import RATE, ReaperHouse, assert_same_sound, song_file
from reaper_scripts_house import IMPORT
from reaper_sim import Simulator

from stemlift.reaper.messages import Phase

SHARES = {"vocals": 0.25, "drums": 1.5, "other": -0.75}
YES = 6


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home"), HF_HUB_OFFLINE="1") as home:
        yield home


@pytest.fixture
def house(render_sim: Simulator, home: Home, tmp_path: Path) -> ReaperHouse:
    return ReaperHouse(render_sim, home, tmp_path)


def result_of(song: Path, seconds: float | None = None) -> Path:
    """A result folder with stems that sum to the song, or to its start."""
    folder = song.parent / "outbox" / song.stem
    folder.mkdir(parents=True)
    mix, rate = soundfile.read(song, -1 if seconds is None else round(seconds * RATE))
    for name, share in SHARES.items():
        soundfile.write(folder / f"{name}.wav", mix * share, rate, "DOUBLE")
    stems = [{"name": name, "file": f"{name}.wav"} for name in SHARES]
    source = {"path": str(song), "frames": len(mix), "sample_rate": rate, "time_reference": 0}
    manifest = folder / "stems.json"
    manifest.write_text(json.dumps({"stems": stems, "source": source}), encoding="utf-8")
    return manifest


def place(house: ReaperHouse, manifest: Path) -> None:
    house.run(IMPORT)
    house.sim.step(5)
    house.sim.file_answers = [str(manifest)]
    house.sim.box_answers = [YES]
    house.sim.window.click("A folder of stems (stems.json)…")


def test_stems_of_a_result_folder_lie_where_the_song_is_played(
    house: ReaperHouse, home: Home
) -> None:
    song = song_file(house.folder / "a song.wav", 4.0)
    project = house.sim.project(house.folder / "project" / "p.rpp")
    track = project.add_track("Mix", volume=0.8, effects=("tanh",))
    track.add_item(song, 0.25, 1.0, soffs=0.5)
    track.add_item(song, 1.5, 1.0, soffs=1.0, rate=0.5, channel_mode=3)
    track.add_item(song, 2.75, 1.5, section=(1.0, 1.25), reverse=True, channel_mode=1)
    track.add_item(song, 4.5, 6.0, loop=True, soffs=0.75, volume=-0.5)
    project.undo.mark()
    before = house.hear(project)
    house.choose()
    place(house, result_of(song))
    house.until_imported()
    house.settle()
    assert [t.name.lower() for t in project.tracks[1:]] == [*SHARES]
    # Nobody separated anything.
    assert not home.server_pid()
    house.assert_the_same_is_heard(before)


def test_a_song_that_was_longer_since_is_refused(house: ReaperHouse) -> None:
    song = song_file(house.folder / "a song.wav", 4.0)
    project = house.sim.project(house.folder / "project" / "p.rpp")
    project.add_track("Mix").add_item(song, 0.0, 3.5)
    project.undo.mark()
    before = project.text()
    house.choose()
    place(house, result_of(song, seconds=2.0))
    status = house.until(Phase.FAILED)
    assert status.error is not None
    assert status.error.reason == "FILE_CHANGED"
    house.sim.step(5)
    assert "do not hold all" in house.shown
    house.settle()
    assert project.text() == before


def test_a_link_out_of_the_folder_is_refused_by_the_helper(house: ReaperHouse) -> None:
    song = song_file(house.folder / "a song.wav", 2.0)
    project = house.sim.project(house.folder / "project" / "p.rpp")
    project.add_track("Mix").add_item(song, 0.0, 1.0)
    sound = project.render()
    manifest = result_of(song)
    soundfile.write(house.folder / "secret.wav", np.zeros(10), RATE)
    stem = manifest.parent / "vocals.wav"
    stem.unlink()
    stem.symlink_to(house.folder / "secret.wav")
    house.choose()
    place(house, manifest)
    status = house.until(Phase.FAILED)
    assert status.error is not None
    assert "a file outside of its folder" in status.error.message
    house.settle()
    assert_same_sound(project, sound)
