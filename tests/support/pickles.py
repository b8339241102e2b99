"""Files as `torch.save` writes them, good ones and crafted ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Evil:
    """Pickles to a call of any function, `eval` for one: running the pickle runs that."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def touching(marker: Path) -> Evil:
    """One that would make a file called `marker`."""
    return Evil(eval, f"open({str(marker)!r}, 'w')")


def legacy_package(network: nn.Module, **changes: Any) -> dict[str, Any]:
    """What `demucs.states.serialize_model` makes of a network."""
    args, kwargs = network._init_args_kwargs
    package = {
        "klass": type(network),
        "args": args,
        "kwargs": dict(kwargs),
        "state": {name: value.half() for name, value in network.state_dict().items()},
        "training_args": {"optim": {"lr": 3e-4, "betas": [0.9, 0.999]}, "seed": 42, "dora": None},
    }
    return package | changes


def write_legacy(
    folder: Path,
    network: nn.Module,
    signature: str = "955717e8",
    *,
    older: bool = False,
    **changes: Any,
) -> Path:
    """Write `<signature>-<checksum>.th` as `demucs.states.save_with_checksum` does.

    older: in the layout of before PyTorch 1.6.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = save(folder / f"{signature}.part", legacy_package(network, **changes), older=older)
    checksum = hashlib.sha256(part.read_bytes()).hexdigest()[:8]
    return part.rename(folder / f"{signature}-{checksum}.th")


def save(path: Path, content: Any, *, older: bool = False) -> Path:
    """`torch.save` in either layout."""
    torch.save(content, path, _use_new_zipfile_serialization=not older)
    return path


def without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}
