"""From the click to the sound: installed scripts, the real helper, a real server, real stems.

What is heard before and after is the same, for every way that ends well.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_server import Home, home_in
from reaper_house import (
    RATE,
    ReaperHouse,
    assert_same_sound,
    new_items,
    song_file,
    stem_files,
)
from reaper_scripts_house import CHOOSE, IMPORT, SEPARATE
from reaper_sim import Project, Simulator, Track
from tiny_demucs import install_in_cache, tiny_htdemucs, write_bag

from stemlift.rpc.results import JobState

SPECTRAL = 4
ODD = "-dash ü… 'single' $HOME; & (1)" + ("" if os.name == "nt" else ' "double"')


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home of ü")
    files = write_bag(folder / "made", "htdemucs", [tiny_htdemucs(1)])
    install_in_cache(folder / "models", "adefossez/HTDemucs", files)
    with home_in(folder, HF_HUB_OFFLINE="1") as home:
        yield home


@pytest.fixture
def house(render_sim: Simulator, home: Home, tmp_path: Path) -> ReaperHouse:
    return ReaperHouse(render_sim, home, tmp_path)


def mix_track(project: Project) -> Track:
    """A track whose effect is not the same on parts as on their sum."""
    return project.add_track("Mix", volume=0.8, pan=0.2, effects=("tanh",))


def test_one_item(sim: Simulator, home: Home, tmp_path: Path) -> None:
    house = ReaperHouse(sim, home, tmp_path)
    project = sim.project(tmp_path / "project" / "p.rpp")
    source = song_file(tmp_path / "a song.wav", 4.0)
    mix_track(project).add_item(source, 0.5, 1.5, soffs=1.25, selected=True)
    before = house.hear(project)
    house.separate(SEPARATE, handles=0.5)
    (job,) = house.server_jobs()
    assert job.result is not None
    assert job.model == "spectral"
    # The second and a half of the item, and the handles.
    assert (job.result.start_frame, job.result.frames) == (round(0.75 * RATE), round(2.5 * RATE))
    assert [t.name.lower() for t in project.tracks] == ["mix", *job.result.stems]
    assert [item.get("B_MUTE") for item in project.items] == [1, 0, 0, 0, 0]
    assert project.undo.labels == ["Stemlift: separate item to tracks"]
    for stem in job.result.stems.values():
        assert stem.is_relative_to(tmp_path / "project" / "Stemlift" / "a song")
    files = [new.takes[0].source.written_name for new in new_items(before)]
    # In the project's folder, so that it can be moved as a whole.
    assert all(not Path(name).is_absolute() for name in files)
    house.assert_the_same_is_heard(before)
    assert [item.get("B_MUTE") for item in project.items] == [0]
    # What was undone is still a result that can be brought in again.
    assert len(stem_files(tmp_path)) == SPECTRAL


def test_twenty_items_of_one_source_are_one_job_without_seams(
    house: ReaperHouse, tmp_path: Path
) -> None:
    project = house.sim.project(tmp_path / "p.rpp")
    source = song_file(tmp_path / "song.wav", 6.0)
    track = mix_track(project)
    for number in range(20):
        at = number * 0.25
        track.add_item(source, 0.1 + at, 0.25, soffs=0.5 + at, selected=True)
    before = house.hear(project)
    house.separate(SEPARATE, handles=0.1)
    (job,) = house.server_jobs()
    assert job.result is not None
    assert (job.result.start_frame, job.result.frames) == (round(0.4 * RATE), round(5.2 * RATE))
    items = new_items(before)
    assert len(items) == 20 * SPECTRAL
    assert len({item.takes[0].source.written_name for item in items}) == SPECTRAL
    # Each stem alone goes through all items as one piece, too.
    for name, path in job.result.stems.items():
        (lane,) = [track for track in project.tracks if track.name.lower() == name]
        played = np.concatenate(
            [_frames_of(item, path, job.result.start_frame) for item in lane.items]
        )
        start = round(0.1 * RATE)
        assert np.array_equal(played, soundfile.read(path)[0][start : start + 5 * RATE])
    house.assert_the_same_is_heard(before)


def _frames_of(item, path: Path, start: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    first = round(item.takes[0].get("D_STARTOFFS") * RATE)
    return soundfile.read(path)[0][first : first + round(item.get("D_LENGTH") * RATE)]


def test_items_on_several_tracks(house: ReaperHouse, tmp_path: Path) -> None:
    project = house.sim.project(tmp_path / "p.rpp")
    songs = [song_file(tmp_path / f"{n}.wav", 2.0, channels=n, seed=n) for n in (1, 2)]
    project.add_track("Band", depth=1, effects=("tanh",), volume=0.7)
    first = mix_track(project)
    second = project.add_track("Second", depth=-1, effects=("tanh",), B_PHASE=1)
    room = project.add_track("Room", effects=("tanh",))
    project.add_send(first, room, volume=0.5)
    first.add_item(songs[1], 0.0, 0.8, soffs=0.3, selected=True, rate=1.25)
    first.add_item(songs[0], 1.0, 0.8, selected=True, fade_in=(0.2, 3, 0.0))
    second.add_item(songs[1], 0.4, 1.0, soffs=0.2, selected=True, channel_mode=3)
    second.add_item(songs[0], 1.5, 0.4, soffs=1.0, selected=False)
    room.add_item(songs[0], 0.3, 0.5, soffs=0.2, selected=True, reverse=True)
    before = house.hear(project)
    house.separate(SEPARATE, handles=0.1)
    # The channel of the third item is a job of its own; the reversed item takes the whole song.
    assert {job.state for job in house.server_jobs()} == {JobState.SUCCEEDED}
    parents = project.parents()
    for name in ("Mix", "Second", "Room"):
        (track,) = [each for each in project.tracks if each.name == name]
        assert len([each for each in project.tracks if parents[each] is track]) == SPECTRAL
    house.assert_the_same_is_heard(before)


@pytest.mark.parametrize("layout", ["flat", "takes"])
def test_other_layouts_from_an_unsaved_project(
    house: ReaperHouse, tmp_path: Path, layout: str
) -> None:
    project = house.sim.project()
    track = project.add_track("Mix", volume=0.8, pan=0.2)
    track.add_item(song_file(tmp_path / "song.wav", 2.0), 0.3, selected=True)
    before = house.hear(project)
    house.separate(SEPARATE, layout=layout)
    (job,) = house.server_jobs()
    # Never a temporary folder: where REAPER records.
    assert job.output_folder == house.sim.recording_path / "Stemlift" / "song"
    if layout == "flat":
        assert [track.depth for track in project.tracks] == [0] * 5
        house.assert_the_same_is_heard(before)
    else:
        (item,) = project.items
        assert len(item.takes) == SPECTRAL + 1
        assert len(project.undo.labels) == 1
        house.assert_undone(before)


def test_odd_paths_everywhere(home: Home, tmp_path: Path, one_lua: str) -> None:
    odd = tmp_path / ODD
    sim = Simulator(odd / "simulated", one_lua)
    # From where it is, the resource path begins with a dash.
    sim.resource_path = sim.resource_path.rename(sim.folder / ODD)
    house = ReaperHouse(sim, home, odd, (f"--resource-path={ODD}",))
    project = sim.project(odd / f"{ODD} project" / f"{ODD}.rpp")
    track = mix_track(project)
    track.add_item(song_file(odd / f"{ODD}.wav", 1.0), 0.5, selected=True)
    # Its own path is relative, and begins with a dash.
    inside = song_file(odd / f"{ODD} project" / f"{ODD}.wav", 1.5, seed=1)
    track.add_item(inside.name, 2.0, 1.0, soffs=0.2, selected=True)
    before = house.hear(project)
    house.separate(SEPARATE, handles=0.1)
    assert {job.source for job in house.server_jobs()} == {odd / f"{ODD}.wav", inside}
    assert len(stem_files(odd / f"{ODD} project")) == 2 * SPECTRAL
    house.assert_the_same_is_heard(before)
    assert sim.leaks() == []
    sim.quit()


def long_source(path: Path, minutes: int, at: float, seconds: float) -> int:
    """A file of silence but for a song; it takes little of the disk. Returns its rate."""
    rate = 8000
    frames = minutes * 60 * rate
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + 2 * frames,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate,
        2 * rate,
        2,
        16,
        b"data",
        2 * frames,
    )
    noise = np.random.default_rng(0).integers(-9000, 9000, round(seconds * rate), np.int16)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 2 * frames)
        file.seek(len(head) + 2 * round(at * rate))
        file.write(noise.tobytes())
    return rate


def test_of_thirty_minutes_only_the_seconds_in_use_are_separated(
    house: ReaperHouse, tmp_path: Path
) -> None:
    rate = long_source(tmp_path / "long.wav", 30, at=1190.0, seconds=20.0)
    project = house.sim.project(tmp_path / "p.rpp", rate=rate)
    mix_track(project).add_item(tmp_path / "long.wav", 1.0, 8.0, soffs=1195.0, selected=True)
    before = house.hear(project)
    house.separate(SEPARATE, handles=1.0)
    (job,) = house.server_jobs()
    assert job.result is not None
    assert (job.result.start_frame, job.result.frames) == (1194 * rate, 10 * rate)
    assert [soundfile.info(path).frames for path in job.result.stems.values()] == [10 * rate] * 4
    house.assert_the_same_is_heard(before)


def choose(house: ReaperHouse, field: str, entry: Callable[[str], bool]) -> None:
    """Click the field beside a label, and take the entry of its menu that is meant."""
    label = house.sim.window.find(field)
    house.sim.menu_answers = [0]
    house.sim.window.click((label.x + 200, label.centre[1]))
    labels = [each.lstrip("!") for each in house.sim.menus[-1].split("|")]
    (number,) = [at for at, each in enumerate(labels, 1) if entry(each)]
    house.sim.menu_answers = [number]
    house.sim.window.click((label.x + 200, label.centre[1]))


def test_what_was_chosen_in_the_dialog(house: ReaperHouse, tmp_path: Path) -> None:
    project = house.sim.project(tmp_path / "p.rpp")
    track = project.add_track("Mix", volume=0.8)
    source = song_file(tmp_path / "song.wav", 3.0)
    track.add_item(source, 0.0, 1.0, soffs=1.0, selected=True)
    track.add_item(source, 1.5, 0.5, soffs=1.2)
    project.time_selection = (0.2, 0.6)
    before = house.hear(project)
    house.run(CHOOSE)
    house.sim.run_until(lambda: "Reading the list of models…" not in house.shown, 60)
    # The best of what is there.
    assert "Hybrid Transformer Demucs: good quality" in house.shown
    choose(house, "Model", lambda text: text.startswith("Signal processing"))
    choose(house, "Model", lambda text: "good quality" in text and "utomatic" not in text)
    house.sim.window.click("vocals")
    house.sim.window.click("instrumental")
    choose(house, "Range", lambda text: text == "Only the time selection")
    choose(house, "Stems go to", lambda text: text == "New tracks after the item's track")
    choose(house, "Handles", lambda text: text == "0.5 s")
    house.sim.window.click("Separate")
    house.until_imported()
    house.settle()
    (job,) = house.server_jobs()
    assert job.result is not None
    assert job.model == "htdemucs"
    assert list(job.result.stems) == ["vocals", "instrumental"]
    assert (job.result.start_frame, job.result.frames) == (round(0.7 * RATE), round(1.4 * RATE))
    assert {t.name for t in project.tracks} - set(before.tracks) == {
        "Mix - Vocals",
        "Mix - Instrumental",
    }
    house.assert_the_same_is_heard(before)


@pytest.mark.parametrize(
    ("preset", "stems"),
    [
        ("Acapella and instrumental", ["vocals", "instrumental"]),
        ("Vocals", ["vocals"]),
        ("Instrumental", ["instrumental"]),
        pytest.param("Drums", ["drums"], marks=pytest.mark.long),
        pytest.param("Bass", ["bass"], marks=pytest.mark.long),
    ],
)
def test_presets(house: ReaperHouse, tmp_path: Path, preset: str, stems: list[str]) -> None:
    project = house.sim.project(tmp_path / "p.rpp")
    source = song_file(tmp_path / "song.wav", 1.0)
    mix_track(project).add_item(source, 0.2, 0.6, soffs=0.2, selected=True)
    before = house.hear(project)
    house.separate(f"Stemlift_{preset}.lua", handles=0.1, layout="folder")
    (job,) = house.server_jobs()
    assert job.result is not None
    # The best that is there, whatever was chosen last.
    assert job.model == "htdemucs"
    assert list(job.result.stems) == stems
    assert [item.track.name.lower() for item in new_items(before)] == stems
    if len(stems) == 2:
        house.assert_the_same_is_heard(before)
        return
    # What is heard is the stem alone, through the chain of its track.
    wanted = house.sim.project()
    mix_track(wanted).add_item(job.result.stems[stems[0]], 0.2, 0.6, soffs=0.1)
    assert_same_sound(project, wanted.render())
    house.assert_undone(before)


def test_a_result_that_was_undone_comes_in_again(house: ReaperHouse, tmp_path: Path) -> None:
    project = house.sim.project(tmp_path / "p.rpp")
    source = song_file(tmp_path / "undone.wav", 1.0)
    project.add_track("Mix").add_item(source, 0.5, selected=True)
    before = house.hear(project)
    house.separate(SEPARATE)
    house.assert_undone(before)
    house.run(IMPORT)
    house.sim.step(5)
    house.sim.box_answers = [6]
    house.sim.window.click(f"{source.name}, ")
    assert [item.get("D_POSITION") for item in new_items(before)] == [0.5] * SPECTRAL
    project.tracks[0].items[0].set("B_MUTE", 1)
    assert_same_sound(project, before.sound)
    assert house.sim.running == []
