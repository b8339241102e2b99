"""Demucs checkpoints as `.th` files: a pickle of a class, its arguments and its weights.

Their own package loads them by running the pickle. Here it is read as data (see
`inert_pickle`), and written again as the safetensors file that `demucs.py` loads.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stemlift.models.formats.demucs import QUANTISED, ReadDemucs, describe_demucs
from stemlift.models.formats.inert_pickle import Named, TensorClaim
from stemlift.models.formats.tensors import InvalidCheckpointError, Stored, fit, refusing
from stemlift.models.formats.torch_file import TorchFile, open_torch_file
from stemlift.models.formats.writing import write_safetensors

_RENAMED = {"demucs.wdemucs.WDemucs": "demucs.hdemucs.HDemucs"}
"""The hybrid networks of the 2021 contest were saved under an older name of their class."""

_SECOND = ("demucs.model.Demucs", "demucs.tasnet.ConvTasNet")
HARMLESS = re.compile(
    r"^(demucs|diffq|omegaconf|argparse|pathlib|typing|enum|numpy)\.|^collections\.|"
    r"^torch\.(float16|float32|device|Size)$|^builtins\.(dict|list|tuple|set|int|float|str|bool)$"
)
"""Settings of the training may be objects of these modules. None of them is built, named or
not; any other name says that the file was made to do something else."""

_CHECKSUM = re.compile(r"^.+-([0-9a-f]{8,64})$")
_LONGEST_TEXT = 256
_MOST_ITEMS = 64
_MOST_TENSORS = 2**14


@dataclass(frozen=True, slots=True)
class Legacy:
    """metadata: `klass`, `args`, `kwargs` as the safetensors files have them."""

    metadata: Mapping[str, str]
    tensors: Mapping[str, Stored]


def holds_demucs(content: Any) -> bool:
    """Whether what a pickle holds has the parts of a Demucs checkpoint."""
    return isinstance(content, dict) and {"klass", "args", "kwargs", "state"} <= content.keys()


def read_legacy(path: Path) -> Legacy:
    """What the file at `path` describes, its numbers still on disk.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong.
        FileNotFoundError: there is no such file.
    """
    with refusing(path):
        file = open_torch_file(path)
        if not holds_demucs(file.content):
            _refuse_strangers(file)
            raise InvalidCheckpointError("it does not hold a Demucs network")
        _refuse_strangers(file)
        _require_checksum(path)
        return Legacy(_metadata(file.content), file.stored(_state(file.content["state"])))


def load_legacy(path: Path) -> ReadDemucs:
    """The network in `path`: fp32, in eval mode, without gradients.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong.
        FileNotFoundError: there is no such file.
    """
    legacy = read_legacy(path)
    with refusing(path):
        described = describe_demucs(legacy.metadata)
        fit(described.network, legacy.tensors)
        return described


def convert_legacy(th: Path, target: Path) -> None:
    """Write the checkpoint `th` as a safetensors file, whole or not at all.

    Numbers stay in the precision that they are stored in.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong.
        OSError: `target` cannot be written.
    """
    legacy = read_legacy(th)
    with refusing(th):
        tensors = {name: stored.read() for name, stored in legacy.tensors.items()}
    write_safetensors(target, tensors, legacy.metadata)


def _refuse_strangers(file: TorchFile) -> None:
    for name in file.strangers:
        if not HARMLESS.match(name):
            raise InvalidCheckpointError(
                f"it asks to run “{name}”, which no model needs; nothing of it was run"
            )


def _require_checksum(path: Path) -> None:
    """A published file carries the start of its SHA-256 at the end of its name."""
    named = _CHECKSUM.match(path.stem)
    if named is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(named[1]):
        short = found[: len(named[1])]
        raise InvalidCheckpointError(
            f"it is damaged or was changed: its checksum is {short}, not {named[1]} as in its name"
        )


def _metadata(content: Mapping[str, Any]) -> dict[str, str]:
    match content["klass"]:
        case Named(name):
            name = _RENAMED.get(name, name)
        case other:
            raise InvalidCheckpointError(f"its class is a {type(other).__name__}, not a class")
    if name in _SECOND:
        raise InvalidCheckpointError(f"it is of Demucs v2 or older (“{name}”), which is not loaded")
    args, kwargs = content["args"], content["kwargs"]
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise InvalidCheckpointError("its arguments are not a list and a dictionary")
    if len(args) > _MOST_ITEMS or len(kwargs) > _MOST_ITEMS:
        raise InvalidCheckpointError("its arguments are far too many")
    return {
        "klass": name,
        "args": json.dumps([_encoded(item, "args") for item in args]),
        "kwargs": json.dumps({str(key): _encoded(item, str(key)) for key, item in kwargs.items()}),
    }


def _encoded(value: Any, name: str, depth: int = 0) -> Any:
    """A value as JSON; those that are too large for a network `describe_demucs` refuses."""
    match value:
        case None | bool() | float():
            return value
        case int() if abs(value) < 2**63:
            return value
        case str() if len(value) <= _LONGEST_TEXT:
            return value
        case Fraction():
            return {
                "_type": "fraction",
                "numerator": value.numerator,
                "denominator": value.denominator,
            }
        case list() | tuple() if len(value) <= _MOST_ITEMS and depth < 2:
            return [_encoded(item, name, depth + 1) for item in value]
    raise InvalidCheckpointError(f"its argument “{name}” is not a plain value of a sensible size")


def _state(state: Any) -> dict[str, TensorClaim]:
    if not isinstance(state, dict) or len(state) > _MOST_TENSORS:
        raise InvalidCheckpointError("its weights are not a dictionary of tensors")
    if "__quantized" in state:
        raise InvalidCheckpointError(QUANTISED)
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, TensorClaim):
            raise InvalidCheckpointError(f"its weight “{str(name)[:80]}” is not a tensor")
    return state
