"""A simulated REAPER with the installed scripts, the real helper and a real server behind them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import psutil
from real_server import Home
from signals import song, write

from stemlift.reaper.messages import Phase, Status
from stemlift.rpc.results import JobUpdate

if TYPE_CHECKING:
    from reaper_sim import Project, Script, Simulator

SILENT = 1e-5  # -100 dBFS
RATE = 44100
PATIENCE = 60.0


def song_file(path: Path, seconds: float, *, channels: int = 2, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, song(round(seconds * RATE), channels, RATE, seed), RATE, "PCM_16")


@dataclass(frozen=True)
class Heard:
    """A project before its items were separated."""

    project: Project
    text: list[str]
    sound: npt.NDArray[np.float64]
    tracks: tuple[str, ...]


class ReaperHouse:
    """home: of the server. folder: where the test's media lie, by which its jobs are known."""

    def __init__(
        self, sim: Simulator, home: Home, folder: Path, install: Sequence[str] = ()
    ) -> None:
        self.sim = sim
        self.home = home
        self.folder = folder
        (sim.resource_path / "reaper.ini").touch()
        where = install or ("--resource-path", str(sim.resource_path))
        ran = home.run("reaper", "install", *where, cwd=sim.resource_path.parent)
        assert ran.returncode == 0, ran.stderr
        self.scripts = sim.resource_path / "Scripts" / "Stemlift"
        self._earlier = set(self.folders())
        # As bare as that in which REAPER starts programs on macOS.
        bare = ("HOME", "TMPDIR", "TEMP", "SYSTEMROOT", "USERPROFILE")
        kept = ("COV_", "COVERAGE_", "OMP_", *bare)
        sim.processes.environment = {
            name: value for name, value in os.environ.items() if name.startswith(kept)
        } | {"STEMLIFT_THREADS": "1", "HF_HUB_OFFLINE": "1"}

    # What a user does.

    def run(self, name: str, *, ok: bool = True) -> Script:
        return self.sim.run(self.scripts / name, ok=ok)

    def choose(self, **choices: object) -> None:
        """What the dialog would have kept."""
        choices = {"model": "spectral"} | choices
        self.sim.set_ext_state("Stemlift", "choices", json.dumps(choices), persist=True)

    def separate(self, name: str, **choices: object) -> Script:
        """Run a script, and wait until its stems are in the project."""
        self.choose(**choices)
        script = self.run(name)
        self.until_imported()
        self.settle()
        return script

    def until_imported(self) -> None:
        self.sim.run_until((self.job / "imported").is_file, PATIENCE)

    def until(self, *phases: Phase) -> Status:
        """Rounds of REAPER until the helper says one of these."""
        self.sim.run_until(lambda: (s := self.status()) and s.phase in phases, PATIENCE)
        status = self.status()
        assert status is not None
        return status

    def half_way(self) -> Status:
        """Rounds of REAPER until the server separates."""
        self.sim.run_until(
            lambda: (s := self.status()) and s.phase is Phase.RUNNING and s.fraction > 0, PATIENCE
        )
        status = self.status()
        assert status is not None
        assert not status.phase.ended, status
        return status

    def settle(self) -> None:
        """Read the news in the window and close it; good ones close by themselves."""
        self.sim.step(90)
        for script in self.sim.running:
            if script.window.open:
                script.window.close()
        self.sim.step(12)
        assert self.sim.running == []

    @property
    def shown(self) -> str:
        return self.sim.window.text.replace("\n", " ")

    # What is there.

    @property
    def jobs(self) -> Path:
        return self.home.paths.state / "reaper"

    def folders(self) -> list[Path]:
        found = self.jobs.glob("*/job.json") if self.jobs.is_dir() else ()
        return [path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]

    @property
    def job(self) -> Path:
        """The folder of this test's last job."""
        ours = [folder for folder in self.folders() if folder not in self._earlier]
        assert ours, self.sim.state()
        return ours[-1]

    def status(self) -> Status | None:
        path = self.job / "status.json"
        return Status.model_validate_json(path.read_bytes()) if path.exists() else None

    def server_jobs(self) -> list[JobUpdate]:
        """The server's jobs for media of this test."""
        with self.home.client() as client:
            found = [job.latest for job in client.jobs()]
        return [job for job in found if job.source.is_relative_to(self.folder)]

    def helper(self) -> psutil.Process:
        status = self.status()
        assert status is not None
        return psutil.Process(status.pid)

    # What is heard.

    def hear(self, project: Project) -> Heard:
        sound = project.render()
        assert np.abs(sound).max() > 0.01, "nothing is to be heard"
        project.undo.mark()
        return Heard(project, _settled(project), sound, tuple(t.name for t in project.tracks))

    def assert_unchanged(self, before: Heard) -> None:
        assert _settled(before.project) == before.text
        assert not before.project.undo.unrecorded()

    def assert_the_same_is_heard(self, before: Heard) -> None:
        """New tracks, the same sound, and one undo step that restores everything."""
        project = before.project
        assert len(project.tracks) > len(before.tracks), self.sim.state()
        assert_same_sound(project, before.sound)
        assert project.problems() == []
        assert not project.undo.unrecorded()
        assert len(project.undo.labels) == 1
        self.assert_undone(before)

    def assert_undone(self, before: Heard) -> None:
        assert before.project.undo.undo()
        assert _settled(before.project) == before.text


def saved_project(house: ReaperHouse, seconds: float) -> Project:
    """One selected item on a track with an effect, in a project that lies on the disk."""
    project = house.sim.project(house.folder / "project" / "p.rpp")
    song = song_file(house.folder / f"{house.folder.name}.wav", seconds)
    track = project.add_track("Mix", volume=0.8, effects=("tanh",))
    track.add_item(song, 0.25, selected=True)
    house.sim.save(project)
    return project


def assert_same_sound(project: Project, before: npt.NDArray[np.float64]) -> None:
    after = project.render()
    length = min(len(before), len(after))
    assert np.abs(after[:length] - before[:length]).max() <= SILENT
    assert np.abs(after[length:]).max(initial=0) <= SILENT


def stem_files(folder: Path) -> list[Path]:
    """All files in the folders of stems under `folder`, unfinished ones too."""
    found = [path for path in folder.rglob("Stemlift/**/*") if path.is_file()]
    return [path for path in found if "Scripts" not in path.parts]


def new_items(before: Heard, project: Project | None = None) -> list[Any]:
    """Items on tracks that came since."""
    tracks = (project or before.project).tracks
    return [item for track in tracks if track.name not in before.tracks for item in track.items]


def _settled(project: Project) -> list[str]:
    return [line for line in project.text().splitlines() if not line.startswith("SEL ")]
