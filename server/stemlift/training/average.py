"""The moving average of a network's weights, and how fast it learns when."""

from __future__ import annotations

import math

import torch
from torch import nn

from stemlift.training.recipe import Training


def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the average's weights towards the network's; faster at the beginning."""
    kept = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_(
            list(average.parameters()), [each.detach() for each in network.parameters()], 1 - kept
        )


def learning_rate(settings: Training, step: int) -> float:
    """Up along a line, then down along half a cosine.

    I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, without restarts.
    """
    if step < settings.warm_up:
        return settings.rate * (step + 1) / settings.warm_up
    done = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return settings.rate * (settings.last_rate + (1 - settings.last_rate) * fall)
