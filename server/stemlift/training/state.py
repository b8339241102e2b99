"""Where a training stands, as a file that is always whole."""

from __future__ import annotations

import json
import os
import pickle
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stemlift.errors import Reason, StemliftError

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
    path = folder / STATE
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
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
        with part.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        # torch tells of a full disk in a RuntimeError.
        raise unwritable(folder, error) from error
    finally:
        part.unlink(missing_ok=True)


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
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise _damaged(path, str(error).splitlines()[0] if str(error) else "it is cut") from error


class Log:
    """Lines of JSON, one for each thing that happened; those after `step` are forgotten."""

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        kept = [line for line in read_log(path) if line.get("step", 0) <= step] if step else []
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            part.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def write(self, line: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log that are whole; none where there is no log."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            # A machine that lost its power leaves half a line.
            continue
    return found


def unwritable(folder: Path, error: Exception) -> StemliftError:
    why = getattr(error, "strerror", None) or str(error)
    return StemliftError(
        Reason.OUTPUT_UNWRITABLE,
        f"The training cannot be written to {folder}: {why}.",
        "Choose another folder, or make room.",
    )


def _damaged(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.FILE_CORRUPT,
        f"The state of the training, {path}, cannot be read: {why}.",
        "Begin the training anew in another folder.",
    )
