"""The moving average of a network's weights, and how fast it learns when."""

from __future__ import annotations

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
    """Up along a line, level, and down along a line over the last `settle` of all steps.

    As good as half a cosine, and a training that has not begun to settle can still be made
    longer: A. Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
    Durations", NeurIPS 2024.
    """
    if step < settings.warm_up:
        return settings.rate * (step + 1) / settings.warm_up
    left = (settings.steps - step) / max(1.0, settings.settle * settings.steps)
    return settings.rate * (settings.last_rate + (1 - settings.last_rate) * min(1.0, left))
