from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stemlift.models.spec import MaskKind
from stemlift.separation.masks import masks
from stemlift.separation.wiener import add_residual, wiener


def spectrum(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.complex64, generator=generator)


def golden_inputs(channels: int) -> tuple[Tensor, Tensor]:
    """Magnitudes of three stems with places of their own, loud enough to be scaled down."""
    random = np.random.default_rng(7)
    spectra = random.standard_normal((1, 3, channels, 3, 12, 2)).astype(np.float32)
    if channels == 2:
        pans = np.array([-2.0, 0.0, 2.0], dtype=np.float32)
        spectra[:, :, 1] += pans[None, :, None, None, None] * spectra[:, :, 0]
    stems = torch.view_as_complex(torch.from_numpy(8 * spectra))
    return 0.9 * stems.abs(), stems.sum(1)


# Outputs of `openunmix.filtering.wiener` in float64 for `golden_inputs`, every fourth frame
# from the third on of the last channel's middle bin as (re, im), stem after stem:
# open-unmix-pytorch 1.3.0, commit fb672c9584997c2b05e148eeaa65b4c23ed4693b.
# channels, iterations, softmask, residual, frames of a window, output
# fmt: off
GOLDEN: list[tuple[int, int, bool, bool, int, list[float]]] = [
    (1, 1, False, False, 300, [-4.9179, 1.095, 1.3181, 0.1871, 0.5954, 1.6712, -9.6956, 2.1587,
      2.8512, 0.4048, 0.7768, 2.1802, -5.1812, 1.1536, 1.8223, 0.2587, 2.2237, 6.2416]),
    (1, 2, False, False, 5, [-3.3009, 0.7349, 0.7893, 0.1121, 0.216, 0.6062, -12.8299, 2.8565,
      3.6935, 0.5244, 0.3676, 1.0317, -3.6639, 0.8157, 1.5087, 0.2142, 3.0123, 8.4552]),
    (1, 1, True, False, 300, [-4.9179, 1.0949, 1.318, 0.1871, 0.5954, 1.6712, -9.6956, 2.1587,
      2.8512, 0.4048, 0.7768, 2.1802, -5.1812, 1.1536, 1.8222, 0.2587, 2.2237, 6.2415]),
    (1, 1, False, True, 300, [-2.9002, 0.6457, 0.6288, 0.0893, 0.3098, 0.8696, -5.7176, 1.273,
      1.3603, 0.1931, 0.4042, 1.1344, -3.0554, 0.6803, 0.8694, 0.1234, 1.157, 3.2476, -8.1215,
      1.8082, 3.133, 0.4448, 1.7249, 4.8414]),
    (2, 1, False, False, 300, [14.5971, 14.5763, -2.0836, -2.1449, -0.3477, -0.6546, -1.5256,
      3.4854, -1.4669, -2.9317, -3.0354, -0.7612, -4.2295, 1.3773, -4.7701, -18.6734, -25.5676,
      -8.4934]),
    (2, 2, False, False, 5, [17.5564, 9.4351, -0.9111, -0.4599, 0.0784, 0.0362, -4.4064, 7.9194,
      -0.5182, -0.0522, -1.4274, -0.3372, -4.308, 2.0845, -6.8913, -23.2379, -27.6018, -9.6081]),
    (2, 1, True, False, 300, [12.351, 10.6697, -1.9306, -3.3483, -0.7339, -0.8226, -0.5922, 5.7629,
      -1.2932, -2.6795, -1.2532, -0.4579, -2.9168, 3.0064, -5.0968, -17.7221, -26.9636, -8.6287]),
    (2, 1, False, True, 300, [11.3813, 9.4286, -1.3621, -0.8758, -0.1795, -0.4718, -0.3045, 2.102,
      -0.9663, -1.7694, -2.4019, -0.4969, -1.7523, 0.6843, -2.897, -11.7458, -20.7144, -6.5215,
      -0.4825, 7.2241, -3.0953, -9.3591, -5.655, -2.419]),
]
# fmt: on


@pytest.mark.parametrize(
    ("channels", "iterations", "softmask", "residual", "window", "expected"), GOLDEN
)
def test_it_is_the_filter_of_open_unmix(
    channels: int,
    iterations: int,
    softmask: bool,
    residual: bool,
    window: int,
    expected: list[float],
) -> None:
    magnitudes, mix = golden_inputs(channels)
    if residual:
        magnitudes = add_residual(magnitudes, mix)
    stems = wiener(magnitudes, mix, iterations, softmask, window)
    found = torch.view_as_real(stems[0, :, -1, 1, 3::4]).flatten()
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)


def test_stems_at_either_side_are_recovered_exactly() -> None:
    left, right = 8 * spectrum(1, 1, 1, 6, 50), 8 * spectrum(2, 1, 1, 6, 50)
    silence = torch.zeros_like(left)
    stems = torch.stack(
        (torch.cat((left, silence), dim=1), torch.cat((silence, right), dim=1)), dim=1
    )
    torch.testing.assert_close(wiener(stems.abs(), stems.sum(1)), stems, atol=1e-3, rtol=0)


