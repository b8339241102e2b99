from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from seeded_weights import seeded_like
from torch import Tensor

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import build_network
from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.native import read_native, write_native
from stemlift.models.formats.tensors import stored_tensor
from stemlift.models.spec import MaskKind, Network
from stemlift.networks.compact import Compact, CompactConfig
from stemlift.separation.spectrogram import MaskedSpectrogram

TINY: dict[str, Any] = {
    "bands": (4, 4, 8, 8, 16, 25),
    "features": 8,
    "dilations": (1, 2),
    "kernel": 3,
    "view": 6,
    "n_fft": 128,
    "hop": 32,
}
KINDS = [
    pytest.param({"phases": phases, "ratio": ratio}, id=f"phases={phases}-ratio={ratio}")
    for phases in (True, False)
    for ratio in (True, False)
]


def network(seed: int = 3, **changes: Any) -> Compact:
    net = Compact(CompactConfig(**TINY | changes))
    net.load_state_dict(seeded_like(net.state_dict(), seed=seed))
    return net.eval().requires_grad_(False)


def wave(samples: int = 4000, batch: int = 1) -> Tensor:
    noise = np.random.default_rng(2).standard_normal((batch, 2, samples))
    return torch.from_numpy((0.2 * noise).astype(np.float32))


def spectra(samples: int = 4000, batch: int = 1) -> Tensor:
    window = torch.hann_window(128)
    flat = wave(samples, batch).reshape(batch * 2, samples)
    found = torch.stft(flat, 128, 32, window=window, return_complex=True)
    return found.reshape(batch, 2, *found.shape[1:])


def test_the_size_of_the_model_that_ships() -> None:
    net = Compact(CompactConfig())
    assert sum(each.numel() for each in net.parameters()) < 5_000_000
    assert net.stft.bins == sum(CompactConfig().bands) == 2049


@pytest.mark.parametrize("kind", KINDS)
def test_stems_add_up_to_the_mix(kind: dict[str, bool]) -> None:
    mix = spectra(batch=2)
    stems = network(**kind)(mix)
    assert stems.shape == (2, 4, *mix.shape[1:])
    torch.testing.assert_close(stems.sum(dim=1), mix, rtol=0, atol=1e-5)
    assert (stems[:, 0] - stems[:, 1]).abs().max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_stems_stay_in_place(kind: dict[str, bool]) -> None:
    """What sounds at one moment alone sounds in the stems at that moment alone."""
    click = torch.zeros(1, 2, 8000)
    click[..., 4100] = 1
    stems = MaskedSpectrogram(network(**kind), MaskKind.COMPLEX)(click)
    torch.testing.assert_close(stems.sum(dim=1), click, rtol=0, atol=1e-5)
    outside = torch.cat((stems[..., :3972], stems[..., 4229:]), dim=-1)
    assert outside.abs().max() < 1e-6


def test_fresh_weights_give_nearly_equal_shares() -> None:
    torch.manual_seed(0)
    mix = spectra()
    with torch.no_grad():
        stems = Compact(CompactConfig(**TINY))(mix)
    error = (stems - mix.unsqueeze(1) / 4).abs().square().mean() / mix.abs().square().mean()
    assert error < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_silence_stays_silence(kind: dict[str, bool]) -> None:
    net = network(**kind)
    assert net(torch.zeros(1, 2, 65, 5, dtype=torch.complex64)).abs().max() == 0


@pytest.mark.parametrize("loudness", [1e-4, 100.0])
def test_the_level_of_the_mix_passes_through(loudness: float) -> None:
    net, mix = network(), spectra()
    louder = net(mix * loudness) / loudness
    torch.testing.assert_close(louder, net(mix), rtol=1e-3, atol=1e-3)


def test_a_batch_gives_what_each_gives_alone() -> None:
    net = network()
    one, other = spectra(), spectra().flip(0, 1)
    together = net(torch.cat((one, other)))
    torch.testing.assert_close(together, torch.cat((net(one), net(other))), rtol=0, atol=1e-4)


def test_one_channel_will_do() -> None:
    net, mix = network(), spectra()[:, :1]
    stems = net(mix)
    assert stems.shape == (1, 4, *mix.shape[1:])
    torch.testing.assert_close(stems.sum(dim=1), mix, rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="one or two channels"):
        net(mix.expand(-1, 3, -1, -1))


def test_half_precision_comes_close() -> None:
    net, mix = network(), spectra()
    exact = net(mix)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = net(mix)
    assert rough.dtype == torch.complex64
    error = (rough - exact).abs().square().sum() / exact.abs().square().sum()
    assert 10 * torch.log10(error) < -25


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bands": (64,)}, "bands do not make 65 bins"),
        ({"kernel": 4}, "odd"),
        ({"dilations": ()}, "no blocks"),
        ({"dilations": (0,)}, "no blocks"),
        ({"hop": 0}, "every 0"),
        ({"view": 0}, "at least 1"),
    ],
)
def test_configurations_that_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Compact(CompactConfig(**TINY | changes))


def test_from_a_file_of_ours(tmp_path: Path) -> None:
    net = network()
    tensors = {name: stored_tensor(each) for name, each in net.state_dict().items()}
    path = tmp_path / "compact.safetensors"
    config = {
        name: list(value) if isinstance(value, tuple) else value for name, value in TINY.items()
    }
    write_native(path, Checkpoint(Network.COMPACT, config, tensors))
    again = build_network(read_native(path))
    mix = spectra()
    assert torch.equal(again(mix), net(mix))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "compact.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(StemliftError) as caught:
        read_native(path)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
