from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_open_unmix import STEMS, target_state, write_open_unmix
from torch import Tensor

from stemlift.models.architectures import build_network
from stemlift.models.formats.open_unmix import read_open_unmix
from stemlift.networks.open_unmix import OpenUnmix, OpenUnmixConfig
from stemlift.separation.wiener import add_residual, wiener

# Outputs of open-unmix-pytorch 1.3.0, commit fb672c9584997c2b05e148eeaa65b4c23ed4693b, with
# the weights of `tiny_open_unmix.target_state`.
# Channels of the network, and `openunmix.model.OpenUnmix` for `ramp`: bins 3::6, frames 1::2.
# fmt: off
NETWORKS: list[tuple[int, list[float]]] = [
    (2, [6.12316, 4.4233, 4.69244, 5.31613, 2.58435, 4.07243, 3.7146, 2.47623, 3.08989, 2.26812,
      1.24186, 1.82519, 0.16177, 0.02089, 0.2367]),
    (1, [5.84826, 6.05216, 3.08396, 1.87537, 2.05456, 0.92635, 2.02114, 1.84347, 1.14167, 0.43384,
      0.51172, 0.487, 4.61298, 3.53024, 3.66794]),
]
# Whether with a residual, and `openunmix.model.Separator` (niter 1, softmask False,
# wiener_win_len 300) for `song`, left: one row for each stem, its SAMPLES.
SEPARATORS: list[tuple[bool, list[list[float]]]] = [
    (False, [[0.03033, 0.07268, 0.05101, -0.03549, -0.01315], [0.05355, 0.10749, 0.0209, -0.13537,
      0.04552], [0.00375, 0.09823, 0.02127, -0.04652, -0.03861], [-0.08075, 0.00297, -0.0394,
      -0.04589, 0.05066]]),
    (True, [[0.01668, 0.06162, 0.04731, -0.02345, -0.009], [0.03314, 0.07875, 0.01679, -0.11789,
      0.04709], [0.00025, 0.08262, 0.02844, -0.03713, -0.02393], [-0.08333, -0.01337, -0.0299,
      -0.03927, 0.04205], [0.04013, 0.07175, -0.00887, -0.04553, -0.01178]]),
]
# fmt: on
SAMPLES = (0, 1, 10000, 21000, 22049)


def ramp(channels: int) -> Tensor:
    steps = torch.arange(channels * 33 * 6, dtype=torch.float64)
    wave = torch.sin(0.7 * steps) * torch.cos(0.013 * steps) * 20
    return wave.float().reshape(1, channels, 33, 6)


def song() -> Tensor:
    """Half a second of noise and tones in stereo."""
    random = np.random.default_rng(11)
    time = np.arange(22050) / 44100
    noise = 0.2 * random.standard_normal((2, len(time)))
    low, high = np.sin(2 * np.pi * 220 * time), np.sin(2 * np.pi * 3000 * time)
    tones = np.stack((0.3 * low, 0.1 * low + 0.3 * high))
    return torch.from_numpy((noise + tones)[None]).float()


def single(channels: int = 2) -> OpenUnmix:
    config = OpenUnmixConfig(
        ("vocals",), n_fft=64, hop=16, hidden_size=8, channels=channels, max_bin=25
    )
    network = OpenUnmix(config)
    network.targets[0].load_state_dict(target_state("vocals", 8, 64, channels, 25))
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(("channels", "expected"), NETWORKS)
def test_the_magnitudes_are_those_of_the_reference(channels: int, expected: list[float]) -> None:
    network = single(channels)
    magnitudes = network(ramp(channels).to(torch.complex64))
    assert magnitudes.shape == (1, 1, channels, 33, 6)
    assert not magnitudes.is_complex()
    found = magnitudes[0, 0, -1, 3::6, 1::2].flatten()
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("residual", "expected"), SEPARATORS)
def test_the_stems_are_those_of_the_reference(
    residual: bool, expected: list[list[float]], tmp_path: Path
) -> None:
    network = build_network(read_open_unmix(write_open_unmix(tmp_path, heard=192)))
    assert isinstance(network, OpenUnmix)
    assert network.stft.reflect
    wave, window = song(), torch.hann_window(network.stft.n_fft)
    size = (network.stft.n_fft, network.stft.hop)
    mix = torch.stft(wave[0], *size, window=window, pad_mode="reflect", return_complex=True)[None]
    magnitudes = network(mix)
    stems = wiener(add_residual(magnitudes, mix) if residual else magnitudes, mix)
    waves = torch.istft(stems[0].flatten(0, 1), *size, window=window, length=wave.shape[-1])
    found = waves.reshape(-1, 2, wave.shape[-1])[:, 0, SAMPLES]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)


def test_the_state_dict_has_the_published_names_under_each_target() -> None:
    config = OpenUnmixConfig(STEMS, n_fft=64, hop=16, hidden_size=8, max_bin=25)
    shapes = {name: tuple(each.shape) for name, each in OpenUnmix(config).state_dict().items()}
    expected = {
        f"targets.{index}.{name}": tuple(each.shape)
        for index, target in enumerate(STEMS)
        for name, each in target_state(target, 8, 64, 2, 25).items()
    }
    assert shapes == expected


def test_one_channel_is_heard_as_two_equal_ones() -> None:
    network, mix = single(), ramp(1).to(torch.complex64)
    double = network(mix.expand(-1, 2, -1, -1))
    torch.testing.assert_close(network(mix), double.mean(2, keepdim=True))


def test_a_mono_network_gives_both_channels_what_it_hears_of_their_mean() -> None:
    network, mix = single(channels=1), ramp(2).to(torch.complex64)
    stereo = network(mix)
    assert stereo.shape == (1, 1, 2, 33, 6)
    alone = network(mix.abs().mean(1, keepdim=True).to(torch.complex64))
    torch.testing.assert_close(stereo, alone.expand(-1, -1, 2, -1, -1))


def test_a_batch_gives_what_its_members_give() -> None:
    network, mix = single(), ramp(2).to(torch.complex64)
    both = network(torch.cat((mix, 0.1 * mix)))
    torch.testing.assert_close(both, torch.cat((network(mix), network(0.1 * mix))))


def test_silence_stays_silent() -> None:
    assert not single()(torch.zeros(1, 2, 33, 6, dtype=torch.complex64)).any()


@pytest.mark.parametrize("changes", [{"channels": 3}, {"max_bin": 34}, {"targets": ()}])
def test_what_cannot_be_is_refused(changes: dict[str, object]) -> None:
    sizes = {"targets": ("vocals",), "n_fft": 64, "hop": 16, "hidden_size": 8} | changes
    with pytest.raises(ValueError, match=next(iter(changes)).removesuffix("s")):
        OpenUnmix(OpenUnmixConfig(**sizes))  # type: ignore[arg-type]