def test_stems_of_two_places_are_parted_by_where_they_are() -> None:
    # The magnitudes know how loud each is, not where; the mask cannot know more.
    one, two = 8 * spectrum(3, 1, 1, 6, 400), 8 * spectrum(4, 1, 1, 6, 400)
    stems = torch.stack(
        (torch.cat((one, 0.2 * one), dim=1), torch.cat((0.2 * two, two), dim=1)), dim=1
    )
    mix = stems.sum(1)
    estimates = stems.abs().square().mean(2, keepdim=True).sqrt().expand(-1, -1, 2, -1, -1)
    masked = masks(MaskKind.RATIO, estimates) * mix.unsqueeze(1)

    def distortion(estimate: Tensor) -> float:
        return 10 * float(torch.log10((stems - estimate).abs().square().mean()))

    filtered = wiener(estimates, mix, softmask=True)
    assert distortion(filtered) < distortion(masked) - 2.0
    torch.testing.assert_close(filtered.sum(1), mix, atol=1e-3, rtol=0)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("stems", [2, 4])
def test_the_stems_sum_to_the_mix(channels: int, stems: int) -> None:
    spectra = 20 * spectrum(5, 2, stems, channels, 9, 320)
    mix = spectra.sum(1)
    torch.testing.assert_close(wiener(spectra.abs(), mix).sum(1), mix, atol=2e-3, rtol=1e-4)


def test_two_equal_channels_stay_equal_and_are_heard_like_one() -> None:
    # In single precision the covariance of such a mix cannot be told from a singular matrix.
    spectra = 30 * spectrum(6, 1, 4, 1, 9, 40)
    mix = spectra.sum(1)
    single = wiener(spectra.abs(), mix)
    double = wiener(spectra.abs().expand(-1, -1, 2, -1, -1), mix.expand(-1, 2, -1, -1))
    torch.testing.assert_close(double[:, :, 0], double[:, :, 1], atol=1e-4, rtol=0)
    torch.testing.assert_close(double[:, :, :1], single, atol=1e-3, rtol=0)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("amplify", [False, True])
def test_silence_gives_silence(channels: int, amplify: bool) -> None:
    silence = torch.zeros(1, channels, 5, 20, dtype=torch.complex64)
    for magnitudes in (torch.zeros(1, 3, channels, 5, 20), torch.ones(1, 3, channels, 5, 20)):
        assert not wiener(magnitudes, silence, amplify=amplify).any()


@pytest.mark.parametrize("channels", [1, 2])
def test_a_single_stem_is_its_magnitude_with_the_phase_of_the_mix(channels: int) -> None:
    mix = spectrum(7, 1, channels, 5, 20)
    stems = wiener(0.25 * mix.abs().unsqueeze(1), mix)
    torch.testing.assert_close(stems[:, 0], 0.25 * mix)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3])
def test_amplified_the_level_does_not_matter(channels: int, scale: float) -> None:
    magnitudes, mix = golden_inputs(channels)
    expected = wiener(magnitudes, mix, amplify=True)
    found = wiener(scale * magnitudes, scale * mix, amplify=True) / scale
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_windows_and_songs_do_not_hear_each_other() -> None:
    spectra = spectrum(8, 2, 3, 2, 5, 35) * torch.tensor([100.0, 0.1])[:, None, None, None, None]
    mix = spectra.sum(1)
    whole = wiener(spectra.abs(), mix, window=15)
    for song in range(2):
        for start in range(0, 35, 15):
            part = slice(start, start + 15)
            alone = wiener(
                spectra[song : song + 1, ..., part].abs(), mix[song : song + 1, ..., part]
            )
            torch.testing.assert_close(whole[song : song + 1, ..., part], alone)


def test_the_residual_is_what_the_stems_leave_of_the_mix() -> None:
    magnitudes, mix = golden_inputs(2)
    more = add_residual(magnitudes, mix)
    torch.testing.assert_close(more[:, :-1], magnitudes)
    torch.testing.assert_close(more.sum(1), mix.abs())
    assert (more[:, -1] < 0).any()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from((1, 2)),
    st.integers(1, 5),
    st.floats(-30, 30),
    st.floats(-30, 6),
    st.booleans(),
)
def test_it_is_finite_whatever_the_levels(
    seed: int, channels: int, stems: int, loud: float, level: float, same: bool
) -> None:
    magnitudes = 10.0**loud * spectrum(seed, 1, stems, channels, 4, 6).abs()
    generator = torch.Generator().manual_seed(seed)
    magnitudes[torch.rand(magnitudes.shape, generator=generator) < 0.3] = 0
    mix = 10.0**level * spectrum(seed + 1, 1, channels, 4, 6)
    if same:
        mix = mix[:, :1].expand(-1, channels, -1, -1)
        magnitudes = magnitudes[:, :1, :1].expand(-1, stems, channels, -1, -1)
    for amplify in (False, True):
        stems_ = wiener(magnitudes, mix, amplify=amplify)
        assert torch.isfinite(torch.view_as_real(stems_)).all()


def test_more_than_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="two channels"):
        wiener(torch.ones(1, 2, 3, 4, 5), torch.ones(1, 3, 4, 5, dtype=torch.complex64))
