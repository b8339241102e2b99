"""Demucs checkpoints in safetensors, loaded without running anything they bring along.

A checkpoint names its class and arguments in the file's metadata, as JSON. Only listed
classes and plain values are taken, and nothing is allocated before the shapes of the
network that they describe are known to be those of the tensors in the file.
"""

from __future__ import annotations

import inspect
import json
import logging
import math
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from stemlift.errors import Reason, StemliftError
from stemlift.networks.demucs import CLASSES

_LONGEST_JSON = 64 * 1024
_LONGEST_STRUCTURE = 4 * 1024 * 1024
_LARGEST_INTEGER = 2**20
_MOST_ITEMS = 64
_MOST_LAYERS = 24
_LAYER_COUNTS = ("depth", "dconv_depth", "lstm_layers", "multi_freqs_depth", "t_layers")

_log = logging.getLogger(__name__)

Plain: TypeAlias = "bool | int | float | str | Fraction | list[Plain] | None"


class _InvalidError(Exception):
    """What is wrong with a checkpoint, as the end of a sentence."""


def load_demucs_safetensors(path: Path) -> nn.Module:
    """The network in `path`: fp32, in eval mode, without gradients.

    A keyword that the class does not know is dropped and logged, as the demucs package
    does: published checkpoints are older than the class.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong.
        FileNotFoundError: there is no such file.
    """
    try:
        return _load(path)
    except _InvalidError as error:
        _refuse(path, str(error), error)
    except SafetensorError as error:
        _refuse(path, f"it is damaged or not a safetensors file ({error})", error)


def _load(path: Path) -> nn.Module:
    with safe_open(str(path), framework="pt") as file:
        metadata = file.metadata() or {}
        network = _build_without_memory(metadata)
        wanted = network.state_dict()
        names = _tensor_names(metadata, list(file.keys()))
        _compare(wanted, {key: file.get_slice(name) for key, name in names.items()})
        state: dict[str, Tensor] = {}
        for key, name in names.items():
            tensor = file.get_tensor(name).to(wanted[key].dtype)
            if not bool(torch.isfinite(tensor).all()):
                raise _InvalidError(f"the tensor “{key}” holds numbers that are not finite")
            state[key] = tensor.contiguous()
    # Not through the instance: demucs.demucs.Demucs overrides it, without `assign`.
    nn.Module.load_state_dict(network, state, strict=True, assign=True)
    _require_no_leftovers(network)
    return network.eval().requires_grad_(False)


def _build_without_memory(metadata: dict[str, str]) -> nn.Module:
    """The network that the metadata describe, on torch's meta device: shapes only."""
    name = metadata.get("klass")
    if name not in CLASSES:
        raise _InvalidError(f"it names the class “{name}”, which is not a Demucs network")
    args = _decode(metadata, "args")
    kwargs = _decode(metadata, "kwargs")
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise _InvalidError("its arguments are not a list and an object")
    cls = CLASSES[name]()
    signature = inspect.signature(cls)
    for key in [key for key in kwargs if key not in signature.parameters]:
        _log.warning("A checkpoint names “%s”, which %s does not know; left out.", key, name)
        del kwargs[key]
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise _InvalidError(f"its arguments do not fit {name} ({error})") from error
    for key in _LAYER_COUNTS:
        count = bound.arguments.get(key, 0)
        if not isinstance(count, int) or not 0 <= count <= _MOST_LAYERS:
            raise _InvalidError(f"its argument “{key}” is not a number of layers: {count}")
    try:
        with torch.device("meta"):
            return cls(*bound.args, **bound.kwargs)
    # The constructors check nothing themselves: a wrong value can end in any exception.
    except Exception as error:
        raise _InvalidError(f"{name} cannot be built with its arguments ({error})") from error


def _decode(metadata: dict[str, str], field: str) -> list[Plain] | dict[str, Plain]:
    """`args` or `kwargs`: JSON, fractions as {"_type": "fraction", numerator, denominator}."""
    text = metadata.get(field, "")
    if len(text) > _LONGEST_JSON:
        raise _InvalidError(f"its “{field}” are far too long")
    value = _parse(text, field)
    if isinstance(value, list):
        return [_plain(item, field) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, key) for key, item in value.items()}
    raise _InvalidError(f"its “{field}” are not a list or an object")


def _parse(text: str, field: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _InvalidError(f"its “{field}” are missing or not JSON") from error


def _plain(value: Any, name: str, depth: int = 0) -> Plain:
    match value:
        case None | bool():
            return value
        case int() if abs(value) <= _LARGEST_INTEGER:
            return value
        case float() if math.isfinite(value):
            return value
        case str() if len(value) <= 256:
            return value
        case list() if len(value) <= _MOST_ITEMS and depth < 2:
            return [_plain(item, name, depth + 1) for item in value]
        case {"_type": "fraction", "numerator": int(top), "denominator": int(bottom)} if (
            len(value) == 3 and abs(top) <= _LARGEST_INTEGER and 0 < bottom <= _LARGEST_INTEGER
        ):
            return Fraction(top, bottom)
    raise _InvalidError(f"its argument “{name}” is not a plain value of a sensible size")


def _tensor_names(metadata: dict[str, str], stored: list[str]) -> dict[str, str]:
    """Key of the state dict → name in the file.

    They differ where the exporter wrote a `structure`: {"_dict": [[key, {"_tensor": name}]…]}.
    Anything else in a structure belongs to a quantised checkpoint, which would need code
    of the file's choosing to unpack.
    """
    text = metadata.get("structure")
    if text is None:
        return {name: name for name in stored}
    if len(text) > _LONGEST_STRUCTURE:
        raise _InvalidError("its “structure” is far too long")
    names: dict[str, str] = {}
    match _parse(text, "structure"):
        case {"_dict": list(pairs), **rest} if not rest:
            for pair in pairs:
                match pair:
                    case [str(key), {"_tensor": str(name), **more}] if not more:
                        if name not in stored:
                            raise _InvalidError(f"its structure names “{name}”, which is missing")
                        names[key] = name
                    case _:
                        raise _InvalidError("it is quantised, which Stemlift does not load")
        case _:
            raise _InvalidError("its “structure” is not a plain list of tensors")
    return names


def _compare(wanted: dict[str, Tensor], found: dict[str, Any]) -> None:
    for key, tensor in wanted.items():
        if key not in found:
            raise _InvalidError(f"the tensor “{key}” is missing")
        shape = tuple(found[key].get_shape())
        if shape != tuple(tensor.shape):
            raise _InvalidError(
                f"the tensor “{key}” has the shape {shape} where {tuple(tensor.shape)} is needed"
            )
        stored = found[key].get_dtype()
        if stored not in ("F16", "BF16", "F32", "F64") and tensor.is_floating_point():
            raise _InvalidError(f"the tensor “{key}” is of type {stored}, not floating point")
    for key in found:
        if key not in wanted:
            raise _InvalidError(f"the tensor “{key}” has no place in the network")


def _require_no_leftovers(network: nn.Module) -> None:
    """A tensor outside the state dict would still be on the meta device, without values."""
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if tensor.is_meta:
            raise _InvalidError(f"the tensor “{name}” has no values in it")


def _refuse(path: Path, what: str, cause: Exception) -> NoReturn:
    raise StemliftError(
        Reason.CHECKPOINT_INVALID,
        f"The weights {path} cannot be used: {what}.",
        "Delete the file and run the job again, so that it is fetched anew; "
        "if it fails again, choose another model.",
    ) from cause
