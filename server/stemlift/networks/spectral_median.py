"""Running medians, fast: compare-and-swap on whole tensors instead of a sort per window."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def running_median(values: Tensor, dim: int, stages: int) -> Tensor:
    """The remedian of base 5 around each value: the median of 5 medians of 5, and so on.

    P. Rousseeuw and G. Bassett, "The remedian: a robust averaging method for large data
    sets", JASA 85, 1990. One stage is the exact median of 5 neighbours, two stages
    approximate that of 25, at about 24 operations a value instead of a sort of 25.

    Args:
        values: (b, f, t), real.
        dim: -1 along the frames, -2 along the bins.
        stages: how often; the window is 5 ** stages values.

    Returns:
        The shape of `values`; beyond the ends the edge value is repeated.
    """
    for stage in range(stages):
        values = _median_of_five(values, dim, spacing=5**stage)
    return values


def _median_of_five(values: Tensor, dim: int, spacing: int) -> Tensor:
    """Median of the values at −2, −1, 0, 1 and 2 times `spacing` along `dim`."""
    length = values.shape[dim]
    reach = 2 * spacing
    edges = (reach, reach) if dim == -1 else (0, 0, reach, reach)
    padded = functional.pad(values, edges, mode="replicate")
    a, b, c, d, e = (padded.narrow(dim, step * spacing, length) for step in range(5))
    # Without the least of (a, b, c, d) and the greatest of them, the median of the three left.
    low = torch.maximum(torch.minimum(a, b), torch.minimum(c, d))
    high = torch.minimum(torch.maximum(a, b), torch.maximum(c, d))
    return torch.maximum(torch.minimum(low, high), torch.minimum(torch.maximum(low, high), e))
