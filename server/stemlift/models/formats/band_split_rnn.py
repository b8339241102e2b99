"""Band-Split RNN models: a checkpoint per stem, or one for all, and YAML beside them.

The two public implementations that `band_split_yaml` knows save state dicts (`.pt`), or what
PyTorch Lightning makes of them (`.ckpt`, the network under `state_dict`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.band_split_yaml import (
    Described,
    describe,
    kind_of,
    targets_of,
)
from stemlift.models.formats.checkpoint import Checkpoint, with_rest
from stemlift.models.formats.content import descriptions_among
from stemlift.models.formats.lightning import read_trained
from stemlift.models.formats.safe_yaml import read_yaml
from stemlift.models.formats.tensors import (
    InvalidCheckpointError,
    Stored,
    refusing,
)
from stemlift.models.spec import Network

_SUFFIXES = (".yaml", ".yml", ".json")
_STEMS = ("vocals", "bass", "drums", "other")
_ORDER = (
    "The order of its stems is told nowhere; that of the published configuration is taken: "
    + ", ".join(_STEMS)
    + "."
)
_TRANSFORMS = ("stft.transf.window", "istft.transf.window")
_MASKER = re.compile(r"maskers\.(\d{1,3})\.")


@dataclass(frozen=True, slots=True)
class _Weights:
    """One file's tensors.

    count: of the stems it has a mask for.
    targets: its stems, as its training's settings name them; () where these do not fit it.
    """

    path: Path
    tensors: Mapping[str, Stored]
    count: int
    targets: tuple[str, ...]


def read_band_split_rnn(files: Sequence[Path]) -> Checkpoint:
    """The model in `files`: weights and their configurations, in any order.

    One configuration serves all weights, or each has its own, of the same name or for the
    stem that the weights are named after. A general `config.yaml` may come on top.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong with it.
        FileNotFoundError: a file does not exist.
    """
    beside = descriptions_among(files, _SUFFIXES)
    configurations, general = _configurations(beside)
    weights = [_read(path) for path in files if path not in beside]
    if not weights:
        _refuse(files, "there are no weights among its files")
    parts: list[Described] = []
    stems: list[tuple[str, ...]] = []
    for each in weights:
        with refusing(each.path):
            origin = _configuration_of(each, configurations)
        with refusing(origin, "description"):
            values = configurations[origin]
            named = _stems_of(each, values)
            described = describe(values, general, named, _count(each, values, named))
            if not named and described.part.get("stems") == len(_STEMS):
                named = _STEMS
                described = replace(described, warnings=(*described.warnings, _ORDER))
        with refusing(each.path):
            _require_fitting(each, named, described)
            if parts:
                _require_like(parts[0], described)
            if len(weights) > 1 and (not named or any(set(named) & set(row) for row in stems)):
                raise InvalidCheckpointError(
                    "its name does not tell its stem (vocals, bass, drums, other), "
                    "or another file has the same"
                )
        parts.append(described)
        stems.append(named)
    tensors = {
        f"parts.{index}.{name}": tensor
        for index, each in enumerate(weights)
        for name, tensor in each.tensors.items()
    }
    return _checkpoint(parts, tensors, tuple(name for row in stems for name in row))


def _checkpoint(
    parts: Sequence[Described], tensors: Mapping[str, Stored], stems: tuple[str, ...]
) -> Checkpoint:
    first = parts[0]
    warnings = dict.fromkeys(warning for part in parts for warning in part.warnings)
    checkpoint = Checkpoint(
        Network.BAND_SPLIT_RNN,
        {
            "parts": [part.part for part in parts],
            "n_fft": first.n_fft,
            "hop": first.hop,
            "window": first.window,
        },
        tensors,
        stems=stems,
        sample_rate=first.rate,
        segment=first.segment,
        overlap=first.overlap,
        warnings=tuple(warnings),
    )
    return with_rest(checkpoint)


def _configurations(files: Sequence[Path]) -> tuple[dict[Path, dict[str, Any]], dict[str, Any]]:
    """Those of models by their files, and the general one."""
    found: dict[Path, dict[str, Any]] = {}
    general: dict[str, Any] = {}
    for path in files:
        with refusing(path, "description"):
            values = read_yaml(path)
            if kind_of(values) == "general":
                general = values
            else:
                found[path] = values
    return found, general


def _read(path: Path) -> _Weights:
    """The state dict in `path`, with the names that the networks here have."""
    with refusing(path):
        trained = read_trained(path)
        tensors = _renamed(trained.tensors)
        maskers = [int(found[1]) for key in tensors if (found := _MASKER.match(key))]
        count = max(maskers, default=0) + 1
        # The last of several may be what the others leave, and have no mask.
        fitting = len(trained.targets) in ((count, count + 1) if count > 1 else (1,))
        return _Weights(path, tensors, count, trained.targets if fitting else ())


def _renamed(state: Mapping[str, Stored]) -> dict[str, Stored]:
    prefix = "model."
    if any(key.startswith(prefix) for key in state):
        # Beside the network, Lightning saves the windows of the transforms around it.
        return {
            key.removeprefix(prefix): tensor
            for key, tensor in state.items()
            if key.startswith(prefix)
        }
    # Until 2025 there was one masker, and it had no name.
    return {
        "maskers.0." + key if key.startswith("mask.") else key: tensor
        for key, tensor in state.items()
        if key not in _TRANSFORMS
    }


def _configuration_of(weights: _Weights, configurations: Mapping[Path, Mapping[str, Any]]) -> Path:
    if len(configurations) == 1:
        return next(iter(configurations))
    same_name = [path for path in configurations if path.stem == weights.path.stem]
    named = _stem_in_name(weights.path)
    same_stem = [path for path, values in configurations.items() if targets_of(values) == named]
    for found in (same_name, same_stem if named else []):
        if len(found) == 1:
            return found[0]
    if configurations:
        raise InvalidCheckpointError("none of the configurations is named as it is, or for it")
    raise InvalidCheckpointError(
        "its configuration is missing: the YAML file that its publisher has beside it"
    )


def _stem_in_name(path: Path) -> tuple[str, ...]:
    words = re.split(r"[^a-z]+", path.stem.lower())
    found = [stem for stem in _STEMS if stem in words]
    return tuple(found) if len(found) == 1 else ()


def _stems_of(weights: _Weights, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of its stems, in its order; () where nothing tells."""
    targets = targets_of(values)
    if kind_of(values) == "channel" and weights.targets:
        return weights.targets
    if kind_of(values) == "pair" or (weights.count == 1 and len(targets) < 2):
        return _stem_in_name(weights.path) or targets
    return targets


