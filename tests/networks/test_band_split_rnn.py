from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seeded_weights import seeded_like
from tiny_band_split_rnn import PAIR_SEGMENT, write_channel, write_pair
from torch import Tensor

from stemlift.models.architectures import build_network
from stemlift.models.formats.band_split_rnn import read_band_split_rnn
from stemlift.networks.band_split_channel import ChannelPart
from stemlift.networks.band_split_pair import PairPart
from stemlift.networks.band_split_rnn import BandSplitRnn, BandSplitRnnConfig
from stemlift.networks.band_tables import (
    BASS,
    DRUMS,
    JOINT,
    V7,
    BandTable,
    bins_by_edge,
    bins_by_width,
    table_for,
)

# What the references themselves gave on the files that `tiny_band_split_rnn` writes, every
# twelfth part of a channel one sample: BandSplitRNN-PyTorch at f3375dc ("pair …", its
# featurizer, network and inverse on one segment) and bsrnn at f2ecc62 ("channel …", its
# forward). Ours was within 1e-6 of all their samples when these were taken.
GOLDEN = json.loads((Path(__file__).parent / "band_split_rnn_golden.json").read_text())

BANDS = (2, 3, 4, 8)
PAIR = PairPart("pair", BANDS, features=8, hidden=4, layers=1, mask_hidden=6, frames=9)
CHANNEL = ChannelPart("channel", BANDS, stems=1, features=8, layers=1, mask_factor=2)


def network(*parts: PairPart | ChannelPart, seed: int = 0) -> BandSplitRnn:
    made = BandSplitRnn(BandSplitRnnConfig(parts, n_fft=32, hop=8)).eval().requires_grad_(False)
    made.load_state_dict(seeded_like(made.state_dict(), gain=2.0, seed=seed))
    return made


def spectrum(channels: int = 2, frames: int = 9, batch: int = 1, seed: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, channels, sum(BANDS), frames)
    return 10 * torch.randn(*shape, dtype=torch.complex64, generator=generator)


def difference(one: Tensor, other: Tensor) -> float:
    assert one.shape == other.shape
    return float((one - other).abs().max())


