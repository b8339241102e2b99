"""The gradient of a batch, computed in parts."""

from __future__ import annotations

import copy

import pytest
import torch

from stemlift.models.spec import MaskKind
from stemlift.networks.compact import CompactConfig
from stemlift.separation.spectrogram import MaskedSpectrogram
from stemlift.training.gradients import gradients, training_lanes
from stemlift.training.loss import separation_loss
from stemlift.training.recipe import Loss
from stemlift.training.weights import fresh


@pytest.mark.parametrize("examples", [1, 2, 3])
def test_halves_of_the_cpu_find_the_gradient_of_the_whole_batch(examples: int) -> None:
    network = fresh(CompactConfig(features=8, view=8, dilations=(1, 2)), seed=3)
    network.requires_grad_(True).train()
    noise = torch.randn((examples, 4, 2, 9000), generator=torch.Generator().manual_seed(1))
    stems = noise * torch.tensor([0.1, 0.02, 0.3])[:examples, None, None, None]
    whole = MaskedSpectrogram(copy.deepcopy(network), MaskKind.COMPLEX)
    expected = separation_loss(whole(stems.sum(dim=1)), stems, Loss())
    expected.backward()
    parts = MaskedSpectrogram(network, MaskKind.COMPLEX)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with training_lanes("cpu") as lanes:
            assert len(lanes) == 2
            found = gradients(parts, stems, Loss(), lanes, reduced=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert float(found) == pytest.approx(float(expected.detach()), rel=1e-5)
    for one, other in zip(parts.parameters(), whole.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-6)
