"""Weights that depend on names and shapes alone, so that any implementation gets the same."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def seeded_state(
    shapes: Mapping[str, tuple[int, ...]], gain: float = 1.0, seed: int = 0
) -> dict[str, Tensor]:
    """Float tensors for a state dict: weights scaled by their fan-in, norms near 1, biases near 0.

    Running variances are positive; counters (shape () and "num_batches_tracked") are int64.
    """
    return {name: _tensor(name, tuple(shape), gain, seed) for name, shape in shapes.items()}


def seeded_like(state: Mapping[str, Tensor], gain: float = 1.0, seed: int = 0) -> dict[str, Tensor]:
    """Weights for every tensor of `state`, which may lie on the meta device."""
    return seeded_state({name: tuple(each.shape) for name, each in state.items()}, gain, seed)


def _tensor(name: str, shape: tuple[int, ...], gain: float, seed: int) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    random = np.random.default_rng([zlib.crc32(name.encode()), seed])
    values = random.standard_normal(shape)
    if name.endswith("running_var"):
        values = 1 + 0.2 * np.abs(values)
    elif len(shape) < 2 and name.rpartition(".")[2] in ("weight", "gamma", "scale"):
        values = 1 + 0.1 * values
    elif len(shape) < 2:
        values = 0.1 * values
    else:
        values = gain * values / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
