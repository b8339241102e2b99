"""Where a training stands, as a file that is always whole."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stemlift.errors import Reason, StemliftError
from stemlift.system.whole import whole_file, write_whole
from stemlift.training.writing import unwritable, writing_to

STATE = "state.pt"
LOG = "log.jsonl"
BEST = "best.safetensors"
RECIPE = "recipe.json"

_VERSION = 1


@dataclass(frozen=True, slots=True)
class State:
    """All that the next step depends on; what is drawn by chance depends on the step alone.

    step: how many were done.
    best: highest mean SDR so far in dB, and the step it was reached at.
    """

    step: int
    network: dict[str, Tensor]
    average: dict[str, Tensor]
    optimiser: dict[str, Any]
    best: float
    best_step: int


def save(folder: Path, state: State) -> None:
    """Write the state in the place of the last one, whole or not at all.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    content = {
        "version": _VERSION,
        "step": state.step,
        "network": state.network,
        "average": state.average,
        "optimiser": state.optimiser,
        "best": state.best,
        "best_step": state.best_step,
    }
    try:
        with writing_to(folder), whole_file(folder / STATE) as scratch:
            torch.save(content, scratch)
    except RuntimeError as error:
        # So torch tells of a full disk.
        raise unwritable(folder, error) from error


def load(folder: Path) -> State:
    """The state that `save` wrote last.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_CORRUPT.
    """
    path = folder / STATE
    try:
        with path.open("rb") as file:
            content = torch.load(file, map_location="cpu", weights_only=True)
        if content["version"] != _VERSION:
            raise _damaged(path, f"it is of version {content['version']}")
        return State(
            int(content["step"]),
            content["network"],
            content["average"],
            content["optimiser"],
            float(content["best"]),
            int(content["best_step"]),
        )
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no training in {folder}.",
            "Name the folder that `stemlift train run` was given with --out.",
        ) from error
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
    ) as error:
        raise _damaged(path, "it is damaged") from error


class Log:
    """Lines of JSON, one for each thing that happened; those after `step` are forgotten."""

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        kept = [line for line in read_log(path) if line.get("step", 0) <= step] if step else []
        write_whole(path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def write(self, line: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log that are whole; none where there is no log."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            # A machine that lost its power leaves half a line.
            continue
        if isinstance(told, dict):
            found.append(told)
    return found


def _damaged(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.FILE_CORRUPT,
        f"The state of the training, {path}, cannot be read: {why}.",
        "Begin the training anew in another folder.",
    )
