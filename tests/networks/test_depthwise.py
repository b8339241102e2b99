"""Convolutions of single channels: torch's numbers and gradients."""

from __future__ import annotations

import pytest
import torch

from stemlift.networks.depthwise import DepthwiseConv


@pytest.mark.parametrize(("taps", "dilation", "length"), [(7, 1, 40), (7, 16, 40), (3, 4, 5)])
def test_numbers_and_gradients_are_those_of_torch(taps: int, dilation: int, length: int) -> None:
    generator = torch.Generator().manual_seed(taps)
    ours = DepthwiseConv(6, taps, dilation)
    theirs = torch.nn.Conv1d(
        6, 6, taps, padding=dilation * (taps // 2), dilation=dilation, groups=6
    )
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, length, generator=generator)
    weights = torch.randn(2, 6, length, generator=generator)
    one, other = x.clone().requires_grad_(True), x.clone().requires_grad_(True)

    found, expected = ours(one), theirs(other)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()

    assert float((found - expected).detach().abs().max()) < 1e-5
    for mine, known in ((one, other), (ours.weight, theirs.weight), (ours.bias, theirs.bias)):
        assert mine is not None
        assert known is not None
        assert mine.grad is not None
        assert known.grad is not None
        assert float((mine.grad - known.grad).abs().max()) < 1e-4


def test_in_half_precision_gradients_come_in_that_of_the_weights() -> None:
    conv = DepthwiseConv(4, 3, 2)
    x = torch.randn(1, 4, 9, generator=torch.Generator().manual_seed(1), requires_grad=True)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = conv(x)
    found.float().sum().backward()

    assert found.dtype == torch.bfloat16
    assert conv.weight.grad is not None
    assert conv.weight.grad.dtype == torch.float32
    assert x.grad is not None
    assert x.grad.dtype == torch.float32
