"""Our scripts in a simulated REAPER, with a program that does nothing: tests play the helper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

if TYPE_CHECKING:
    from reaper_sim import Script, Simulator

SHIPPED = Path(__file__).parents[2] / "reaper_scripts"
SEPARATE = "Stemlift_Separate to tracks.lua"
CHOOSE = "Stemlift_Separate… (choose).lua"
QUEUE = "Stemlift_Queue.lua"
IMPORT = "Stemlift_Import.lua"
SETUP = "Stemlift_Setup.lua"

ESCAPE, ENTER = 27, 13


class ScriptsHouse:
    """scripts: the folder in REAPER where they lie; jobs: the folder of jobs."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.sim = sim
        self.folder = folder
        self.scripts = sim.resource_path / "Scripts" / "Stemlift"
        self.scripts.mkdir(parents=True)
        for path in (*SHIPPED.glob("*.lua"), SHIPPED / "lib"):
            (self.scripts / path.name).symlink_to(path)
        self.program = folder / "the program" / "stemlift-reaper"
        self.program.parent.mkdir(parents=True)
        self.program.write_text("#!/bin/sh\n")
        self.program.chmod(0o755)
        self._start = sim.processes.run
        sim.processes.run = self._but_no_file_manager  # type: ignore[method-assign]
        self.jobs = folder / "state of Stemlift" / "reaper"
        self.connect()

    def _but_no_file_manager(self, line: str, timeout: int) -> str | None:
        """No file manager on the screen of whoever runs the tests."""
        if any(name in line for name in ("xdg-open", "/usr/bin/open", "explorer.exe")):
            self.sim.processes.commands.append((line, timeout))
            return "0\n"
        return self._start(line, timeout)

    def connect(self, **others: object) -> None:
        """Write what the installer writes."""
        record = {
            "version": "0.1.0",
            "program": str(self.program),
            "windowless": str(self.program),
            "launcher": [],
            "jobs_folder": str(self.jobs),
            "home": "",
        }
        text = json.dumps(record | others)
        (self.scripts / "Stemlift_install.json").write_text(text, encoding="utf-8")

    def song(self, name: str = "a song.wav", seconds: float = 4.0) -> Path:
        path = self.folder / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(1).normal(0, 0.1, (round(seconds * 8000), 2))
        soundfile.write(path, samples, 8000)
        return path

    def run(self, name: str, *, ok: bool = True) -> Script:
        return self.sim.run(self.scripts / name, ok=ok)

    # The helper's part.

    def commands(self) -> list[list[str]]:
        """What was started, as words."""
        from reaper_sim.commandline import split

        return [split(line) for line, _ in self.sim.processes.commands]

    def folders(self) -> list[Path]:
        found = (
            [path for path in self.jobs.iterdir() if path.is_dir()] if self.jobs.is_dir() else []
        )
        return sorted(found, key=lambda path: (path / "job.json").stat().st_mtime_ns)

    @property
    def job(self) -> Path:
        """The folder of the job that was written last."""
        return self.folders()[-1]

    def asked(self, job: Path | None = None) -> dict[str, Any]:
        found = json.loads(((job or self.job) / "job.json").read_bytes())
        assert isinstance(found, dict)
        return found

    def say(self, phase: str, job: Path | None = None, **fields: object) -> None:
        """A status of the helper; two turns later the script has seen it."""
        folder = job or self.job
        status = {
            "version": 1,
            "id": folder.name,
            "title": "",
            "pid": 1,
            "phase": phase,
            "updated": self.sim.clock.time(),
            "stage": "",
            "fraction": 0.0,
            "seconds_left": None,
            "device": "",
            "model": "",
            "jobs_done": 0,
            "jobs_total": 1,
            "server_jobs": [],
            "warnings": [],
            "skipped": [],
            "error": None,
            "plan": None,
            "imported": False,
        }
        (folder / "status.json").write_text(json.dumps(status | fields), encoding="utf-8")
        self.turns()

    @property
    def shown(self) -> str:
        """The text in the window, without its line ends."""
        return self.sim.window.text.replace("\n", " ")

    def turns(self, seconds: float = 0.5) -> None:
        self.sim.step(6, seconds / 6)

    def answer(self, text: str) -> None:
        """What the program says to the question that was asked last."""
        words = self.commands()[-1]
        Path(words[words.index("--output") + 1]).write_text(text, encoding="utf-8")
        self.turns(0.1)

    def plan(self, job: Path | None = None, stems: tuple[str, ...] = ("vocals", "other")) -> Any:
        """A hand-made plan: for each selected item a track per stem inside of its own one.

        The stems are the source itself: only the operations matter here.
        """
        request = self.asked(job)["request"]
        operations: list[dict[str, object]] = []
        expects = []
        index = 0
        for item in request["items"]:
            track = next(t for t in request["tracks"] if t["guid"] == item["track"])
            expects.append(
                {"item": item["guid"], "track": item["track"], "fingerprint": item["chunk"]}
            )
            operations.append({"do": "set_track_depth", "track": item["track"], "depth": 1})
            for number, stem in enumerate(stems):
                key = f"{item['guid']} {stem}"
                last = number == len(stems) - 1
                operations.append(
                    {
                        "do": "insert_track",
                        "key": key,
                        "index": track["index"] + index + number + 1,
                        "name": stem,
                        "colour": [200, 100, 50],
                        "depth": -1 if last else 0,
                        "channels": 2,
                        "copy_from": "",
                        "source_track": item["track"],
                    }
                )
                operations.append({"do": "insert_item", "track_key": key, "chunk": item["chunk"]})
            index += len(stems)
            operations.append({"do": "mute_item", "item": item["guid"]})
        return {
            "version": 1,
            "expects": expects,
            "operations": operations,
            "undo_label": "Separate to tracks",
        }
