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
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from safetensors import safe_open
from torch import nn

from stemlift.models.formats.tensors import (
    InvalidCheckpointError,
    build_on_meta,
    fit,
    refusing,
    stored_in,
)
from stemlift.networks.demucs import CLASSES

_LONGEST_JSON = 64 * 1024
_LONGEST_STRUCTURE = 4 * 1024 * 1024
_LARGEST_INTEGER = 2**20
_MOST_ITEMS = 64
_MOST_LAYERS = 24
_LAYER_COUNTS = ("depth", "dconv_depth", "lstm_layers", "multi_freqs_depth", "t_layers")

_log = logging.getLogger(__name__)

Plain: TypeAlias = "bool | int | float | str | Fraction | list[Plain] | None"

QUANTISED = (
    "it is quantised (diffq), and only plain weights are loaded; "
    "the same model without “_q” at the end of its name has them"
)


@dataclass(frozen=True, slots=True)
class ReadDemucs:
    """warnings: plain sentences on what the file asks for and its class does not know."""

    network: nn.Module
    warnings: tuple[str, ...]


def load_demucs_safetensors(path: Path) -> nn.Module:
    """The network in `path`: fp32, in eval mode, without gradients.

    A keyword that the class does not know is dropped and logged, as the demucs package
    does: published checkpoints are older than the class.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong.
        FileNotFoundError: there is no such file.
    """
    read = read_demucs_safetensors(path)
    for warning in read.warnings:
        _log.warning("%s: %s", path.name, warning)
    return read.network


def read_demucs_safetensors(path: Path) -> ReadDemucs:
    """As `load_demucs_safetensors`, with what it would log.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong.
        FileNotFoundError: there is no such file.
    """
    with refusing(path), safe_open(str(path), framework="pt") as file:
        metadata = file.metadata() or {}
        described = describe_demucs(metadata)
        names = _tensor_names(metadata, set(file.keys()))
        fit(described.network, {key: stored_in(file, name) for key, name in names.items()})
        return described


def describe_demucs(metadata: Mapping[str, str]) -> ReadDemucs:
    """The network that the metadata describe, on torch's meta device: shapes only.

    Args:
        metadata: `klass`, a dotted name, with `args` and `kwargs` as JSON.

    Raises:
        InvalidCheckpointError: the class or its arguments are not those of a Demucs network.
    """
    name = metadata.get("klass")
    if name not in CLASSES:
        raise InvalidCheckpointError(f"it names the class “{name}”, which is not a Demucs network")
    args = _decode(metadata, "args")
    kwargs = _decode(metadata, "kwargs")
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise InvalidCheckpointError("its arguments are not a list and an object")
    cls = CLASSES[name]()
    signature = inspect.signature(cls)
    warnings = [
        f"{name} does not know its argument “{key}”, which is left out."
        for key in kwargs
        if key not in signature.parameters
    ]
    kwargs = {key: value for key, value in kwargs.items() if key in signature.parameters}
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidCheckpointError(f"its arguments do not fit {name} ({error})") from error
    for key in _LAYER_COUNTS:
        count = bound.arguments.get(key, 0)
        if not isinstance(count, int) or not 0 <= count <= _MOST_LAYERS:
            raise InvalidCheckpointError(f"its argument “{key}” is not a number of layers: {count}")
    network = build_on_meta(lambda: cls(*bound.args, **bound.kwargs))
    return ReadDemucs(network, tuple(warnings))


def _decode(metadata: Mapping[str, str], field: str) -> list[Plain] | dict[str, Plain]:
    """`args` or `kwargs`: JSON, fractions as {"_type": "fraction", numerator, denominator}."""
    text = metadata.get(field, "")
    if len(text) > _LONGEST_JSON:
        raise InvalidCheckpointError(f"its “{field}” are far too long")
    value = _parse(text, field)
    if isinstance(value, list):
        return [_plain(item, field) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, key) for key, item in value.items()}
    raise InvalidCheckpointError(f"its “{field}” are not a list or an object")


def _parse(text: str, field: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidCheckpointError(f"its “{field}” are missing or not JSON") from error


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
    raise InvalidCheckpointError(f"its argument “{name}” is not a plain value of a sensible size")


def _tensor_names(metadata: Mapping[str, str], stored: Collection[str]) -> dict[str, str]:
    """Key of the state dict → name in the file.

    They differ where the exporter wrote a `structure`: {"_dict": [[key, {"_tensor": name}]…]}.
    Anything else in a structure belongs to a quantised checkpoint, which would need code
    of the file's choosing to unpack.
    """
    text = metadata.get("structure")
    if text is None:
        return {name: name for name in stored}
    if len(text) > _LONGEST_STRUCTURE:
        raise InvalidCheckpointError("its “structure” is far too long")
    names: dict[str, str] = {}
    match _parse(text, "structure"):
        case {"_dict": list(pairs), **rest} if not rest:
            for pair in pairs:
                match pair:
                    case [str(key), {"_tensor": str(name), **more}] if not more:
                        if name not in stored:
                            raise InvalidCheckpointError(
                                f"its structure names “{name}”, which is missing"
                            )
                        names[key] = name
                    case _:
                        raise InvalidCheckpointError(QUANTISED)
        case _:
            raise InvalidCheckpointError("its “structure” is not a plain list of tensors")
    return names
