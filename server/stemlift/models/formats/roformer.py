"""Band-split transformers as the community publishes them: a .ckpt of weights and a .yaml.

The pair is what the training framework ZFTurbo/Music-Source-Separation-Training writes and
reads. The YAML's `model` section is the network's arguments, `audio` and `inference` say how
long segments are, `training` which stems come in which order.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.checkpoint import Checkpoint, rest_of
from stemlift.models.formats.content import descriptions_among, is_safetensors
from stemlift.models.formats.safe_yaml import read_yaml
from stemlift.models.formats.tensors import (
    InvalidCheckpointError,
    Stored,
    load_pickled,
    refusing,
    stored_safetensors,
    stored_tensor,
)
from stemlift.models.loaded import Seams
from stemlift.models.spec import Network
from stemlift.networks.bs_roformer import BSRoformerConfig
from stemlift.networks.mel_band_roformer import MelBandRoformerConfig
from stemlift.networks.roformer import MOST_MASK_LAYERS, RoformerConfig

Section: TypeAlias = Mapping[str, Any]

_YAML = (".yaml", ".yml")

_CONFIGS: dict[Network, type[RoformerConfig]] = {
    Network.BS_ROFORMER: BSRoformerConfig,
    Network.MEL_BAND_ROFORMER: MelBandRoformerConfig,
}

_TRAINING_ONLY = frozenset(
    {
        "attn_dropout",
        "ff_dropout",
        "flash_attn",
        "sage_attention",
        "use_torch_checkpoint",
        "multi_stft_resolution_loss_weight",
        "multi_stft_resolutions_window_sizes",
        "multi_stft_hop_size",
        "multi_stft_normalized",
        "multi_stft_window_fn",
        # Overwritten by what the transform gives.
        "dim_freqs_in",
        # Stemlift's output always has the length of its input.
        "match_input_audio_length",
        # Of BS-RoFormer, whose bands do not depend on it.
        "sample_rate",
    }
)
"""Keys that change nothing in what a trained network gives, or only how fast."""

_OTHER_NETWORK: Mapping[str, Any] = {
    "use_pope": False,
    "num_residual_streams": 1,
    "num_residual_fracs": 1,
    "add_value_residual": False,
    "freq_range": None,
    "stft_window_fn": None,
}
"""Keys of later networks that Stemlift does not have, with the value that leaves them out."""

_LARGEST: Mapping[str, int] = {
    "dim": 8192,
    "depth": 64,
    "num_stems": 32,
    "time_transformer_depth": 16,
    "freq_transformer_depth": 16,
    "linear_transformer_depth": 16,
    "dim_head": 1024,
    "heads": 128,
    "stft_n_fft": 65536,
    "stft_hop_length": 65536,
    "stft_win_length": 65536,
    "mask_estimator_depth": 16,
    "mlp_expansion_factor": 64,
    "num_bands": 1024,
    "sample_rate": 384000,
}
"""Above these a file is damaged or hostile: building its network would take all time."""

_MAY_BE_ZERO = ("linear_transformer_depth", "mask_estimator_depth")
_MOST_BANDS = 1024
_MOST_STEMS = 64
_STEM = re.compile(r"\w[\w +-]{0,31}")
_MOST_OVERLAP = 20
_LONGEST_SEGMENT = 2**26

_WRAPPERS = ("state", "state_dict", "model_state_dict")
_PREFIXES = ("module.", "model.")


def read_roformer(files: Sequence[Path]) -> Checkpoint:
    """The checkpoint in a pair of files, in any order: weights and YAML.

    Weights: a safetensors file, or what torch.save wrote, as a state dict or with one under
    `state`, `state_dict` or `model_state_dict`; their ending does not matter.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong.
        FileNotFoundError: one of the files is not there.
    """
    weights, config = _pair(files)
    with refusing(config, "description"):
        sections = read_yaml(config)
        model = _section(sections, "model")
        if not model:
            raise InvalidCheckpointError("its section “model” is missing")
        network = _kind(sections)
    with refusing(weights):
        tensors = _tensors(weights)
    with refusing(config, "description"):
        if network is None:
            network = _kind_of(tensors)
        elif network is not _kind_of(tensors):
            raise InvalidCheckpointError(
                f"it describes a {network}, but {weights.name} holds a {_kind_of(tensors)}"
            )
        arguments, unknown = _arguments(network, model)
        stems, complement = _stems(sections, arguments.get("num_stems", 1))
        segment, overlap = _segments(sections)
        inference = _section(sections, "inference")
        return Checkpoint(
            network=network,
            config=arguments,
            tensors=tensors,
            stems=stems,
            complement=complement,
            sample_rate=_sample_rate(sections),
            segment=segment,
            overlap=overlap,
            seams=Seams.FADES,
            normalise=inference.get("normalize") is True,
            warnings=tuple(
                f"{config.name}: the key “{key}” of its section “model” is not known; left out."
                for key in unknown
            ),
        )


def _pair(files: Sequence[Path]) -> tuple[Path, Path]:
    configs = descriptions_among(files, _YAML)
    weights = [file for file in files if file not in configs]
    if len(weights) != 1:
        named = ", ".join(str(file) for file in files)
        raise StemliftError(
            Reason.CHECKPOINT_INVALID,
            f"A band-split transformer is one file of weights and its YAML, not: {named}.",
            "Name one file of weights, and its YAML by --config.",
        )
    if len(configs) != 1:
        found = "come with several YAML files" if configs else "come without their YAML"
        raise StemliftError(
            Reason.CHECKPOINT_INVALID,
            f"The weights {weights[0]} of a band-split transformer {found}.",
            "Name the one YAML that was published with them by --config.",
        )
    return weights[0], configs[0]


def _section(sections: Section, name: str) -> Section:
    section = sections.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise InvalidCheckpointError(f"its section “{name}” is no table")
    return section


def _kind(sections: Section) -> Network | None:
    """The network that the YAML speaks of; None where it leaves that to the weights."""
    model = _section(sections, "model")
    found = set()
    if "freqs_per_bands" in model:
        found.add(Network.BS_ROFORMER)
    if "num_bands" in model:
        found.add(Network.MEL_BAND_ROFORMER)
    named = _section(sections, "training").get("model_type")
    if named is not None:
        if named not in tuple(_CONFIGS):
            raise InvalidCheckpointError(
                f"its “training.model_type” is “{named}”, which is no band-split transformer "
                "that Stemlift has"
            )
        found.add(Network(named))
    if len(found) > 1:
        raise InvalidCheckpointError(
            "it contradicts itself: “freqs_per_bands” belongs to bs_roformer and “num_bands” "
            "to mel_band_roformer"
        )
    return found.pop() if found else None


def _kind_of(tensors: Mapping[str, Stored]) -> Network:
    final = "final_norm.gamma" in tensors
    return Network.BS_ROFORMER if final else Network.MEL_BAND_ROFORMER


def _arguments(network: Network, model: Section) -> tuple[dict[str, Any], list[str]]:
    """What the network is built with, and the keys that nobody knows."""
    known = {each.name for each in dataclasses.fields(_CONFIGS[network])}
    arguments: dict[str, Any] = {}
    unknown = []
    for key, value in model.items():
        if key in known:
            arguments[key] = value
        elif key in _OTHER_NETWORK:
            if value != _OTHER_NETWORK[key]:
                raise InvalidCheckpointError(
                    f"its “{key}: {value}” asks for a network that Stemlift does not have"
                )
        elif key not in _TRAINING_ONLY:
            unknown.append(str(key))
    for key in ("dim", "depth"):
        if key not in arguments:
            raise InvalidCheckpointError(f"its section “model” lacks “{key}”")
    _require_sensible(arguments)
    _require_small(network, arguments)
    return arguments, unknown


def _require_sensible(arguments: Section) -> None:
    for key, value in arguments.items():
        if key in _LARGEST:
            least = 0 if key in _MAY_BE_ZERO else 1
            _integer(f"model.{key}", value, least, _LARGEST[key])
        elif key == "freqs_per_bands":
            if not isinstance(value, list) or not 0 < len(value) <= _MOST_BANDS:
                raise InvalidCheckpointError("its “model.freqs_per_bands” is no list of bands")
            for bins in value:
                _integer("model.freqs_per_bands", bins, 1, _LARGEST["stft_n_fft"])
        elif not isinstance(value, bool):
            raise InvalidCheckpointError(f"its “model.{key}” is neither true nor false: {value}")
    if arguments.get("dim_head", 0) % 2:
        raise InvalidCheckpointError("its “model.dim_head” is odd; rotary positions need pairs")
    n_fft = arguments.get("stft_n_fft", RoformerConfig.stft_n_fft)
    if arguments.get("stft_win_length", RoformerConfig.stft_win_length) > n_fft:
        raise InvalidCheckpointError("its “model.stft_win_length” is longer than “stft_n_fft”")


def _require_small(network: Network, arguments: Section) -> None:
    """Each count may be sensible and their product not."""
    if network is Network.BS_ROFORMER:
        bands = len(arguments.get("freqs_per_bands", BSRoformerConfig.freqs_per_bands))
    else:
        bands = arguments.get("num_bands", MelBandRoformerConfig.num_bands)
    layers = 1 + arguments.get("mask_estimator_depth", _CONFIGS[network].mask_estimator_depth)
    if arguments.get("num_stems", 1) * bands * layers > MOST_MASK_LAYERS:
        raise InvalidCheckpointError("its masks would have far too many layers")


def _integer(key: str, value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidCheckpointError(
            f"its “{key}” must be a whole number from {least} to {most}, not {value}"
        )
    return value


def _stems(sections: Section, count: int) -> tuple[tuple[str, ...], str | None]:
    """What the network gives, and the name for what it leaves of the mix."""
    training = _section(sections, "training")
    instruments = _names(training.get("instruments"))
    target = training.get("target_instrument")
    if not target:
        if count != len(instruments):
            raise InvalidCheckpointError(
                f"its network gives {count} stems, but “training.instruments” names "
                f"{len(instruments)}"
            )
        return instruments, None
    (target,) = _names([target])
    if count != 1:
        raise InvalidCheckpointError(
            f"its network gives {count} stems, but “training.target_instrument” asks for one"
        )
    others = [each for each in instruments if each != target]
    if len(instruments) == 2 and len(others) == 1:
        return (target,), others[0]
    return (target,), rest_of(target)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_STEMS:
        raise InvalidCheckpointError("its “training.instruments” is no list of stems")
    for name in value:
        if not isinstance(name, str) or not _STEM.fullmatch(name):
            raise InvalidCheckpointError(
                f"its “training.instruments” holds what is no name for a file: {name!r}"
            )
    if len(set(value)) != len(value):
        raise InvalidCheckpointError("its “training.instruments” names a stem twice")
    return tuple(value)


def _segments(sections: Section) -> tuple[int | None, float | None]:
    """Length of a segment in samples, and the share of it that the next one repeats."""
    inference, audio = _section(sections, "inference"), _section(sections, "audio")
    length, origin = None, ""
    for name, section in (("inference", inference), ("audio", audio)):
        if section.get("chunk_size") is not None:
            origin = name
            length = _integer(f"{name}.chunk_size", section["chunk_size"], 1, _LONGEST_SEGMENT)
            break
    overlaps = inference.get("num_overlap")
    if overlaps is None:
        return length, None
    overlaps = _integer("inference.num_overlap", overlaps, 1, _MOST_OVERLAP)
    if length is None:
        return None, 1 - 1 / overlaps
    if length < overlaps:
        raise InvalidCheckpointError(
            f"its “{origin}.chunk_size” of {length} is less than its "
            f"“inference.num_overlap” of {overlaps}: no segment would begin after the first"
        )
    # The stride is rounded down to whole samples, so that the share need not be a round one.
    return length, 1 - (length // overlaps) / length


def _sample_rate(sections: Section) -> int | None:
    for name in ("audio", "model"):
        rate = _section(sections, name).get("sample_rate")
        if rate is not None:
            return _integer(f"{name}.sample_rate", rate, 1, _LARGEST["sample_rate"])
    return None


def _tensors(path: Path) -> dict[str, Stored]:
    if is_safetensors(path):
        found = stored_safetensors(path)
    else:
        found = {name: stored_tensor(tensor) for name, tensor in _state(load_pickled(path))}
    if not found:
        raise InvalidCheckpointError("it holds no tensors")
    return _without_prefix(found)


def _state(content: Any) -> Iterator[tuple[str, Tensor]]:
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and wrapper in content:
            content = content[wrapper]
    if not isinstance(content, dict):
        raise InvalidCheckpointError("it holds no state dict")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise InvalidCheckpointError(f"its state dict holds what is no tensor: “{name}”")
        yield name, value


def _without_prefix(found: dict[str, Stored]) -> dict[str, Stored]:
    """Names as the network has them: wrappers in training put their own in front of all."""
    # More of them than this is no training's doing.
    for prefix in _PREFIXES * 2:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): found[name] for name in found}
    return found
