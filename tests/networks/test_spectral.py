from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stemlift.networks.spectral import Spectral
from stemlift.networks.spectral_median import running_median, sustained

RATE = 44100
SECONDS = 4
TIME = torch.arange(SECONDS * RATE) / RATE


def spectrum(*channels: Tensor) -> Tensor:
    return torch.stft(
        torch.stack(channels), 4096, 1024, window=torch.hann_window(4096), return_complex=True
    )[None]


def shares(*channels: Tensor) -> dict[str, float]:
    """Share of the energy that each stem gets, a second at either end left out."""
    magnitudes = Spectral()(spectrum(*channels))[0, ..., 43:-43]
    energy = magnitudes.square().sum(dim=(1, 2, 3))
    return dict(zip(Spectral.stems, (energy / energy.sum()).tolist(), strict=True))


def clicks() -> Tensor:
    wave = torch.zeros(SECONDS * RATE)
    wave[:: RATE // 2] = 0.9
    return wave


def sung(hertz: float) -> Tensor:
    """Harmonics with vibrato."""
    phase = 2 * torch.pi * hertz * TIME + hertz * 0.03 / 5.5 * torch.sin(2 * torch.pi * 5.5 * TIME)
    return sum((torch.sin(n * phase) / n for n in range(1, 13)), torch.zeros(1)) / 4


def test_clicks_are_drums() -> None:
    assert shares(clicks(), clicks())["drums"] > 0.9


def test_a_low_steady_note_in_the_centre_is_bass() -> None:
    note = torch.sin(2 * torch.pi * 55 * TIME)
    assert shares(note, note)["bass"] > 0.9


@pytest.mark.parametrize(("left", "right"), [(1.0, 0.0), (0.2, 1.0)])
def test_a_chord_at_one_side_is_other(left: float, right: float) -> None:
    chord = sum(
        (torch.sin(2 * torch.pi * hertz * TIME) for hertz in (330.0, 415.0, 495.0)), torch.zeros(1)
    )
    assert shares(left * chord, right * chord)["other"] > 0.9


def test_a_wavering_voice_in_the_centre_of_a_wide_mix_is_vocals() -> None:
    voice = sung(330.0)
    left = torch.sin(2 * torch.pi * 392 * TIME) / 2
    right = torch.sin(2 * torch.pi * 587 * TIME) / 2
    magnitudes = Spectral()(spectrum(voice + left, voice + right))[0, ..., 43:-43]
    alone = spectrum(voice, voice)[0, ..., 43:-43].abs().square()
    by_stem = (magnitudes.square() / magnitudes.square().sum(0).clamp_min(1e-9) * alone).sum(
        (1, 2, 3)
    )
    assert float(by_stem[3] / by_stem.sum()) > 0.6


def test_the_magnitudes_add_up_to_those_of_the_mix() -> None:
    generator = torch.Generator().manual_seed(1)
    mix = torch.randn(2, 2, 2049, 30, dtype=torch.complex64, generator=generator)
    magnitudes = Spectral()(mix)
    assert magnitudes.shape == (2, 4, 2, 2049, 30)
    torch.testing.assert_close(magnitudes.sum(1), mix.abs(), atol=1e-4, rtol=1e-4)


def test_one_channel_is_heard_like_two_equal_ones() -> None:
    wave = sung(220.0) + clicks()
    network = Spectral()
    torch.testing.assert_close(
        network(spectrum(wave))[:, :, 0], network(spectrum(wave, wave))[:, :, 0], atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e-6, 1e6])
def test_any_level_gives_finite_magnitudes(scale: float) -> None:
    magnitudes = Spectral()(scale * spectrum(sung(220.0), clicks()))
    assert torch.isfinite(magnitudes).all()
    assert (magnitudes >= 0).all()


def test_it_has_no_weights_to_store() -> None:
    assert not Spectral().state_dict()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from((3, 5)), st.integers(0, 2**31))
def test_one_pass_is_the_exact_running_median(
    bins: int, frames: int, window: int, seed: int
) -> None:
    values = torch.rand(2, bins, frames, generator=torch.Generator().manual_seed(seed))
    reach = window // 2
    for dim, edges in ((-1, (reach, reach, 0, 0)), (-2, (0, 0, reach, reach))):
        padded = torch.nn.functional.pad(values, edges, mode="replicate")
        expected = padded.unfold(dim, window, 1).median(dim=-1).values
        torch.testing.assert_close(running_median(values, dim, (window,)), expected)


def test_what_lasts_is_whole_and_what_does_not_is_gone() -> None:
    values = torch.zeros(1, 1, 60)
    values[..., 10:13] = 1.0
    values[..., 30:50] = 0.5
    lasting = sustained(values, (3, 3), offset=4)
    assert not lasting[..., :20].any()
    torch.testing.assert_close(lasting[..., 25:55], values[..., 25:55])
