"""What `auto` means for a network on a device."""

from __future__ import annotations

import pytest
import torch
from tests.support.tiny_demucs import tiny_hdemucs, tiny_htdemucs
from torch import nn

from stemlift.networks.quick_demucs import quicken
from stemlift.separation import precision
from stemlift.separation.options import Precision
from stemlift.separation.precision import choose_precision, computes_bf16


def with_cpu(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16"])
def test_auto_is_bf16_for_a_measured_network_on_a_processor_that_has_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with_cpu(monkeypatch, **{name: True})
    network = quicken(tiny_htdemucs())
    assert choose_precision(Precision.AUTO, network, "cpu") is Precision.BF16


def test_auto_is_fp32_on_other_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cpu(monkeypatch, avx512_f=True)
    network = quicken(tiny_htdemucs())
    assert choose_precision(Precision.AUTO, network, "cpu") is Precision.FP32
    assert choose_precision(Precision.AUTO, network, "mps") is Precision.FP32
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not computes_bf16("cpu")


def test_auto_is_fp32_for_networks_that_were_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cpu(monkeypatch, avx512_bf16=True)
    for network in (quicken(tiny_hdemucs()), nn.Identity()):
        assert choose_precision(Precision.AUTO, network, "cpu") is Precision.FP32


def test_auto_is_fp32_for_networks_that_lose_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cpu(monkeypatch, avx512_bf16=True)
    monkeypatch.setattr(precision, "MEASURED_SDR", {"Identity": 44.9, "ReLU": 45.0})
    assert choose_precision(Precision.AUTO, nn.Identity(), "cpu") is Precision.FP32
    assert choose_precision(Precision.AUTO, nn.ReLU(), "cpu") is Precision.BF16


@pytest.mark.parametrize(
    ("capability", "native"), [((7, 5), False), ((8, 0), True), ((9, 0), True)]
)
def test_graphics_cards_have_it_since_ampere(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], native: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert computes_bf16("cuda:1") is native


@pytest.mark.parametrize("asked", [Precision.FP32, Precision.BF16])
def test_what_was_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch, asked: Precision) -> None:
    with_cpu(monkeypatch)
    assert choose_precision(asked, quicken(tiny_htdemucs()), "cpu") is asked