def _count(weights: _Weights, values: Mapping[str, Any], named: tuple[str, ...]) -> int:
    """How many stems it gives; the last may be what the others leave, and have no mask."""
    if kind_of(values) == "pair":
        return 1
    own = values["src_mod"] if isinstance(values.get("src_mod"), dict) else values
    rest = weights.count > 1 and own.get("subtract_last_trgt") is True
    return len(named) or weights.count + rest


def _require_fitting(weights: _Weights, named: tuple[str, ...], described: Described) -> None:
    if described.part["kind"] == "pair":
        if len(named) > 1:
            raise InvalidCheckpointError("its configuration names more than one stem")
        return
    masked = described.part["stems"] - described.part["last_is_rest"]
    if masked != weights.count:
        raise InvalidCheckpointError(
            f"it has masks for {weights.count} stems where its configuration has {masked}"
        )


def _require_like(first: Described, other: Described) -> None:
    for name in ("rate", "n_fft", "hop", "window", "segment", "overlap"):
        if getattr(first, name) != getattr(other, name):
            raise InvalidCheckpointError(
                f"its {name} is {getattr(other, name)} where the first file has "
                f"{getattr(first, name)}: import them one by one"
            )


def _refuse(files: Sequence[Path], what: str) -> NoReturn:
    names = ", ".join(str(path) for path in files) or "no files"
    raise StemliftError(
        Reason.CHECKPOINT_INVALID,
        f"A Band-Split RNN model cannot be read from {names}: {what}.",
        "Give the weights (.pt, .ckpt) together with their YAML.",
    )
