"""Attention that never holds its whole matrix of weights.

torch's own module takes a path in inference that does: for 7.8 seconds in the hybrid
transformer of Demucs, 8 heads × 2,688² places × 4 bytes, or 230 MB, written and read several
times in each layer.

Axes: b batch, h heads, t places, n features.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_QUERIES = 192
"""In one step of attention in half precision on a CPU; their scores stay in its cache."""


class FusedAttention(nn.Module):
    """What `attention`, batch first and without dropout, gives to those who ask for no weights.

    It has the same parameters under the same names.
    """

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads = attention.num_heads
        self.in_proj_weight = attention.in_proj_weight
        self.in_proj_bias = attention.in_proj_bias
        self.out_proj = attention.out_proj

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, **options: Any
    ) -> tuple[Tensor, None]:
        if key is not value or any(
            option is not None and option is not False for option in options.values()
        ):
            raise ValueError("no mask, no weights, and one tensor as keys and values")
        if query is key:
            parts = self._projected(query, 0, 3)
        else:
            parts = (*self._projected(query, 0, 1), *self._projected(key, 1, 3))
        heads = (part.reshape(*part.shape[:2], self.heads, -1).transpose(1, 2) for part in parts)
        joined = attend(*heads).transpose(1, 2).flatten(2)
        return self.out_proj(joined), None

    def _projected(self, x: Tensor, first: int, last: int) -> tuple[Tensor, ...]:
        """Of queries, keys and values those from `first` to `last`; each (b, t, n)."""
        rows = slice(first * x.shape[-1], last * x.shape[-1])
        bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
        return nn.functional.linear(x, self.in_proj_weight[rows], bias).chunk(last - first, dim=-1)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention of (b, h, t, n), of any type."""
    if query.device.type == "cpu" and query.dtype == torch.bfloat16:
        return _in_steps(query, key, value)
    return nn.functional.scaled_dot_product_attention(query, key, value)


def _in_steps(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """torch's fused kernel for CPUs is no faster in bf16 than in fp32; matrix products are."""
    scaled = (query * query.shape[-1] ** -0.5).flatten(0, 1)
    keys, values = key.flatten(0, 1).transpose(1, 2), value.flatten(0, 1)
    out = torch.empty_like(scaled)
    for head, (own_keys, own_values) in enumerate(zip(keys, values, strict=True)):
        for first in range(0, scaled.shape[1], _QUERIES):
            some = slice(first, first + _QUERIES)
            shares = torch.softmax(scaled[head, some] @ own_keys, dim=-1)
            out[head, some] = shares @ own_values
    return out.reshape(query.shape)
