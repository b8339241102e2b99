"""How the framework of the community's transformer checkpoints cuts and joins, all at once.

Written from a description of Music-Source-Separation-Training's generic mode at ccc011a.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def join_published(
    signal: Tensor, segment: int, overlaps: int, network: Callable[[Tensor], Tensor]
) -> Tensor:
    """(…, channels, samples) of a network on (batch, channels, samples), over a whole signal.

    Mirrored by segment − step at both ends if long enough, linear fades of a tenth, short ends
    mirrored where more than half is there; one segment a batch.
    """
    step, fade = segment // overlaps, segment // 10
    border, total = segment - step, signal.shape[-1]
    padded = total > 2 * border and border > 0
    if padded:
        signal = nn.functional.pad(signal, (border, border), mode="reflect")
    length = signal.shape[-1]
    window = torch.ones(segment)
    window[:fade] = torch.linspace(0, 1, fade)
    window[segment - fade :] = torch.linspace(1, 0, fade)
    result: Tensor | None = None
    weights = torch.zeros(length)
    for at in range(0, length, step):
        part = signal[:, at : at + segment]
        here = part.shape[-1]
        mode = "reflect" if here > segment // 2 else "constant"
        output = network(nn.functional.pad(part, (0, segment - here), mode=mode)[None])[0]
        own = window.clone()
        if at == 0:
            own[:fade] = 1
        elif at + step >= length:
            own[segment - fade :] = 1
        if result is None:
            result = torch.zeros(*output.shape[:-1], length)
        result[..., at : at + here] += output[..., :here] * own[:here]
        weights[at : at + here] += own[:here]
    assert result is not None
    joined = result / weights
    return joined[..., border:-border] if padded else joined
