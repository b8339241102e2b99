"""The networks that checkpoints may name: a configuration, and what it builds.

To add one: its module in `networks/`, a name in `spec.Network`, and an entry here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from torch import nn

from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.tensors import InvalidCheckpointError, build_on_meta, fit
from stemlift.models.spec import MaskKind, Network
from stemlift.networks.band_split_rnn import BandSplitRnn, BandSplitRnnConfig
from stemlift.networks.bs_roformer import BSRoformer, BSRoformerConfig
from stemlift.networks.compact import Compact, CompactConfig
from stemlift.networks.mel_band_roformer import MelBandRoformer, MelBandRoformerConfig
from stemlift.networks.open_unmix import OpenUnmix, OpenUnmixConfig

_LARGEST_NUMBER = 2**20
_MOST_ITEMS = 4096

_SPECTROGRAM_MASKS = (MaskKind.COMPLEX, MaskKind.RATIO, MaskKind.BINARY)


@dataclass(frozen=True, slots=True)
class Architecture:
    """config: a frozen dataclass of plain values, `build`'s only argument.

    masks: kinds the network offers, its default first; empty for waveform networks.
    """

    config: type[Any]
    build: Callable[[Any], nn.Module]
    masks: tuple[MaskKind, ...]


def architecture(network: Network) -> Architecture:
    """The architecture called `network`.

    Raises:
        KeyError: it has no configuration of its own (spectral, demucs, ensembles).
    """
    return _ARCHITECTURES[network]


def build_network(checkpoint: Checkpoint) -> nn.Module:
    """The network of a checkpoint with its tensors: fp32, eval mode, no gradients.

    Raises:
        InvalidCheckpointError: the first argument or tensor that does not fit.
    """
    found = architecture(checkpoint.network)
    config = read_config(found.config, checkpoint.config)
    return fit(build_on_meta(lambda: found.build(config)), checkpoint.tensors)


def read_config(config: type[Any], values: Mapping[str, Any]) -> Any:
    """`values` as a `config`, each checked for its type and a sensible size.

    Raises:
        InvalidCheckpointError: an argument is unknown, missing or wrong.
    """
    known = {each.name for each in dataclasses.fields(config)}
    for key in values:
        if key not in known:
            raise InvalidCheckpointError(f"its argument “{key}” is not known")
    for key, value in values.items():
        _require_sensible(key, value)
    try:
        return TypeAdapter(config).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidCheckpointError(f"its argument “{where}”: {first['msg']}") from error


def _require_sensible(key: str, value: Any, depth: int = 0) -> None:
    """A hostile file must not ask for all memory or all time while shapes are compared."""
    if isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER:
        raise InvalidCheckpointError(f"its argument “{key}” is no sensible number: {value}")
    if isinstance(value, list | tuple | dict):
        if len(value) > _MOST_ITEMS or depth > 3:
            raise InvalidCheckpointError(f"its argument “{key}” is far too long")
        for item in value.values() if isinstance(value, dict) else value:
            _require_sensible(key, item, depth + 1)


_ARCHITECTURES: dict[Network, Architecture] = {
    Network.BAND_SPLIT_RNN: Architecture(BandSplitRnnConfig, BandSplitRnn, _SPECTROGRAM_MASKS),
    Network.BS_ROFORMER: Architecture(BSRoformerConfig, BSRoformer, _SPECTROGRAM_MASKS),
    Network.MEL_BAND_ROFORMER: Architecture(
        MelBandRoformerConfig, MelBandRoformer, _SPECTROGRAM_MASKS
    ),
    Network.COMPACT: Architecture(CompactConfig, Compact, _SPECTROGRAM_MASKS),
    Network.OPEN_UNMIX: Architecture(OpenUnmixConfig, OpenUnmix, _SPECTROGRAM_MASKS),
}
