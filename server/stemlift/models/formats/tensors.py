"""Tensors of a checkpoint into a network: nothing is allocated before all shapes are right."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from stemlift.errors import Reason, StemliftError

_PLAIN = re.compile(r"^torch\.(Size|device|bool|u?int\d+|b?float\d+)$")
"""What a state dict may hold beside tensors. `weights_only` builds more: a byte array of any
length that a file names, for one, sets of tuples too deep to be hashed, and tensors that are
sparse or have no numbers."""

_LONGEST_TEXT = 500

_FLOATING = ("F16", "BF16", "F32", "F64")


class InvalidCheckpointError(Exception):
    """What is wrong with a checkpoint, as the end of a sentence."""


@contextmanager
def refusing(path: Path, what: str = "weights") -> Iterator[None]:
    """Turn what is wrong inside into the error that names the file.

    Args:
        what: the file is, in words; "description" of the YAML or JSON beside weights.

    Raises:
        StemliftError: CHECKPOINT_INVALID, with the first thing that is wrong.
    """
    try:
        yield
    except InvalidCheckpointError as error:
        raise _refused(path, what, str(error)) from error
    except SafetensorError as error:
        found = f"it is damaged or not a safetensors file ({error})"
        raise _refused(path, what, found) from error


def printable(text: str) -> str:
    """`text` from a file as a terminal and a message can carry it; cut where it is very long.

    It may hold codes that a terminal obeys, and halves of characters that are no UTF-8.
    """
    cut = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in cut)


def _refused(path: Path, what: str, found: str) -> StemliftError:
    return StemliftError(
        Reason.CHECKPOINT_INVALID,
        f"The {what} {path} cannot be used: {printable(found)}.",
        "Get the file again from where it came (`stemlift models remove`, then `pull`), "
        "or choose another model.",
    )


def load_pickled(path: Path) -> Any:
    """The content of a .pth, .pt or .ckpt file: tensors in plain containers.

    Only tensors and plain values are built (`weights_only`): what else the file asks for is
    refused, and none of its code runs. A small file takes little memory, whatever it claims.

    Raises:
        InvalidCheckpointError: it is damaged, no checkpoint, or asks for more than that.
        FileNotFoundError: there is no such file.
    """
    # That module stands on this one.
    from stemlift.models.formats.torch_file import claims_in, open_torch_file

    file = open_torch_file(path)
    for name in file.strangers:
        if not _PLAIN.match(name):
            raise InvalidCheckpointError(f"it holds more than tensors (“{name}”)")
    file.require_honest(claims_in(file.content))
    # torch reads past the checksums.
    file.require_unchanged()
    try:
        # Open, since of a path torch would go by the ending.
        with path.open("rb") as opened:
            return torch.load(opened, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InvalidCheckpointError(f"it holds more than tensors ({_first(error)})") from error
    except FileNotFoundError:
        raise
    # torch names no exceptions: a damaged file can end in any, from EOFError to KeyError.
    except Exception as error:
        raise InvalidCheckpointError(f"it is damaged or no checkpoint ({_first(error)})") from error


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file: what is known before it is read, and how to read it."""

    shape: tuple[int, ...]
    floating: bool
    read: Callable[[], Tensor]


def stored_tensor(tensor: Tensor) -> Stored:
    """One that is in memory already, perhaps as a view that claims more than there is."""
    return Stored(tuple(tensor.shape), tensor.is_floating_point(), lambda: tensor)


def stored_in(file: Any, name: str) -> Stored:
    """Of an open safetensors file."""
    part = file.get_slice(name)
    floating = part.get_dtype() in _FLOATING
    return Stored(tuple(part.get_shape()), floating, lambda: file.get_tensor(name))


def stored_safetensors(path: Path) -> dict[str, Stored]:
    """All tensors of a safetensors file, which stays open as long as one is to be read.

    Raises:
        SafetensorError: it is damaged.
    """
    file: Any = safe_open(str(path), framework="pt")
    return {name: stored_in(file, name) for name in file.keys()}  # noqa: SIM118


def build_on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """The network that `build` makes, shapes only, so that wrong sizes cost no memory.

    Buffers outside the state dict must be made with device="cpu": they have values.

    Raises:
        InvalidCheckpointError: it cannot be built.
    """
    try:
        with torch.device("meta"):
            return build()
    # Constructors check little themselves: a wrong value can end in any exception.
    except Exception as error:
        raise InvalidCheckpointError(f"its network cannot be built ({_first(error)})") from error


def fit(network: nn.Module, stored: Mapping[str, Stored]) -> nn.Module:
    """Give a network on the meta device its tensors: fp32, eval mode, no gradients.

    Raises:
        InvalidCheckpointError: the first tensor that is missing, of another shape or type,
            not finite, or without a place.
    """
    wanted = network.state_dict()
    _compare(wanted, stored)
    state: dict[str, Tensor] = {}
    for key, tensor in wanted.items():
        value = stored[key].read().to(tensor.dtype)
        if not bool(torch.isfinite(value).all()):
            raise InvalidCheckpointError(f"the tensor “{key}” holds numbers that are not finite")
        state[key] = value.contiguous()
    # Not through the instance: demucs.demucs.Demucs overrides it, without `assign`.
    nn.Module.load_state_dict(network, state, strict=True, assign=True)
    _require_no_leftovers(network)
    return network.eval().requires_grad_(False)


def _compare(wanted: Mapping[str, Tensor], stored: Mapping[str, Stored]) -> None:
    for key, tensor in wanted.items():
        if key not in stored:
            raise InvalidCheckpointError(f"the tensor “{key}” is missing")
        found = stored[key]
        if found.shape != tuple(tensor.shape):
            raise InvalidCheckpointError(
                f"the tensor “{key}” has the shape {found.shape} "
                f"where {tuple(tensor.shape)} is needed"
            )
        if tensor.is_floating_point() and not found.floating:
            raise InvalidCheckpointError(f"the tensor “{key}” is not floating point")
    for key in stored:
        if key not in wanted:
            raise InvalidCheckpointError(f"the tensor “{key}” has no place in the network")


def _require_no_leftovers(network: nn.Module) -> None:
    """A tensor outside the state dict would still be on the meta device, without values."""
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if tensor.is_meta:
            raise InvalidCheckpointError(f"the tensor “{name}” has no values in it")