@pytest.mark.parametrize("name", GOLDEN)
def test_a_model_gives_what_its_own_implementation_gives(name: str, tmp_path: Path) -> None:
    golden: dict[str, Any] = GOLDEN[name]
    if name.startswith("pair"):
        files = write_pair(tmp_path, **golden["options"])
        channels = 1 if golden["options"].get("is_mono") else 2
        samples = PAIR_SEGMENT
    else:
        files = write_channel(tmp_path, golden["targets"], **golden["options"])
        channels, samples = 2, 6000
    model = build_network(read_band_split_rnn(files))
    assert isinstance(model, BandSplitRnn)
    random = np.random.default_rng(7)
    wave = torch.from_numpy((0.1 * random.standard_normal((channels, samples))).astype(np.float32))
    stems = through(model, wave)
    taken = [channel[:: samples // 12][:12].tolist() for stem in stems for channel in stem]
    assert np.abs(np.array(taken) - np.array(golden["samples"])).max() < 1e-4


def through(model: BandSplitRnn, wave: Tensor) -> Tensor:
    """(channels, samples) → (stems, channels, samples), by torch's own transform."""
    n_fft, hop, length = model.stft.n_fft, model.stft.hop, model.stft.window or model.stft.n_fft
    assert model.stft.reflect
    assert not model.stft.normalized
    window = torch.hann_window(length)
    mix = torch.stft(wave, n_fft, hop, length, window, pad_mode="reflect", return_complex=True)
    stems = model(mix[None])[0]
    flat = torch.istft(stems.flatten(0, 1), n_fft, hop, length, window, length=wave.shape[-1])
    return flat.view(*stems.shape[:2], -1)


@pytest.mark.parametrize(
    ("table", "count", "first", "rest_by_width", "rest_by_edge"),
    [
        (V7, 41, 4, 117, 96),
        (BASS, 30, 2, 295, 281),
        (DRUMS, 55, 2, 305, 281),
        (JOINT, 57, 2, 121, 96),
    ],
)
def test_the_papers_tables_make_its_numbers_of_bands(
    table: BandTable, count: int, first: int, rest_by_width: int, rest_by_edge: int
) -> None:
    by_width = bins_by_width(table, 44100, 1025)
    by_edge = bins_by_edge(table, 44100, 2048)
    assert len(by_width) == len(by_edge) == count
    assert sum(by_width) == sum(by_edge) == 1025
    assert (by_width[0], by_width[-1], by_edge[-1]) == (first, rest_by_width, rest_by_edge)


def test_bands_by_edge_begin_at_their_frequencies() -> None:
    edges = np.cumsum(bins_by_edge(V7, 44100, 2048))
    frequencies = np.arange(1025) * 44100 / 2048
    # The 10th band ends at 1 kHz, the 22nd at 4 kHz, the 40th at 20 kHz.
    for band, frequency in ((9, 1000), (21, 4000), (39, 20000)):
        assert frequencies[edges[band] - 1] < frequency <= frequencies[edges[band]]


def test_bands_by_width_are_the_same_wherever_they_lie() -> None:
    # floor(Hz · 1025 / 22050): 100 Hz are 4 bins, 250 are 11, 500 are 23, 1000 are 46, 2000 are 92.
    widths = bins_by_width(V7, 44100, 1025)
    assert widths == (4,) * 10 + (11,) * 12 + (23,) * 8 + (46,) * 8 + (92,) * 2 + (117,)


@given(
    st.sampled_from([V7, BASS, DRUMS, JOINT]),
    st.sampled_from([44100, 48000, 96000]),
    st.integers(2048, 8192).map(lambda half: 2 * half),
)
def test_every_bin_is_in_one_band(table: BandTable, rate: int, n_fft: int) -> None:
    for bands in (bins_by_width(table, rate, n_fft // 2 + 1), bins_by_edge(table, rate, n_fft)):
        assert sum(bands) == n_fft // 2 + 1
        assert min(bands) >= 1


@pytest.mark.parametrize(
    "table", [((1000, 0),), ((1000, -5),), ((1000, 1e-9),), ((1000, 100), (500, 100)), V7]
)
def test_bands_that_do_not_fit_are_refused(table: BandTable) -> None:
    with pytest.raises(ValueError, match=r"bands"):
        bins_by_width(table, 44100, 65)
    with pytest.raises(ValueError, match=r"bands"):
        bins_by_edge(table, 44100, 128)


def test_the_table_follows_the_stem() -> None:
    assert [table_for([stem]) for stem in ("vocals", "other", "bass", "drums")] == [
        V7,
        V7,
        BASS,
        DRUMS,
    ]
    assert table_for(["vocals", "bass"]) == table_for(["piano"]) == JOINT


@pytest.mark.parametrize("part", [PAIR, CHANNEL, replace(CHANNEL, stems=3)])
def test_each_part_gives_its_stems_of_the_mixs_shape(part: PairPart | ChannelPart) -> None:
    mix = spectrum(batch=2)
    estimates = network(part)(mix)
    assert estimates.shape == (2, part.stems, *mix.shape[1:])
    assert estimates.is_complex()


def test_only_runs_the_parts_of_the_wanted_stems() -> None:
    model = network(CHANNEL, replace(CHANNEL, stems=2), PAIR)
    mix = spectrum()
    whole = model(mix)
    some = model.only([2])
    calls: list[int] = []
    for index, part in enumerate(model.parts):
        part.register_forward_hook(lambda *_, index=index: calls.append(index))
    estimates = some(mix)
    assert calls == [1]
    assert torch.equal(estimates[:, 1:3], whole[:, 1:3])
    assert not estimates[:, [0, 3]].any()
    assert torch.equal(model(mix), whole)
    assert [id(each) for each in some.parameters()] == [id(each) for each in model.parameters()]
    assert some.stft == model.stft
    assert not model.only([])(mix).any()


def test_the_rest_is_what_the_others_leave() -> None:
    mix = spectrum()
    part = replace(CHANNEL, stems=3, last_is_rest=True)
    estimates = network(part)(mix)
    assert difference(estimates.sum(1), mix) < 1e-4
    assert len(network(part).parts[0].maskers) == 2


@pytest.mark.parametrize("part", [PAIR, CHANNEL, replace(CHANNEL, stereo="exchanged")])
def test_silence_gives_silence(part: PairPart | ChannelPart) -> None:
    assert not network(part)(torch.zeros_like(spectrum())).any()


@pytest.mark.parametrize("part", [PAIR, CHANNEL])
def test_a_louder_mix_gives_stems_louder_by_as_much(part: PairPart | ChannelPart) -> None:
    model, mix = network(part), spectrum()
    assert difference(model(4 * mix) / 4, model(mix)) < 1e-3


@pytest.mark.parametrize(
    "part",
    [
        PAIR,
        replace(PAIR, channels=1),
        CHANNEL,
        *(replace(CHANNEL, stereo=stereo) for stereo in ("joint", "exchanged")),
    ],
)
def test_a_mono_mix_is_a_stereo_one_with_equal_channels(part: PairPart | ChannelPart) -> None:
    model, mono = network(part), spectrum(channels=1)
    both = model(mono.expand(-1, 2, -1, -1))
    assert difference(model(mono), both.mean(2, keepdim=True)) < 1e-4


@pytest.mark.parametrize(
    "part", [CHANNEL, replace(PAIR, channels=1), replace(CHANNEL, stereo="exchanged")]
)
def test_exchanged_channels_come_out_exchanged(part: PairPart | ChannelPart) -> None:
    model, mix = network(part), spectrum()
    assert difference(model(mix.flip(1)), model(mix).flip(2)) < 1e-4


def test_only_an_exchange_lets_one_channel_change_the_other() -> None:
    mix = spectrum()
    changed = mix.clone()
    changed[:, 1] *= 1j
    for stereo, same in (("apart", True), ("exchanged", False), ("joint", False)):
        model = network(replace(CHANNEL, stereo=stereo))
        assert torch.equal(model(mix)[:, :, 0], model(changed)[:, :, 0]) is same


@pytest.mark.parametrize("part", [PAIR, replace(CHANNEL, stereo="exchanged", attention_heads=2)])
def test_a_batch_gives_what_its_segments_give_alone(part: PairPart | ChannelPart) -> None:
    model, mix = network(part), spectrum(batch=3)
    alone = torch.cat([model(each) for each in mix.split(1)])
    assert difference(model(mix), alone) < 1e-4


def test_a_fixed_number_of_frames_is_asked_for_and_held_to() -> None:
    model = network(CHANNEL, PAIR)
    assert model.frames == 9
    assert [model.valid_length(samples) for samples in (1, 64)] == [64, 64]
    with pytest.raises(ValueError, match="8 frames where the network was made for 9"):
        model(spectrum(frames=8))


@settings(max_examples=20)
@given(st.integers(1, 30))
def test_any_other_network_takes_any_number_of_frames(frames: int) -> None:
    model = network(CHANNEL)
    assert model.frames is None
    assert model(spectrum(frames=frames)).shape[-1] == frames
    assert [model.valid_length(samples) for samples in (1, 17, 1000)] == [17, 17, 1000]


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (replace(CHANNEL, bands=(2, 3)),),
        (replace(CHANNEL, bands=(-1, 18)),),
        (replace(CHANNEL, layers=10**6),),
        (replace(CHANNEL, stems=0),),
        (replace(CHANNEL, heads=3),),
        (replace(CHANNEL, attention_heads=3),),
        (replace(CHANNEL, last_is_rest=True),),
        (replace(CHANNEL, mask_context=-1),),
        (replace(PAIR, layers=0),),
        (PAIR, replace(PAIR, frames=10)),
    ],
)
def test_what_cannot_be_built_is_refused(parts: tuple[PairPart | ChannelPart, ...]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        BandSplitRnn(BandSplitRnnConfig(parts, n_fft=32, hop=8))


def test_the_full_size_network_has_the_papers_parts() -> None:
    bands = bins_by_width(V7, 44100, 1025)
    part = ChannelPart("channel", bands, stems=1, features=128, layers=12)
    with torch.device("meta"):
        model = BandSplitRnn(BandSplitRnnConfig((part,)))
    assert len(model.parts[0].BN) == 41
    assert model.parts[0].separator[0].time_net.main_layer.hidden_size == 256
    assert len(model.parts[0].separator) == 12
