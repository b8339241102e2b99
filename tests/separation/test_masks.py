from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stemlift.models.spec import MaskKind
from stemlift.separation.masks import complex_estimates, masks, wiener

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
    estimates, mix = given_
    for kind in (MaskKind.BINARY, MaskKind.RATIO):
        mask = masks(kind, estimates, mix)
        assert mask.shape == estimates.shape
        assert not mask.is_complex()
        assert 0.0 <= float(mask.min()) <= float(mask.max()) <= 1.0
        torch.testing.assert_close(mask.sum(1), torch.ones_like(mask[:, 0]), atol=1e-6, rtol=0)


@settings(max_examples=60, deadline=None)
@given(estimates_and_mix())
def test_complex_masks_are_finite_whatever_the_estimates(given_: tuple[Tensor, Tensor]) -> None:
    estimates, mix = given_
    if not estimates.is_complex():
        assert torch.isfinite(torch.view_as_real(masks(MaskKind.COMPLEX, estimates, mix))).all()
        assert torch.isfinite(torch.view_as_real(masks(MaskKind.COMPLEX, estimates, 0 * mix))).all()


def test_a_binary_mask_gives_each_bin_to_the_loudest_stem_and_a_tie_to_the_first() -> None:
    loud = torch.tensor([1.0, 3.0, 2.0, 0.0]).reshape(1, 1, 1, 4)
    quiet = torch.tensor([2.0, 1.0, 2.0, 0.0]).reshape(1, 1, 1, 4)
    estimates = torch.stack((loud, quiet), dim=1)
    mask = masks(MaskKind.BINARY, estimates, torch.zeros(1, 1, 1, 4, dtype=torch.complex64))
    assert mask[0, 0].flatten().tolist() == [0.0, 1.0, 1.0, 1.0]
    assert mask[0, 1].flatten().tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_ratio_mask_shares_by_power() -> None:
    estimates = torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1, 1)
    mask = masks(MaskKind.RATIO, estimates, torch.ones(1, 1, 1, 1, dtype=torch.complex64))
    assert mask.flatten().tolist() == pytest.approx([0.9, 0.1])


def test_complex_estimates_come_out_of_their_mask_unchanged() -> None:
    stems = spectrum(1, SHAPE)
    mix = stems.sum(1)
    mask = masks(MaskKind.COMPLEX, stems, mix)
    torch.testing.assert_close(mask * mix.unsqueeze(1), stems, atol=1e-5, rtol=1e-5)
    assert complex_estimates(stems, mix) is stems


def test_a_silent_bin_of_the_mix_has_a_complex_mask_of_zero() -> None:
    stems = spectrum(2, SHAPE)
    mix = stems.sum(1)
    mix[:, :, 2] = 0
    mask = masks(MaskKind.COMPLEX, stems, mix)
    assert not mask[:, :, :, 2].any()


def test_the_wiener_filter_parts_what_a_mask_cannot() -> None:
    # Two noises, one left and one right; the estimates know how loud, not where.
    one, two = spectrum(3, (1, 1, 6, 400)), spectrum(4, (1, 1, 6, 400))
    stems = torch.stack(
        (torch.cat((one, 0.2 * one), dim=1), torch.cat((0.2 * two, two), dim=1)), dim=1
    )
    mix = stems.sum(1)
    estimates = stems.abs().square().mean(2, keepdim=True).sqrt().expand(-1, -1, 2, -1, -1)
    filtered = wiener(estimates, mix)
    masked = masks(MaskKind.RATIO, estimates, mix) * mix.unsqueeze(1)

    def distortion(estimate: Tensor) -> float:
        return 10 * float(torch.log10((stems - estimate).abs().square().sum() / 4800))

    assert distortion(filtered) < distortion(masked) - 2.0
    torch.testing.assert_close(filtered.sum(1), mix, atol=0.02, rtol=0)


def test_the_wiener_filter_takes_mono_as_one_channel_or_as_two() -> None:
    stems = spectrum(5, (1, 3, 1, 6, 40))
    mix = stems.sum(1)
    single = wiener(stems.abs(), mix)
    double = wiener(stems.abs().expand(-1, -1, 2, -1, -1), mix.expand(-1, 2, -1, -1))
    torch.testing.assert_close(single.sum(1), mix, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(double[:, :, 0], double[:, :, 1], atol=1e-4, rtol=0)
    torch.testing.assert_close(double.sum(1), mix.expand(-1, 2, -1, -1), atol=0.02, rtol=0)


def test_the_wiener_filter_refuses_more_than_two_channels() -> None:
    with pytest.raises(ValueError, match="two channels"):
        wiener(torch.ones(1, 2, 3, 4, 5), torch.ones(1, 3, 4, 5, dtype=torch.complex64))
