"""AdamW for vectors, and for matrices steps in all their directions alike.

The gradient of a matrix is mostly of a few directions; AdamW goes along these. Muon makes
the step orthogonal first, so that rare directions count as much, and needs fewer steps.

References:
    K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
    J. Liu et al., "Muon is Scalable for LLM Training", 2025 (arXiv 2502.16982): the size of
        the step, by which one rate suits both kinds.
    I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_LIKE_ADAMW = 0.2
"""Root mean square of a step of AdamW at rate 1, about."""

_TINY = 1e-8


class Muon(torch.optim.Optimizer):
    """Groups with `matrices` hold (…, rows, columns) of any number of maps; others anything.

    Args:
        groups: dicts with `params`, `weight_decay` and `matrices`.
        lr: for both kinds.
        momentum: of matrices.
        betas: of the others.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step along the gradients that are there, or that `closure` finds anew."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
                state = self.state[parameter]
                move = _turned if group["matrices"] else _scaled
                parameter.sub_(group["lr"] * move(parameter.grad, state, group))
        return loss


def _turned(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    mean = _kept(state, "mean", gradient)
    mean.lerp_(gradient, 1.0 - group["momentum"])
    ahead = gradient.lerp(mean, group["momentum"])
    maps = ahead.reshape(-1, *_map_shape(ahead))
    size = _LIKE_ADAMW * math.sqrt(max(maps.shape[1:]))
    return orthogonal(maps).reshape(gradient.shape) * size


def _map_shape(tensor: Tensor) -> tuple[int, int]:
    """A convolution of one tap is a map, too."""
    shape = tensor.shape[:-1] if tensor.shape[-1] == 1 else tensor.shape
    return int(shape[-2]), int(shape[-1])


def _scaled(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    mean, square = _kept(state, "mean", gradient), _kept(state, "square", gradient)
    count: int = state.get("count", 0) + 1
    state["count"] = count
    one: float = group["betas"][0]
    two: float = group["betas"][1]
    mean.lerp_(gradient, 1.0 - one)
    square.lerp_(gradient.square(), 1.0 - two)
    root = (square / (1.0 - two**count)).sqrt() + _TINY
    return mean / (1.0 - one**count) / root


def _kept(state: dict[str, Any], name: str, like: Tensor) -> Tensor:
    if name not in state:
        state[name] = torch.zeros_like(like)
    return cast("Tensor", state[name])


def orthogonal(maps: Tensor) -> Tensor:
    """(n, rows, columns) → the nearest ones whose singular values are about 1 each."""
    tall = maps.shape[1] > maps.shape[2]
    x: Tensor = maps.transpose(1, 2) if tall else maps
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.transpose(1, 2) if tall else x
