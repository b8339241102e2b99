"""State dicts as `torch.save` keeps them, plain or among what a training with PyTorch
Lightning leaves: its settings, which may be objects, and the state of its optimizer.

The file is read as data (see `inert_pickle`): no object of it is built and nothing of it is
run. Of its numbers, only those of the network are read, when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stemlift.models.formats.content import is_safetensors
from stemlift.models.formats.inert_pickle import Made, TensorClaim
from stemlift.models.formats.tensors import InvalidCheckpointError, Stored, stored_safetensors
from stemlift.models.formats.torch_file import TorchFile, open_torch_file

_SETTINGS = re.compile(
    r"^(omegaconf|lightning|pytorch_lightning|lightning_fabric|lightning_utilities|collections"
    r"|typing|pathlib|enum|argparse|torch\.(optim|nn\.modules))\."
    r"|^numpy\.(dtype|ndarray|(_core|core)\.multiarray\.(scalar|_reconstruct)|\w+\d+)$"
    r"|^torch\.(b?float\d+|u?int\d+|bool|dtype|device|Size)$|^torch\._utils\._rebuild_\w+$"
    r"|^_codecs\.encode$|^builtins\.(dict|list|tuple|set|bytes|complex|int|long|float|str|bool)$"
)
"""Settings and results of a training may be objects of these modules. None of them is built,
named or not; any other name says that the file was made to do something else."""

_MOST_TENSORS = 2**16
_MOST_TARGETS = 64


@dataclass(frozen=True, slots=True)
class Trained:
    """tensors: the network's, by their names; read from the file when they are asked for.

    targets: the stems that the training's settings name, in their order; () where none are.
    """

    tensors: Mapping[str, Stored]
    targets: tuple[str, ...]


def read_trained(path: Path) -> Trained:
    """The state dict in `path`, or that under `state_dict`.

    Raises:
        SafetensorError: it is a damaged safetensors file.
        InvalidCheckpointError: it is damaged, holds no state dict, or asks for more than
            tensors, plain values and the settings of a training.
        FileNotFoundError: there is no such file.
    """
    if is_safetensors(path):
        return Trained(stored_safetensors(path), ())
    file = open_torch_file(path)
    for name in file.strangers:
        if not _SETTINGS.match(name):
            raise InvalidCheckpointError(
                f"it asks to run “{name}”, which no model needs; nothing of it was run"
            )
    content = file.content
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not 0 < len(state) <= _MOST_TENSORS:
        raise InvalidCheckpointError("it holds no state dict")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, TensorClaim):
            raise InvalidCheckpointError(f"“{str(key)[:80]}” in its state dict is no tensor")
    settings = _plain(content.get("hyper_parameters"))
    return Trained(_stored(file, state), _targets(settings))


def _targets(settings: Any) -> tuple[str, ...]:
    named = _plain(settings.get("targets")) if isinstance(settings, dict) else None
    items = [named] if isinstance(named, str) else named
    if not isinstance(items, list | tuple) or len(items) > _MOST_TARGETS:
        return ()
    names = [_plain(item) for item in items]
    return tuple(names) if all(isinstance(name, str) for name in names) else ()


def _plain(value: Any) -> Any:
    """What a container or a value of omegaconf wraps; anything else as it is."""
    if isinstance(value, Made) and isinstance(value.state, dict):
        return value.state.get("_content", value.state.get("_val"))
    return value


def _stored(file: TorchFile, state: Mapping[str, TensorClaim]) -> dict[str, Stored]:
    single = file.stored(state)
    parts = {name: claim for name, claim in state.items() if prod(claim.shape) != _count(claim)}
    shared = _Shared(file, parts)
    return single | {
        name: Stored(single[name].shape, single[name].floating, shared.reader(claim))
        for name, claim in parts.items()
    }


def _count(claim: TensorClaim) -> int:
    return claim.storage.count


class _Shared:
    """Numbers that several tensors share, read once while these are asked for in a row.

    On a GPU the weights of a recurrent layer lie in one block, and are saved as parts of it;
    each of them read by itself would be the whole block again, and would keep it in memory.
    """

    def __init__(self, file: TorchFile, claims: Mapping[str, TensorClaim]) -> None:
        storages = {claim.storage.key: claim.storage for claim in claims.values()}
        self._blocks = file.stored(
            {key: TensorClaim(one, 0, (one.count,), (1,)) for key, one in storages.items()}
        )
        self._key = ""
        self._block: Tensor | None = None

    def reader(self, claim: TensorClaim) -> Any:
        return lambda: self._read(claim)

    def _read(self, claim: TensorClaim) -> Tensor:
        key = claim.storage.key
        if self._block is None or self._key != key:
            self._block = None
            self._key, self._block = key, self._blocks[key].read()
        return torch.as_strided(self._block, claim.shape, claim.strides, claim.offset).clone()
