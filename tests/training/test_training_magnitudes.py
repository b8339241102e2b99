"""Magnitudes for the loss: what torch.stft gives, and its gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stemlift.training.magnitudes import magnitudes


def _by_torch(waves: Tensor, length: int) -> Tensor:
    spectra = torch.stft(
        waves,
        length,
        length // 4,
        window=torch.hann_window(length, dtype=waves.dtype),
        normalized=True,
        pad_mode="constant",
        return_complex=True,
    )
    return (spectra.real.square() + spectra.imag.square() + 1e-10).sqrt()


@pytest.mark.parametrize(("samples", "length"), [(4096, 512), (5001, 512), (9000, 2048), (300, 64)])
def test_magnitudes_and_their_gradient_are_those_of_torch(samples: int, length: int) -> None:
    generator = torch.Generator().manual_seed(3)
    waves = torch.randn(3, samples, generator=generator)
    weights = torch.randn(3, length // 2 + 1, samples // (length // 4) + 1, generator=generator)
    ours, theirs = waves.clone().requires_grad_(True), waves.clone().requires_grad_(True)

    found, expected = magnitudes(ours, length), _by_torch(theirs, length)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()

    assert found.shape == expected.shape
    assert float((found.detach() - expected.detach()).abs().max()) < 2e-6
    assert ours.grad is not None
    assert theirs.grad is not None
    assert float((ours.grad - theirs.grad).abs().max()) < 1e-5


def test_silence_has_no_gradient() -> None:
    waves = torch.zeros(1, 2048, requires_grad=True)

    magnitudes(waves, 512).sum().backward()

    assert waves.grad is not None
    assert float(waves.grad.abs().max()) == 0.0
