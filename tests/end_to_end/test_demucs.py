"""Demucs through the server against the demucs package on the same weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from demucs.apply import BagOfModels, apply_model
from demucs.hf import load_safetensors_model
from real_server import Home
from signals import read_floats, song, write
from tiny_demucs import STEMS, identity

from stemlift import Client


def reference(folder: Path, name: str, wave: np.ndarray) -> np.ndarray:
    """As the package's command line: (stems, frames, channels) of (frames, 2) at 44.1 kHz."""
    import yaml

    bag = yaml.safe_load((folder / f"{name}.yaml").read_text())
    networks = [load_safetensors_model(folder / f"{each}.safetensors") for each in bag["models"]]
    model = BagOfModels(networks, bag.get("weights"))
    mix = torch.from_numpy(wave.T.astype(np.float32))
    mono = mix.mean(0)
    mean, std = mono.mean(), mono.std() + 1e-8
    with torch.no_grad():
        out = apply_model(model, ((mix - mean) / std)[None], shifts=0, split=True)[0]
    return (out * std + mean).numpy().transpose(0, 2, 1)


@pytest.mark.parametrize("name", ["htdemucs", "htdemucs_ft"])
@pytest.mark.parametrize("seconds", [0.3, 2.0, 3.37])
def test_equals_the_package(
    shared_home: Home, client: Client, tmp_path: Path, name: str, seconds: float
) -> None:
    wave = song(int(seconds * 44100), 2, 44100)
    source = write(tmp_path / "s.wav", wave, 44100, "FLOAT")
    expected = reference(shared_home.folder / "models" / "made", name, soundfile.read(source)[0])
    result = client.separate(source, model=name, remainder="off", precision="fp32").result(120)
    for index, stem in enumerate(STEMS):
        assert np.abs(read_floats(result.stems[stem]) - expected[index]).max() < 1e-4


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_at_another_rate_equals_resampling_the_whole_file(
    shared_home: Home, client: Client, tmp_path: Path, rate: int
) -> None:
    """Streaming in blocks moves nothing: the same as one pass over the whole file."""
    wave = song(3 * rate + 17, 2, rate)
    source = write(tmp_path / "s.wav", wave, rate, "FLOAT")
    down = soxr.resample(wave, rate, 44100, "VHQ")
    stems = reference(shared_home.folder / "models" / "made", "htdemucs", down)
    result = client.separate(source, model="htdemucs", remainder="off").result(120)
    inside = slice(2000, -2000)
    for index, stem in enumerate(STEMS):
        expected = soxr.resample(stems[index].astype(np.float64), 44100, rate, "VHQ")
        found = read_floats(result.stems[stem])
        assert np.abs(found[inside] - expected[: len(found)][inside]).max() < 1e-4


def test_one_stem_of_an_identity_bag_loads_its_share_of_the_work(
    client: Client, tmp_path: Path
) -> None:
    """htdemucs_ft for vocals alone is the fourth network alone, with the same bytes."""
    assert identity(4)[3] == [0.0, 0.0, 0.0, 1.0]
    source = write(tmp_path / "s.wav", song(88_200, 2, 44100), 44100, "PCM_16")
    options = {"model": "htdemucs_ft", "remainder": "separate"}
    every = client.separate(source, out=tmp_path / "a", **options).result(120)
    one = client.separate(source, stems=["vocals"], out=tmp_path / "b", **options).result(120)
    assert every.stems["vocals"].read_bytes() == one.stems["vocals"].read_bytes()


def test_bf16_keeps_45_db_and_nulls(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(88_200, 2, 44100), 44100, "PCM_16")
    full, half, auto = (
        client.separate(
            source, model="htdemucs", precision=precision, out=tmp_path / precision
        ).result(120)
        for precision in ("fp32", "bf16", "auto")
    )
    assert (full.precision, half.precision) == ("fp32", "bf16")
    assert half.null_dbfs == -300
    a, b = read_floats(full.stems["vocals"]), read_floats(half.stems["vocals"])
    assert 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum()) > 45
    assert not np.array_equal(a, b)
    # What auto takes depends on the processor; the result says which of the two it is.
    same = full if auto.precision == "fp32" else half
    assert auto.stems["vocals"].read_bytes() == same.stems["vocals"].read_bytes()


def test_a_waveform_model_takes_no_mask(client: Client, tmp_path: Path) -> None:
    from stemlift import StemliftError

    source = write(tmp_path / "s.wav", song(1000, 2, 44100), 44100, "PCM_16")
    with pytest.raises(StemliftError) as caught:
        client.separate(source, model="htdemucs", mask="binary")
    assert caught.value.reason == "MASK_UNSUPPORTED"


def test_auto_takes_the_best_model_that_is_here(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(1000, 2, 44100), 44100, "PCM_16")
    models = client.models()
    chosen = [model.name for model in models.models if model.auto_choice]
    assert client.separate(source).result(120).model == chosen[0]
    assert chosen == ["htdemucs_ft"]
