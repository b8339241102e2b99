"""The network of a recipe, and its weights as Stemlift's own files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import build_network
from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.native import read_native, write_native
from stemlift.models.formats.tensors import InvalidCheckpointError, refusing, stored_tensor
from stemlift.models.spec import Network
from stemlift.networks.compact import Compact, CompactConfig
from stemlift.training.recipe import NetworkTable
from stemlift.training.songs.mixing import RATE, STEMS
from stemlift.training.validate import OVERLAP, SEGMENT


def config_of(table: NetworkTable) -> CompactConfig:
    """The network that a recipe asks for."""
    return CompactConfig(**table.model_dump(exclude_none=True))


def fresh(config: CompactConfig, seed: int) -> Compact:
    """A network with the first weights of that seed; other draws of torch are not touched.

    Raises:
        StemliftError: RECIPE_INVALID.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Compact(config)
    except ValueError as error:
        raise StemliftError(
            Reason.RECIPE_INVALID,
            f"The recipe's network cannot be built: {error}.",
            "Mend its table [network].",
        ) from error


def write_weights(path: Path, network: Compact, half: bool) -> int:
    """Write a network as a file that separates; returns its size in bytes.

    Args:
        half: in fp16, which takes half the room.

    Raises:
        OSError: the file cannot be written.
    """
    state = {name: each.detach().cpu() for name, each in network.state_dict().items()}
    kept = {name: each.half() if half else each for name, each in state.items()}
    config = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(network.config).items()
    }
    checkpoint = Checkpoint(
        Network.COMPACT,
        config,
        {name: stored_tensor(each) for name, each in kept.items()},
        stems=STEMS,
        sample_rate=RATE,
        segment=SEGMENT,
        overlap=OVERLAP,
    )
    write_native(path, checkpoint)
    return path.stat().st_size


def read_weights(path: Path) -> Compact:
    """The network in a file that `write_weights` wrote, in fp32.

    Raises:
        StemliftError: FILE_NOT_FOUND, CHECKPOINT_INVALID.
    """
    try:
        checkpoint = read_native(path)
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND, f"There are no weights {path}.", "Check the path."
        ) from error
    with refusing(path):
        network = build_network(checkpoint)
        if not isinstance(network, Compact) or checkpoint.stems != STEMS:
            raise InvalidCheckpointError("it is no compact model of these four stems")
    return network
