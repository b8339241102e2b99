"""From the selection to the sound: scripts and planner together, the stems made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from reaper_scripts_house import SEPARATE, ScriptsHouse
from reaper_sim import Simulator

from stemlift.audio.channels import ChannelMap, ChannelMode, map_channels
from stemlift.reaper.messages import JobFile
from stemlift.reaper.plan import PlannedJob
from stemlift.reaper.planning import Expected, finish_plan, make_plan

RATE = 8000


@pytest.fixture
def house(sim: Simulator, tmp_path: Path) -> ScriptsHouse:
    return ScriptsHouse(sim, tmp_path)


def separated(job: PlannedJob) -> Expected:
    """Two parts that sum to the range, where the job says that stems go."""
    data, rate = soundfile.read(job.input, always_2d=True)
    piece = data[job.start_frame :][: job.frames or None]
    mode = ChannelMode(job.channel_mode)
    piece = map_channels(piece, None, ChannelMap(mode, job.channel_first, job.channel_second))
    folder = Path(job.output_folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, share in (("vocals", 0.25), ("other", 0.75)):
        paths[name] = folder / (job.name_template.replace("{stem}", name) + ".wav")
        soundfile.write(paths[name], piece * share, rate, subtype="DOUBLE")
    return Expected(dict(paths), rate, job.start_frame, len(piece))


@pytest.mark.parametrize("layout", ["folder", "flat", "takes"])
@pytest.mark.parametrize("saved", [True, False])
def test_it_sounds_as_before_and_one_undo_takes_all_away(
    house: ScriptsHouse, tmp_path: Path, layout: str, saved: bool
) -> None:
    project = house.sim.project(tmp_path / "the project" / "p.rpp" if saved else None, rate=RATE)
    folder = project.add_track("Folder", depth=1, volume=0.8)
    song = house.song()
    track = project.add_track("Mix", depth=-1, volume=0.5, pan=0.3)
    track.add_item(song, 0.5, 1.5, soffs=0.25, selected=True, volume=0.7)
    track.add_item(song, 2.5, 1.0, soffs=2.0, selected=True, channel_mode=3)
    project.add_send(track, project.add_track("Reverb"), volume=0.4)
    assert folder.depth == 1
    project.undo.mark()
    before_text, before = project.text(), project.render(4.0)
    choices = json.dumps({"layout": layout})
    house.sim.set_ext_state("Stemlift", "choices", choices, True)
    script = house.run(SEPARATE)
    job = JobFile.model_validate_json((house.job / "job.json").read_bytes())
    plan = make_plan(job.request, ("vocals", "other"))
    results = {planned.key: separated(planned) for planned in plan.jobs}
    finished = finish_plan(job.request, plan, results)
    house.say("done", plan=json.loads(finished.model_dump_json()))
    assert (house.job / "imported").is_file(), house.shown
    house.turns(3)
    if script.running:
        house.sim.window.click("Close")
        house.turns()
    if layout != "takes":
        assert np.abs(project.render(4.0) - before).max() < 1e-6
    assert len(project.undo.labels) == 1
    assert project.undo.undo()
    assert project.text().replace("SEL 1", "SEL 0") == before_text.replace("SEL 1", "SEL 0")
