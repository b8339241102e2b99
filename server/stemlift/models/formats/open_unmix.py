"""Open-Unmix models: one plain state dict per stem, and JSON beside them or none.

`separator.json` has the sample rate and the transform, `<target>.json` the arguments that
the training was given, `<target>-<hash>.pth` the weights. The shapes of the weights tell
nearly all of it; the JSON is held against them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from stemlift.models.formats.checkpoint import Checkpoint, with_rest
from stemlift.models.formats.content import is_safetensors, require_file
from stemlift.models.formats.tensors import (
    InvalidCheckpointError,
    Stored,
    build_on_meta,
    fit,
    load_pickled,
    refusing,
    stored_tensor,
)
from stemlift.models.spec import Network
from stemlift.networks.open_unmix import OpenUnmixConfig, OpenUnmixTarget

_SEPARATOR = "separator.json"
_WEIGHTS = re.compile(
    r"(?P<target>.+?)(?:[-_][0-9a-f]{8,64})?\.(?:pth|pt|safetensors)", re.IGNORECASE
)
_USUAL_ORDER = ("drums", "bass", "other", "vocals")

_LONGEST_JSON = 16 * 1024 * 1024
"""The training's JSON keeps the losses of all its epochs."""

_LEGACY = ("stft.window", "transform.0.window", "sample_rate")
"""Before version 1.1 the transform was a part of each network, and saved with it."""

_HUB = {(2049, 2): (44100, 1024), (513, 1): (16000, 512)}
"""Bins and channels → Hz and hop of the published models, which come without JSON."""

_JSON_NAMES = {
    "nfft": "n_fft",
    "nhop": "hop",
    "nb_channels": "channels",
    "hidden_size": "hidden_size",
    "unidirectional": "unidirectional",
}
"""The bandwidth is not among them: the training goes by it only where it starts afresh."""

_GUESSED_HOP = (
    "No separator.json says how far apart the frames are; {} samples, a quarter of the "
    "transform, are taken."
)


def read_open_unmix(files: Sequence[Path]) -> Checkpoint:
    """The model in `files`, told apart by their names; their order does not matter.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong with it.
        FileNotFoundError: a file does not exist.
        ValueError: there are no files.
    """
    weights, settings = _by_target(files)
    arguments = {name: _arguments(name, path) for name, path in settings.items()}
    separator = arguments.get(_SEPARATOR, {})
    first: OpenUnmixConfig | None = None
    tensors: dict[str, Stored] = {}
    rate = separator.get("sample_rate")
    for index, (target, path) in enumerate(weights.items()):
        with refusing(path):
            state = _state(path)
            rate = _same_rate(rate, _legacy_rate(state))
            told = separator.get("nhop") or arguments.get(target, {}).get("nhop")
            config = _config(state, told)
            first = first or config
            _require_like(first, config, next(iter(weights)))
            tensors |= _fitted(config, state, f"targets.{index}.")
        for name in (_SEPARATOR, target):
            if name in arguments:
                with refusing(settings[name], "description"):
                    _require_agreement(arguments[name], config, path.name)
    assert first is not None
    published = _HUB.get((first.bins, first.channels))
    known_hop = published or any("nhop" in values for values in arguments.values())
    checkpoint = Checkpoint(
        network=Network.OPEN_UNMIX,
        config=asdict(replace(first, targets=tuple(weights))),
        tensors=tensors,
        stems=tuple(weights),
        sample_rate=rate or (published[0] if published else None),
        warnings=() if known_hop else (_GUESSED_HOP.format(first.hop),),
    )
    return with_rest(checkpoint)


