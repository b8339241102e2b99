"""What changes the weights: which of them are matrices, and which decay."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from stemlift.training.muon import Muon
from stemlift.training.recipe import Training

_BETAS = (0.9, 0.98)


def optimiser_of(network: nn.Module, settings: Training) -> torch.optim.Optimizer:
    """The optimiser that a recipe names, for all weights of a network."""
    groups = _groups(network, settings.weight_decay)
    if settings.optimiser == "muon":
        return Muon(groups, settings.rate, betas=_BETAS)
    return torch.optim.AdamW(groups, lr=settings.rate, betas=_BETAS)


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weights decay; norms and biases do not. The taps of convolutions are no matrix."""
    named = list(network.named_parameters())
    maps = [(name, each) for name, each in named if _is_map(name, each)]
    matrices = [each for _, each in maps if each.shape[1] > 1]
    taps = [each for _, each in maps if each.shape[1] == 1]
    others = [each for name, each in named if not _is_map(name, each)]
    return [
        {"params": matrices, "weight_decay": decay, "matrices": True},
        {"params": taps, "weight_decay": decay, "matrices": False},
        {"params": others, "weight_decay": 0.0, "matrices": False},
    ]


def _is_map(name: str, parameter: Tensor) -> bool:
    return parameter.ndim > 1 and "bias" not in name and "norm" not in name
