from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stemlift.demo.recipe import Recipe
from stemlift.demo.song import load_recipe, render
from stemlift.models.spec import MaskKind
from stemlift.networks.spectral import Spectral
from stemlift.networks.stft import Stft
from stemlift.quality.correlation import largest_correlation
from stemlift.quality.sdr import sdr
from stemlift.separation.spectrogram import MaskedSpectrogram, SpectrogramNetwork

SEGMENT = 20 * 44100
Sources = dict[str, np.ndarray]


class Halves(nn.Module):
    """Two equal stems; `spectra` gives them as complex spectra rather than magnitudes."""

    stft = Stft(512, 128)

    def __init__(self, spectra: bool = False) -> None:
        super().__init__()
        self.spectra = spectra

    def forward(self, mix: Tensor) -> Tensor:
        stems = torch.stack((mix / 2, mix / 2), dim=1)
        return stems if self.spectra else stems.abs()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("samples", [1, 100, 511, 512, 5000, 5001])
@pytest.mark.parametrize("mask", list(MaskKind))
def test_the_stems_have_the_length_of_the_input_and_sum_to_it(mask: MaskKind, samples: int) -> None:
    wave = noise(2, 2, samples)
    stems = MaskedSpectrogram(Halves(), mask)(wave)
    assert stems.shape == (2, 2, 2, samples)
    torch.testing.assert_close(stems.sum(1), wave, atol=1e-3, rtol=0)


def test_a_complex_network_gives_its_estimate_itself() -> None:
    wave = noise(1, 1, 3000)
    stems = MaskedSpectrogram(Halves(spectra=True), MaskKind.COMPLEX)(wave)
    torch.testing.assert_close(stems[:, 0], wave / 2, atol=1e-6, rtol=0)


def test_autocast_changes_nothing_around_the_network() -> None:
    wave = noise(1, 2, 3000)
    separate = MaskedSpectrogram(Halves(), MaskKind.RATIO)
    plain = separate(wave)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(separate(wave), plain, atol=0, rtol=0)


def test_spectral_is_a_spectrogram_network() -> None:
    assert isinstance(Spectral(), SpectrogramNetwork)


@pytest.mark.parametrize("mask", list(MaskKind))
def test_an_impulse_stays_at_its_sample(mask: MaskKind) -> None:
    wave = torch.zeros(1, 2, 44100)
    wave[..., 12345] = 0.8
    stems = MaskedSpectrogram(Spectral(), mask)(wave)
    assert stems[0, 0].abs().amax(0).argmax() == 12345
    torch.testing.assert_close(stems.sum(1), wave, atol=2e-3, rtol=0)


@pytest.mark.parametrize("mask", list(MaskKind))
def test_silence_stays_silent(mask: MaskKind) -> None:
    assert not MaskedSpectrogram(Spectral(), mask)(torch.zeros(1, 2, 20000)).any()


@pytest.mark.parametrize("mask", list(MaskKind))
def test_a_batch_gives_what_its_members_give(mask: MaskKind) -> None:
    wave = noise(3, 2, 44100)
    wave[1] *= 1e-3
    wave[2] = 0
    separate = MaskedSpectrogram(Spectral(), mask)
    single = torch.cat([separate(one) for one in wave.split(1)])
    torch.testing.assert_close(separate(wave), single, atol=1e-5, rtol=0)


def another_song() -> Recipe:
    """One verse in another key, tempo, voice, band and panning."""
    recipe = load_recipe().model_dump()
    recipe |= {"tempo": 118.0, "seed": 5, "transpose": -3, "progression": ("C", "G", "Am", "F")}
    recipe["sections"] = recipe["sections"][1:2]
    recipe["drums"]["kick"]["pattern"] = "x...x...x...x..."
    recipe["bass"]["pattern"] = "r===..r=r===5.8."
    recipe["keys"] |= {"pattern": "x==x==x=x==x==x=", "pan": 0.45}
    recipe["guitar"] |= {"pattern": "1.2.3.4.1.2.3.4.", "pan": -0.8}
    recipe["vocals"] |= {"tract": 1.12, "transpose": -7, "vibrato": 25.0, "pan": 0.05}
    return Recipe.model_validate(recipe)


@pytest.fixture(scope="module", params=["the demo song", "another song"])
def song(request: pytest.FixtureRequest) -> Sources:
    return render(load_recipe() if request.param == "the demo song" else another_song()).sources