def _by_target(files: Sequence[Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Weights by target, in the order of the stems; JSON by target, or `_SEPARATOR`."""
    weights: dict[str, Path] = {}
    settings: dict[str, Path] = {}
    for path in files:
        with refusing(path):
            match = _WEIGHTS.fullmatch(path.name)
            if match:
                found, key = weights, match["target"]
            elif path.suffix.lower() == ".json":
                found, key = settings, path.name if path.name == _SEPARATOR else path.stem
            else:
                raise InvalidCheckpointError("by its name it is no file of an Open-Unmix model")
            if key in found:
                raise InvalidCheckpointError(f"{found[key].name} is of the same target")
            found[key] = path
    for key, path in settings.items():
        if key not in weights and (key != _SEPARATOR or not weights):
            with refusing(path, "description"):
                target = "<target>" if key == _SEPARATOR else key
                raise InvalidCheckpointError(f"the weights {target}-….pth are not beside it")
    if not weights:
        raise ValueError("no files of an Open-Unmix model were given")
    if set(weights) <= set(_USUAL_ORDER):
        order = [target for target in _USUAL_ORDER if target in weights]
    else:
        order = sorted(weights)
    return {target: weights[target] for target in order}, settings


def _arguments(name: str, path: Path) -> dict[str, int]:
    """What the JSON says of the network, as far as it says it."""
    with refusing(path, "description"):
        values: Any = _json(path)
        if name != _SEPARATOR:
            values = values.get("args")
            if not isinstance(values, dict):
                raise InvalidCheckpointError("it has no “args”")
        names = ("sample_rate", *_JSON_NAMES)
        return {each: _whole(each, values[each]) for each in names if each in values}


def _json(path: Path) -> dict[str, Any]:
    require_file(path)
    with path.open("rb") as file:
        text = file.read(_LONGEST_JSON + 1)
    if len(text) > _LONGEST_JSON:
        raise InvalidCheckpointError("it is far too long")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidCheckpointError("it is not JSON") from error
    if not isinstance(values, dict):
        raise InvalidCheckpointError("it is not a JSON object")
    return values


def _whole(name: str, value: Any) -> int:
    """Rates are written as 44100 and as 44100.0; only `unidirectional` may be 0."""
    least = 0 if name == "unidirectional" else 1
    if not isinstance(value, int | float) or not least <= value <= 2**20 or value != int(value):
        raise InvalidCheckpointError(f"its “{name}” is no sensible number: {str(value)[:40]}")
    return int(value)


def _state(path: Path) -> dict[str, Tensor]:
    state = load_file(path) if is_safetensors(path) else load_pickled(path)
    if not isinstance(state, Mapping):
        raise InvalidCheckpointError("it is no state dict")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise InvalidCheckpointError(f"it is no state dict: “{str(key)[:60]}” is no tensor")
    return dict(state)


def _legacy_rate(state: Mapping[str, Tensor]) -> int | None:
    rate = state.get("sample_rate")
    if rate is None:
        return None
    if rate.numel() != 1:
        raise InvalidCheckpointError(f"the tensor “sample_rate” has the shape {tuple(rate.shape)}")
    return _whole("sample_rate", rate.item())


def _same_rate(known: int | None, legacy: int | None) -> int | None:
    if known and legacy and known != legacy:
        raise InvalidCheckpointError(f"its sample_rate is {legacy}, where it was {known} before")
    return known or legacy


def _config(state: Mapping[str, Tensor], hop: int | None) -> OpenUnmixConfig:
    """Sizes as the shapes of the tensors have them, whether or not they fit together."""
    hidden, _ = _shape(state, "fc1.weight", 2)
    (heard,) = _shape(state, "input_mean", 1)
    (bins,) = _shape(state, "output_mean", 1)
    outputs, _ = _shape(state, "fc3.weight", 2)
    channels = outputs // bins
    layers = sum(re.fullmatch(r"lstm\.weight_ih_l\d+", key) is not None for key in state)
    if channels not in (1, 2) or not 1 < bins <= 2**16 or not 0 < heard <= bins or layers < 1:
        raise InvalidCheckpointError(
            f"its tensors are for {channels} channels, {heard} of {bins} bins and "
            f"{layers} recurrent layers, which is no Open-Unmix network"
        )
    n_fft = 2 * (bins - 1)
    if hop is None:
        _, hop = _HUB.get((bins, channels), (0, max(1, n_fft // 4)))
    return OpenUnmixConfig(
        targets=(),
        n_fft=n_fft,
        hop=hop,
        channels=channels,
        hidden_size=hidden,
        layers=layers,
        max_bin=heard,
        unidirectional="lstm.weight_ih_l0_reverse" not in state,
    )


def _shape(state: Mapping[str, Tensor], key: str, dimensions: int) -> tuple[int, ...]:
    if key not in state:
        raise InvalidCheckpointError(f"the tensor “{key}” is missing")
    shape = tuple(state[key].shape)
    if len(shape) != dimensions or 0 in shape:
        raise InvalidCheckpointError(
            f"the tensor “{key}” has the shape {shape} where {dimensions} sizes are needed"
        )
    return shape


def _require_like(first: OpenUnmixConfig, config: OpenUnmixConfig, target: str) -> None:
    for name, wanted in asdict(first).items():
        if getattr(config, name) != wanted:
            raise InvalidCheckpointError(
                f"its {name} is {getattr(config, name)}, where that of “{target}” is {wanted}"
            )


def _require_agreement(arguments: Mapping[str, int], config: OpenUnmixConfig, weights: str) -> None:
    for name, value in arguments.items():
        if name in _JSON_NAMES and value != getattr(config, _JSON_NAMES[name]):
            raise InvalidCheckpointError(
                f"its “{name}” is {value}, where {weights} has "
                f"{int(getattr(config, _JSON_NAMES[name]))}"
            )


def _fitted(config: OpenUnmixConfig, state: Mapping[str, Tensor], prefix: str) -> dict[str, Stored]:
    """The tensors after they were seen to fit, so that a misfit is told of with its file."""
    stored = {key: stored_tensor(value) for key, value in state.items() if key not in _LEGACY}
    network = fit(build_on_meta(lambda: OpenUnmixTarget(config)), stored)
    return {prefix + key: stored_tensor(value) for key, value in network.state_dict().items()}
