from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stemlift.models.spec import MaskKind
from stemlift.separation.masks import complex_estimates, masks
from stemlift.separation.wiener import add_residual, wiener

SHAPE = (2, 3, 2, 5, 7)


def spectrum(seed: int, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, dtype=torch.complex64, generator=generator)


@st.composite
def estimates_and_mix(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Estimates with silent stems, silent bins, ties, and scales from 1e-30 to 1e30."""
    seed = draw(st.integers(0, 2**31))
    channels = draw(st.sampled_from((1, 2)))
    stems = draw(st.integers(1, 5))
    scale = 10.0 ** draw(st.floats(-30, 30))
    estimates = spectrum(seed, (1, stems, channels, 4, 6), scale)
    generator = torch.Generator().manual_seed(seed)
    silent = torch.rand(estimates.shape, generator=generator) < draw(st.floats(0, 1))
    estimates = torch.where(silent, 0.0, estimates)
    if draw(st.booleans()):
        estimates = estimates.abs()
    if draw(st.booleans()):
        estimates = estimates[:, :1].expand_as(estimates)
    return estimates, spectrum(seed + 1, (1, channels, 4, 6))


@settings(max_examples=60, deadline=None)
@given(estimates_and_mix())
def test_binary_and_ratio_masks_sum_to_one_in_every_bin(given_: tuple[Tensor, Tensor]) -> None:
    estimates, _mix = given_
    for kind in (MaskKind.BINARY, MaskKind.RATIO):
        mask = masks(kind, estimates)
        assert mask.shape == estimates.shape
        assert not mask.is_complex()
        assert 0.0 <= float(mask.min()) <= float(mask.max()) <= 1.0
        torch.testing.assert_close(mask.sum(1), torch.ones_like(mask[:, 0]), atol=1e-6, rtol=0)


@settings(max_examples=60, deadline=None)
@given(estimates_and_mix())
def test_complex_estimates_are_finite_whatever_they_are_made_of(
    given_: tuple[Tensor, Tensor],
) -> None:
    estimates, mix = given_
    if not estimates.is_complex():
        for each in (mix, 0 * mix):
            assert torch.isfinite(torch.view_as_real(complex_estimates(estimates, each))).all()


def test_a_binary_mask_gives_each_bin_to_the_loudest_stem_and_a_tie_to_the_first() -> None:
    loud = torch.tensor([1.0, 3.0, 2.0, 0.0]).reshape(1, 1, 1, 4)
    quiet = torch.tensor([2.0, 1.0, 2.0, 0.0]).reshape(1, 1, 1, 4)
    estimates = torch.stack((loud, quiet), dim=1)
    mask = masks(MaskKind.BINARY, estimates)
    assert mask[0, 0].flatten().tolist() == [0.0, 1.0, 1.0, 1.0]
    assert mask[0, 1].flatten().tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_ratio_mask_shares_by_power() -> None:
    estimates = torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1, 1)
    mask = masks(MaskKind.RATIO, estimates)
    assert mask.flatten().tolist() == pytest.approx([0.9, 0.1])


def test_complex_estimates_are_taken_as_they_are() -> None:
    stems = spectrum(1, SHAPE)
    assert complex_estimates(stems, stems.sum(1)) is stems


def test_magnitudes_go_through_the_wiener_filter_whatever_the_level() -> None:
    stems = 1e-5 * spectrum(3, SHAPE)
    mix = stems.sum(1)
    filtered = complex_estimates(stems.abs(), mix)
    torch.testing.assert_close(filtered, wiener(stems.abs(), mix, amplify=True))
    torch.testing.assert_close(filtered.sum(1), mix, atol=1e-8, rtol=0)
    plain = complex_estimates(stems.abs(), mix, amplify=False)
    torch.testing.assert_close(plain, wiener(stems.abs(), mix))


@pytest.mark.parametrize("kind", [MaskKind.BINARY, MaskKind.RATIO])
def test_a_residual_below_zero_counts_as_none(kind: MaskKind) -> None:
    mix = spectrum(4, SHAPE[:1] + SHAPE[2:])
    magnitudes = torch.full(SHAPE, 0.6) * mix.abs().unsqueeze(1)
    more = add_residual(magnitudes, mix)
    assert (more[:, -1] < 0).all()
    mask = masks(kind, more)
    assert not mask[:, -1].any()
    torch.testing.assert_close(mask[:, :-1], masks(kind, magnitudes))