def mono(sources: Sources) -> Sources:
    return {name: np.tile(stem.mean(1, keepdims=True), 2) for name, stem in sources.items()}


def separated(sources: Sources, mask: MaskKind) -> Sources:
    mix = torch.from_numpy(sum(sources.values(), np.zeros(1)).T).float()
    separate = MaskedSpectrogram(Spectral(), mask)
    with torch.inference_mode():
        parts = [separate(part[None])[0] for part in mix.split(SEGMENT, dim=1)]
    stems = torch.cat(parts, dim=-1).transpose(1, 2).numpy()
    return dict(zip(Spectral.stems, stems, strict=True))


def gains(sources: Sources, stems: Sources) -> dict[str, float]:
    """By how many dB each stem's SDR is above that of mix/4 as its estimate."""
    quarter = sum(sources.values(), np.zeros(1)) / 4
    return {
        name: sdr(source, stems[name]) - sdr(source, quarter) for name, source in sources.items()
    }


@pytest.mark.parametrize("mask", list(MaskKind))
def test_every_stem_of_a_stereo_song_is_3_db_better_than_a_quarter_of_the_mix(
    song: Sources, mask: MaskKind
) -> None:
    stems = separated(song, mask)
    gained = gains(song, stems)
    assert min(gained.values()) > 3.0, gained
    assert sum(gained.values()) / 4 > 4.5, gained
    assert largest_correlation(stems) < 0.95


@pytest.mark.parametrize("mask", list(MaskKind))
def test_drums_and_bass_of_a_mono_song_are_too(song: Sources, mask: MaskKind) -> None:
    sources = {name: stem[:SEGMENT] for name, stem in mono(song).items()}
    stems = separated(sources, mask)
    gained = gains(sources, stems)
    assert min(gained["drums"], gained["bass"]) > 3.0, gained
    assert largest_correlation(stems) < 0.95
    for stem in stems.values():
        np.testing.assert_allclose(stem[:, 0], stem[:, 1], atol=1e-3)


class Quarter(nn.Module):
    """One stem, a quarter of the mix."""

    stft = Stft(512, 128, reflect=True)

    def __init__(self, spectra: bool) -> None:
        super().__init__()
        self.spectra = spectra

    def forward(self, mix: Tensor) -> Tensor:
        stem = (mix / 4).unsqueeze(1)
        return stem if self.spectra else stem.abs()


@pytest.mark.parametrize(
    ("mask", "spectra", "shares"),
    [
        (MaskKind.COMPLEX, True, (0.25, 0.75)),
        (MaskKind.COMPLEX, False, (0.1, 0.9)),
        (MaskKind.RATIO, True, (0.1, 0.9)),
        (MaskKind.RATIO, False, (0.1, 0.9)),
        (MaskKind.BINARY, True, (0.0, 1.0)),
        (MaskKind.BINARY, False, (0.0, 1.0)),
    ],
)
def test_the_complement_is_one_stem_more(
    mask: MaskKind, spectra: bool, shares: tuple[float, float]
) -> None:
    """A quarter and the rest: as spectra what they are, else by their powers, 1 and 9."""
    wave = noise(1, 1, 6000)
    stems = MaskedSpectrogram(Quarter(spectra), mask, complement=True)(wave)
    assert stems.shape == (1, 2, 1, 6000)
    for index, share in enumerate(shares):
        torch.testing.assert_close(stems[:, index], share * wave, atol=2e-4, rtol=0)


@pytest.mark.parametrize("window", [0, 300])
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("samples", [200, 256, 257, 3000])
def test_the_spectra_are_made_as_the_network_says(
    window: int, normalized: bool, samples: int
) -> None:
    seen: list[Tensor] = []

    class Listening(Quarter):
        stft = Stft(512, 128, window, normalized, reflect=True)

        def forward(self, mix: Tensor) -> Tensor:
            seen.append(mix)
            return mix.unsqueeze(1)

    wave = noise(1, 2, samples)
    stems = MaskedSpectrogram(Listening(True), MaskKind.COMPLEX)(wave)
    expected = torch.stft(
        wave[0],
        512,
        128,
        window or 512,
        torch.hann_window(window or 512),
        normalized=normalized,
        return_complex=True,
        # An end is mirrored only where there is enough to mirror.
        pad_mode="reflect" if samples > 256 else "constant",
    )
    torch.testing.assert_close(seen[0][0], expected)
    torch.testing.assert_close(stems[:, 0], wave, atol=1e-5, rtol=0)
