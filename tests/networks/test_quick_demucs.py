"""The quick way of the Demucs networks against their own package."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.support.tiny_demucs import STEMS, tiny_hdemucs, tiny_htdemucs, tiny_time_demucs
from torch import Tensor, nn

from stemlift.networks import quick_demucs
from stemlift.networks.attention import FusedAttention, attend
from stemlift.networks.quick_demucs import Branches, Decoder, Encoder, QuickHTDemucs, quicken
from stemlift.quality.sdr import sdr
from stemlift.separation.precision import MEASURED_SDR

SAMPLES = 22050


def lively(network: nn.Module, most: float = 0.5) -> nn.Module:
    """With inner branches that are heard; in a new network they are as good as silent."""
    generator = torch.Generator().manual_seed(5)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(False)
        if name.endswith(".scale"):
            parameter.copy_(most * torch.rand(parameter.shape, generator=generator))
    return network


def music(batch: int = 1, samples: int = SAMPLES) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    time = torch.arange(samples) / 44100
    tones = sum(torch.sin(2 * torch.pi * 110 * k * time) / k for k in range(1, 9))
    noise = torch.randn(batch, 2, samples, generator=generator)
    return 0.2 * (tones + 0.3 * noise)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("make", [tiny_htdemucs, tiny_hdemucs, tiny_time_demucs])
def test_the_quick_way_gives_the_same_stems(make: Callable[[], nn.Module], batch: int) -> None:
    network = lively(make())
    quick = quicken(copy.deepcopy(network))
    with torch.inference_mode():
        expected, found = network(music(batch)), quick(music(batch))
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


@pytest.mark.parametrize(
    "changes",
    [
        {"dconv_mode": 1},
        {"dconv_depth": 1, "dconv_comp": 4},
        {"norm_starts": 1},
        {"context_enc": 1},
        {"rewrite": False},
        {"cac": False},
        {"bottom_channels": 0, "t_layers": 3, "t_cross_first": True},
        {"multi_freqs": [0.5], "multi_freqs_depth": 1},
    ],
    ids=str,
)
def test_other_shapes_keep_their_results(changes: dict[str, Any]) -> None:
    network = lively(tiny_htdemucs(**changes))
    quick = quicken(copy.deepcopy(network))
    with torch.inference_mode():
        expected, found = network(music()), quick(music())
    assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


def test_parameters_keep_their_names() -> None:
    network = tiny_htdemucs()
    quick = quicken(copy.deepcopy(network))
    assert set(quick.state_dict()) == set(network.state_dict())
    kinds = {type(layer) for layer in quick.modules()}
    assert {Branches, Encoder, Decoder, FusedAttention} <= kinds


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        ({}, True),
        ({"dconv_mode": 1}, True),
        ({"norm_starts": 1}, False),
        ({"context_enc": 1}, False),
        ({"rewrite": False}, False),
        ({"cac": False}, False),
        ({"multi_freqs": [0.5], "multi_freqs_depth": 1}, False),
    ],
    ids=str,
)
def test_only_a_network_whose_ends_are_all_quick_counts_as_measured(
    changes: dict[str, Any], whole: bool
) -> None:
    quick = quicken(tiny_htdemucs(**changes))
    assert (type(quick) is QuickHTDemucs) is whole
    assert (type(quick).__name__ in MEASURED_SDR) is whole


def test_rows_at_a_time_do_not_change_the_stems(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = quicken(lively(tiny_htdemucs()))
    with torch.inference_mode():
        whole = quick(music())
        monkeypatch.setattr(quick_demucs, "_IN_CACHE", 1)
        rows = quick(music())
    assert torch.allclose(whole, rows, atol=1e-6)


@pytest.mark.parametrize("most", [0.0, 0.1, 0.5])
def test_half_precision_keeps_45_db(most: float) -> None:
    quick = quicken(lively(tiny_htdemucs(channels=16, bottom_channels=64, t_layers=3), most))
    with torch.inference_mode():
        expected = quick(music())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = quick(music())
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    for stem, name in enumerate(STEMS):
        assert sdr(expected[0, stem].T.numpy(), found[0, stem].T.numpy()) >= 45, name


def test_attention_in_half_precision_steps_over_all_places() -> None:
    generator = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(2, 3, 500, 16, generator=generator) for _ in range(3))
    expected = nn.functional.scaled_dot_product_attention(query, key, value)
    found = attend(query.bfloat16(), key.bfloat16(), value.bfloat16()).float()
    assert float((found - expected).square().mean() / expected.square().mean()) < 1e-3  # 30 dB


def test_attention_refuses_what_it_does_not_do() -> None:
    attention = FusedAttention(nn.MultiheadAttention(8, 2, batch_first=True))
    x = torch.zeros(1, 4, 8)
    with pytest.raises(ValueError, match="mask"):
        attention(x, x, x, attn_mask=torch.zeros(4, 4))
