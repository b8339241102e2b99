"""Beats and downbeats by the network of beat_this, where it and its weights are present."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.analysis.control import Control
from stemlift.sessions.analysis.listening import Signal
from stemlift.system.process import CREATE_NO_WINDOW

CHECKPOINT = "beat_this-final0.ckpt"
"""Name that beat_this gives its weights in the cache of torch.hub."""

_CHILD = "stemlift.sessions.analysis.beat_this_child"
_TELLING = 400


@dataclass(frozen=True, slots=True)
class Found:
    """Times of beats and downbeats, in seconds."""

    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]


def weights(env: Mapping[str, str] = os.environ) -> Path | None:
    """The weights in the cache of torch.hub; None where they or the package are missing.

    Nothing is fetched and nothing imported.
    """
    if find_spec("beat_this") is None:
        return None
    cache = env.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    home = env.get("TORCH_HOME") or str(Path(cache) / "torch")
    file = Path(home).expanduser() / "hub" / "checkpoints" / CHECKPOINT
    return file if file.is_file() else None


def track(samples: Signal, checkpoint: Path, control: Control) -> Found:
    """The beats that the network hears, in a process of its own.

    Raises:
        StemliftError: ANALYSIS_UNAVAILABLE where it fails, CANCELLED (then it is ended).
    """
    with tempfile.TemporaryDirectory(prefix="stemlift-beats-") as folder:
        given, answer, said = (Path(folder) / name for name in ("in.npy", "out.json", "log.txt"))
        np.save(given, samples)
        command = [sys.executable, "-m", _CHILD, str(given), str(answer), str(checkpoint)]
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = CREATE_NO_WINDOW
        with said.open("wb") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options
            )
            try:
                _wait(child, control)
            finally:
                if child.poll() is None:
                    child.kill()
                child.wait()
        if child.returncode != 0:
            raise _failed(said.read_text(encoding="utf-8", errors="replace"))
        try:
            found = json.loads(answer.read_text(encoding="utf-8"))
            beats, downbeats = (np.asarray(found[name], float) for name in ("beats", "downbeats"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _failed(str(error)) from error
    return Found(np.sort(beats), np.sort(downbeats))


def _wait(child: subprocess.Popen[bytes], control: Control) -> None:
    while True:
        control.check()
        try:
            child.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
        return


def _failed(said: str) -> StemliftError:
    last = (said.strip().splitlines() or ["it said nothing"])[-1][:_TELLING]
    return StemliftError(
        Reason.ANALYSIS_UNAVAILABLE,
        f"beat_this failed: {last}.",
        'Install it again with: python -m pip install --upgrade "stemlift[beats]", or choose '
        "librosa.",
    )
