"""The golden outputs are the reference's: ZFTurbo/Music-Source-Separation-Training, commit
ccc011a (its models/bs_roformer, with librosa 0.11.0), on the weights of
`tiny_roformer.roformer_state(..., seed=5)`, which depend on names and shapes alone."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_roformer import Kind, roformer_sections, roformer_state, tiny_network
from torch import Tensor

from stemlift.models.formats.tensors import build_on_meta, fit, stored_tensor
from stemlift.networks.bs_roformer import BANDS, BSRoformer, BSRoformerConfig
from stemlift.networks.mel_band_roformer import MelBandRoformer
from stemlift.networks.mel_bands import mel_bands, mel_filters
from stemlift.networks.roformer import RotaryEmbedding

GOLDEN: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("roformer_golden.json").read_text(encoding="utf-8")
)
TOLERANCE = 5e-6
"""The outputs are about 0.04 RMS."""

Roformer = BSRoformer | MelBandRoformer


def network(kind: Kind, seed: int = 5, **changes: Any) -> Roformer:
    stems = "abcd"[: changes.pop("num_stems", 1)]
    model = roformer_sections(kind, tuple(stems), **changes)["model"]
    built = tiny_network(kind, model)
    built.load_state_dict(roformer_state(kind, model, seed))
    return built.eval().requires_grad_(False)


def mix() -> Tensor:
    noise = 0.2 * np.random.default_rng(1).standard_normal((2, 2048)) + 0.05
    return torch.from_numpy(noise.astype(np.float32))


def spectrum(net: Roformer, wave: Tensor) -> Tensor:
    """(c, samples) → (1, c, f, t)."""
    stft = net.stft
    assert stft.reflect
    window = torch.hann_window(stft.window)
    spectra = torch.stft(
        wave,
        stft.n_fft,
        stft.hop,
        stft.window,
        window,
        normalized=stft.normalized,
        return_complex=True,
    )
    return spectra[None]


def separated(net: Roformer, wave: Tensor) -> Tensor:
    """(c, samples) → (s, c, samples)."""
    stft = net.stft
    estimates = net(spectrum(net, wave))[0]
    waves = torch.istft(
        estimates.flatten(0, 1),
        stft.n_fft,
        stft.hop,
        stft.window,
        torch.hann_window(stft.window),
        normalized=stft.normalized,
        length=wave.shape[-1],
    )
    return waves.unflatten(0, estimates.shape[:2])


@pytest.mark.parametrize("name", GOLDEN)
def test_equals_the_reference(name: str) -> None:
    golden = GOLDEN[name]
    out = separated(network(golden["kind"], **golden["changes"]), mix())
    assert out.shape == (golden["changes"].get("num_stems", 1), 2, 2048)
    flat = out.flatten()
    found = flat[np.linspace(0, len(flat) - 1, 24).astype(int)]
    np.testing.assert_allclose(found.numpy(), golden["samples"], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", GOLDEN)
def test_tensors_are_named_as_in_published_checkpoints(name: str) -> None:
    golden = GOLDEN[name]
    state = network(golden["kind"], **golden["changes"]).state_dict()
    names = "\n".join(f"{key} {tuple(value.shape)}" for key, value in sorted(state.items()))
    assert zlib.crc32(names.encode()) == golden["names"]


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_built_without_memory_it_gives_the_same(kind: Kind) -> None:
    model = roformer_sections(kind)["model"]
    state = roformer_state(kind, model)
    plain = tiny_network(kind, model)
    plain.load_state_dict(state)
    plain.eval().requires_grad_(False)
    stored = {name: stored_tensor(tensor) for name, tensor in state.items()}
    fitted = fit(build_on_meta(lambda: tiny_network(kind, model)), stored)
    spectra = spectrum(plain, mix())
    assert torch.equal(fitted(spectra), plain(spectra))


def test_the_published_bands_cover_the_spectrum() -> None:
    assert len(BANDS) == 62
    assert sum(BANDS) == 1025
    config = BSRoformerConfig(dim=8, depth=1, dim_head=4, heads=1)
    with torch.device("meta"):
        assert len(BSRoformer(config).band_split.to_features) == 62


def test_bands_that_do_not_cover_the_spectrum_are_refused() -> None:
    config = BSRoformerConfig(dim=8, depth=1, freqs_per_bands=(512, 512))
    with pytest.raises(ValueError, match="1024 bins in all where the transform has 1025"):
        BSRoformer(config)


def test_mel_bands_are_those_of_librosa() -> None:
    # librosa 0.11.0: filters.mel(sr=44100, n_fft=2048, n_mels=60) > 0, and the two ends.
    first = [0, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34, 37, 40, 43, 46, 49, 53, 56, 60]
    first += [65, 69, 74, 79, 84, 90, 97, 103, 110, 118, 126, 135, 145, 155, 165, 177, 189]
    first += [203, 217, 232, 248, 265, 284, 304, 325, 348, 372, 398, 426, 455, 487, 521]
    first += [558, 597, 638, 683, 731, 782, 836, 895]
    last = [each - 1 for each in first[2:]] + [957, 1024]
    table = mel_bands(44100, 2048, 60)
    assert table.shape == (60, 1025)
    assert table.sum() == 1979
    assert table.sum(axis=0).max() == 2
    for band, low, high in zip(table, first, last, strict=True):
        assert np.flatnonzero(band).tolist() == list(range(low, high + 1))


def test_mel_filters_have_the_height_of_librosas() -> None:
    filters = mel_filters(44100, 2048, 60)
    assert filters.sum() == pytest.approx(2.7862768, abs=1e-6)
    assert filters[30].max() == pytest.approx(0.0049283528, abs=1e-9)


@given(
    sample_rate=st.integers(8000, 96000),
    log_size=st.integers(5, 12),
    bands=st.integers(1, 128),
)
def test_every_bin_is_in_one_or_two_mel_bands(sample_rate: int, log_size: int, bands: int) -> None:
    table = mel_bands(sample_rate, 2**log_size, bands)
    assert table.shape == (bands, 2 ** (log_size - 1) + 1)
    assert set(table.sum(axis=0).tolist()) <= {1, 2}


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_a_mono_network_hears_each_channel_alone(kind: Kind) -> None:
    net = network(kind, stereo=False)
    spectra = spectrum(net, mix())
    both = net(spectra)
    left, right = net(spectra[:, :1]), net(spectra[:, 1:])
    torch.testing.assert_close(both, torch.cat((left, right), dim=2), rtol=0, atol=1e-5)


def test_a_stereo_network_refuses_one_channel() -> None:
    net = network("bs")
    with pytest.raises(ValueError, match="two channels, not 1"):
        net(spectrum(net, mix())[:, :1])


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_zero_dc_takes_the_lowest_bin_away(kind: Kind) -> None:
    with_dc, without = network(kind, zero_dc=False), network(kind, zero_dc=True)
    spectra = spectrum(with_dc, mix())
    kept, taken = with_dc(spectra), without(spectra)
    assert kept[..., 0, :].abs().max() > 0.01
    assert taken[..., 0, :].abs().max() == 0
    assert torch.equal(kept[..., 1:, :], taken[..., 1:, :])


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_the_level_of_the_mix_passes_through(kind: Kind) -> None:
    net = network(kind)
    spectra = spectrum(net, mix())
    torch.testing.assert_close(net(spectra * 8), net(spectra) * 8, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_a_batch_gives_what_each_gives_alone(kind: Kind) -> None:
    net = network(kind, num_stems=4)
    one, other = spectrum(net, mix()), spectrum(net, mix().flip(0, 1))
    together = net(torch.cat((one, other)))
    assert together.shape == (2, 4, 2, 129, 33)
    torch.testing.assert_close(together, torch.cat((net(one), net(other))), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_a_stem_does_not_depend_on_what_else_is_wanted(kind: Kind) -> None:
    net = network(kind, num_stems=4)
    spectra = spectrum(net, mix())
    part, whole = net.only({2})(spectra), net(spectra)
    assert torch.equal(part[:, 2], whole[:, 2])
    assert part[:, [0, 1, 3]].abs().max() == 0
    assert whole.abs().amax(dim=(0, 2, 3, 4)).min() > 0.1


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_silence_stays_silence(kind: Kind) -> None:
    net = network(kind)
    assert net(torch.zeros(1, 2, 129, 5, dtype=torch.complex64)).abs().max() == 0


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_half_precision_comes_close(kind: Kind) -> None:
    net = network(kind)
    spectra = spectrum(net, mix())
    exact = net(spectra)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = net(spectra)
    assert rough.dtype == torch.complex64
    error = (rough - exact).abs().square().sum() / exact.abs().square().sum()
    assert 10 * torch.log10(error) < -30


def test_rotary_positions_are_exact_under_autocast() -> None:
    rotary = RotaryEmbedding(8)
    x = torch.ones(1, 1001, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        turned = rotary(x)
    assert turned.dtype == torch.float32
    angles = 1000 * 10000.0 ** -(np.arange(4) / 4)
    expected = np.stack((np.cos(angles) - np.sin(angles), np.cos(angles) + np.sin(angles)), -1)
    np.testing.assert_allclose(turned[0, 1000].detach(), expected.ravel(), atol=1e-4)
    assert torch.equal(turned[:, 0], x[:, 0])
