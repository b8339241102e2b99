"""`stemlift session` in this process, and songs and sessions to try it with."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from signals import song, write

from stemlift.cli.main import main
from stemlift.errors import Exit

sys.path.insert(0, str(Path(__file__).parent.parent / "reaper" / "sim"))

from reaper_sim import Project

RATE = 44_100
SPECTRAL = ("--model", "spectral")


def song_file(path: Path, frames: int = 30_000, seed: int = 0, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, song(frames, 2, rate, seed), rate, "PCM_24")


def heard(path: Path, seconds: float) -> np.ndarray:
    project = Project(path, path.parent)
    project.load(path.read_text(encoding="utf-8", errors="surrogateescape"))
    assert project.problems() == []
    return project.render(seconds)


def stems_below(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.wav") if "Media" in p.parts)


@dataclass
class Ran:
    returncode: int
    stdout: str
    stderr: str


@dataclass
class Shell:
    """The command in this process, which saves its start; in a folder of the test's own."""

    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: object) -> Ran:
        code = main(["session", *map(str, arguments)])
        return Ran(code, *self.capture.readouterr())

    def answer(self, *arguments: object) -> dict:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert done.stderr == ""
        (line,) = done.stdout.splitlines()
        return json.loads(line)

    def refused(self, *arguments: object) -> dict:
        done = self.run(*arguments, "--json")
        assert done.returncode == Exit.BAD_INPUT, (done.stdout, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])["error"]
