"""Steps of matrices, turned."""

from __future__ import annotations

import pytest
import torch

from stemlift.networks.compact import Compact, CompactConfig
from stemlift.training.muon import Muon, orthogonal
from stemlift.training.optimisers import optimiser_of
from stemlift.training.recipe import Training

CONFIG = CompactConfig(
    bands=(1,) * 16 + (497,), features=4, dilations=(1,), kernel=3, view=4, n_fft=1024, hop=256
)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 5, 17), (2, 17, 5)])
def test_singular_values_become_alike(shape: tuple[int, int, int]) -> None:
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(1))

    found = torch.linalg.svdvals(orthogonal(maps))

    assert found.shape == (shape[0], min(shape[1:]))
    assert 0.6 < float(found.min()) <= float(found.max()) < 1.3


def test_what_a_map_turns_stays_turned() -> None:
    maps = torch.randn(4, 6, 6, generator=torch.Generator().manual_seed(2))
    left, _, right = torch.linalg.svd(maps)

    inner = left.transpose(1, 2) @ orthogonal(maps) @ right.transpose(1, 2)

    beside = inner - torch.diag_embed(torch.diagonal(inner, dim1=1, dim2=2))
    assert float(beside.abs().max()) < 1e-3


def test_zero_gradients_move_nothing() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 3, 3))
    optimiser = Muon([{"params": [weight], "weight_decay": 0.0, "matrices": True}], lr=0.1)
    weight.grad = torch.zeros_like(weight)

    optimiser.step()

    assert torch.equal(weight.detach(), torch.ones(2, 3, 3))


def test_vectors_move_as_with_adamw() -> None:
    ours, theirs = (torch.nn.Parameter(torch.linspace(-1.0, 1.0, 7)) for _ in range(2))
    one = Muon([{"params": [ours], "weight_decay": 0.1, "matrices": False}], lr=0.01)
    other = torch.optim.AdamW([theirs], lr=0.01, betas=(0.9, 0.98), weight_decay=0.1)
    for step in range(5):
        for weight, optimiser in ((ours, one), (theirs, other)):
            weight.grad = torch.sin(weight.detach() * (step + 1))
            optimiser.step()

    assert float((ours - theirs).abs().max().detach()) < 1e-6


def test_every_weight_has_one_group() -> None:
    network = Compact(CONFIG)

    optimiser = optimiser_of(network, Training())

    grouped = [id(each) for group in optimiser.param_groups for each in group["params"]]
    assert sorted(grouped) == sorted(id(each) for each in network.parameters())
    matrices = optimiser.param_groups[0]["params"]
    assert any(each is network.body[0].across for each in matrices)
    assert not any(each is network.body[0].time.weight for each in matrices)
