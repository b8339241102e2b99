"""Each system of the field through the server, from weights in the format it publishes.

The networks have random weights. What they compute is held to their references in
tests/networks; here it is held to what comes out of the whole path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pickles import write_legacy
from published_seams import join_published
from real_server import Home, home_in
from signals import read_floats, read_integers, song, write
from tiny_band_split_rnn import write_channel
from tiny_demucs import tiny_time_demucs
from tiny_open_unmix import write_open_unmix
from tiny_roformer import write_roformer
from torch import Tensor

from stemlift import Client
from stemlift.models.architectures import build_network
from stemlift.models.formats.band_split_rnn import read_band_split_rnn
from stemlift.models.formats.open_unmix import read_open_unmix
from stemlift.models.formats.roformer import read_roformer
from stemlift.models.spec import MaskKind
from stemlift.separation.spectrogram import MaskedSpectrogram

FOUR = ("drums", "bass", "other", "vocals")
CHUNK = 16384
RATE = 44100


@dataclass(frozen=True)
class System:
    """files: as published. give: what a user gives to the import. config: its YAML."""

    files: tuple[Path, ...]
    give: Path
    config: Path | None = None


def write_systems(folder: Path) -> dict[str, System]:
    folders = {name: folder / name for name in ("umx", "bsrnn", "bs", "mel", "time")}
    for each in folders.values():
        each.mkdir(parents=True)
    umx = tuple(write_open_unmix(folders["umx"], targets=FOUR))
    # One checkpoint for each stem; the YAML is the same for all.
    bsrnn = [write_channel(folders["bsrnn"], [stem], seed=index) for index, stem in enumerate(FOUR)]
    bs = write_roformer(folders["bs"], "bs", stems=FOUR, chunk=CHUNK)
    mel = write_roformer(folders["mel"], "mel", target="vocals", chunk=CHUNK, overlaps=4)
    time = write_legacy(folders["time"], tiny_time_demucs(3))
    return {
        "umx": System(umx, folders["umx"]),
        "bsrnn": System((*(files[0] for files in bsrnn), *bsrnn[0][1:]), folders["bsrnn"]),
        "bs": System(bs, *bs),
        "mel": System(mel, *mel),
        "time": System((time,), time),
    }


SPECTROGRAM = ("umx", "bsrnn", "bs", "mel")
EVERY = [*((name, kind) for name in SPECTROGRAM for kind in MaskKind), ("time", None)]

OWN = """
[[models]]
name = "both"
network = "ensemble"
stems = ["drums", "bass", "other", "vocals"]
sources = { vocals = { mel = 3, umx = 1 }, rest = "umx" }

[[models]]
name = "apart"
network = "ensemble"
stems = ["drums", "bass", "other", "vocals"]
sources = { vocals = { mel = 0.7 }, rest = { umx = 0.9 } }
"""


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, System]:
    return write_systems(tmp_path_factory.mktemp("systems"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, systems: dict[str, System]) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    (folder / "models.toml").write_text(OWN, encoding="utf-8")
    with home_in(folder, HF_HUB_OFFLINE="1") as home:
        home.serve()
        with home.client() as client:
            for name, system in systems.items():
                client.import_model(system.give, name, config=system.config)
        yield home


@pytest.fixture
def client(home: Home) -> Iterator[Client]:
    with home.client() as client:
        yield client


@pytest.mark.parametrize(("name", "mask"), EVERY)
def test_nulls_repeats_and_keeps_its_shape(
    client: Client, tmp_path: Path, name: str, mask: MaskKind | None
) -> None:
    source = write(tmp_path / "s.wav", song(61_237, 2, 48000), 48000, "PCM_16")
    first, again = (
        client.separate(source, model=name, mask=mask, out=tmp_path / out).result(120)
        for out in ("a", "b")
    )
    assert set(first.stems) == ({"vocals", "other"} if name == "mel" else set(FOUR))
    for stem, path in first.stems.items():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.frames) == (48000, 2, 61_237)
        assert path.read_bytes() == again.stems[stem].read_bytes()
    assert first.null_dbfs == -300
    if first.encoding != "FLOAT":
        parts = [read_integers(path) for path in first.stems.values()]
        assert np.array_equal(sum(parts), read_integers(source))


@pytest.mark.parametrize("name", SPECTROGRAM)
@pytest.mark.parametrize("mask", [MaskKind.RATIO, MaskKind.BINARY])
def test_the_bare_masks_add_up_to_the_mix_where_it_lies(
    client: Client, tmp_path: Path, name: str, mask: MaskKind
) -> None:
    """Without a remainder: what is moved by one sample would not add up."""
    clicks = np.zeros((2 * RATE, 2))
    clicks[[RATE // 3, RATE, 2 * RATE - 7]] = 0.8
    source = write(tmp_path / "clicks.wav", clicks, RATE, "FLOAT")
    result = client.separate(source, model=name, mask=mask, remainder="off").result(120)
    total = sum(read_floats(path) for path in result.stems.values())
    assert np.abs(total - read_floats(source)).max() < 1e-4


def reference(system: System, name: str, mix: Tensor) -> tuple[tuple[str, ...], Tensor]:
    """Stems' names and (stems, channels, samples), as the system's own code would be run."""
    read = {"umx": read_open_unmix, "bsrnn": read_band_split_rnn}.get(name, read_roformer)
    checkpoint = read(system.files)
    complement = checkpoint.complement is not None
    stems = (*checkpoint.stems, *([checkpoint.complement] if complement else []))
    network = MaskedSpectrogram(build_network(checkpoint), MaskKind.COMPLEX, complement)
    with torch.inference_mode():
        if name in ("bs", "mel"):
            overlaps = 2 if name == "bs" else 4
            return stems, join_published(mix, CHUNK, overlaps, lambda wave: network(wave))
        return stems, network(mix[None])[0]


@pytest.mark.parametrize("name", SPECTROGRAM)
def test_equals_its_reference_through_the_whole_command(
    home: Home, systems: dict[str, System], tmp_path: Path, name: str
) -> None:
    # The others' own code runs over the whole song at once: here it is one segment.
    frames = 61_237 if name in ("bs", "mel") else 20_011
    source = write(tmp_path / "s.wav", 0.5 * song(frames, 2, RATE), RATE, "FLOAT")
    options = ("--remainder", "off", "--precision", "fp32", "--out", str(tmp_path / "out"))
    done = home.run("separate", str(source), "--model", name, *options)
    assert done.returncode == 0, done.stderr
    mix = torch.from_numpy(soundfile.read(source, dtype="float32")[0].T.copy())
    stems, expected = reference(systems[name], name, mix)
    assert len(stems) == len(expected)
    for stem, wave in zip(stems, expected.numpy(), strict=True):
        found = read_floats(tmp_path / "out" / f"s - {stem}.wav")
        assert np.abs(found - wave.T).max() < 1e-4
        assert np.abs(wave).max() > 1e-3


def test_an_ensemble_is_the_mean_of_what_its_models_give(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(61_237, 2, RATE), RATE, "FLOAT")
    before = client.server_info().model_loads
    options = {"remainder": "off", "mask": "ratio"}
    both = client.separate(source, model="both", out=tmp_path / "both", **options).result(120)
    parts = {
        name: client.separate(source, model=name, out=tmp_path / name, **options).result(120).stems
        for name in ("umx", "mel")
    }
    found = {name: read_floats(path) for name, path in both.stems.items()}
    for stem in ("drums", "bass", "other"):
        assert np.array_equal(found[stem], read_floats(parts["umx"][stem]))
    voices = [read_floats(parts[name]["vocals"]) for name in ("mel", "umx")]
    assert np.abs(found["vocals"] - (3 * voices[0] + voices[1]) / 4).max() < 1e-6
    # The ensemble and its parts hold the same networks.
    assert client.server_info().model_loads - before <= 2


def test_bytes_of_a_stem_do_not_tell_which_others_were_asked_for(
    client: Client, tmp_path: Path
) -> None:
    """Shares that no float holds exactly, in models that run only where they are needed."""
    source = write(tmp_path / "s.wav", song(30_000, 2, RATE), RATE, "FLOAT")
    options = {"model": "apart", "remainder": "separate"}
    every = client.separate(source, out=tmp_path / "all", **options).result(120)
    for stem in ("vocals", "bass"):
        one = client.separate(source, stems=[stem], out=tmp_path / stem, **options).result(120)
        assert one.stems[stem].read_bytes() == every.stems[stem].read_bytes()


def test_a_model_is_loaded_once(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(9_000, 2, RATE), RATE, "PCM_16")
    for out in "abc":
        client.separate(source, model="bs", out=tmp_path / out).result(120)
    loads = client.server_info().model_loads
    client.separate(source, model="bs", mask="binary", out=tmp_path / "d").result(120)
    assert client.server_info().model_loads == loads


def test_one_stem_of_a_network_for_each_costs_one_network(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(30_000, 2, RATE), RATE, "PCM_16")
    options = {"model": "bsrnn", "remainder": "separate"}
    every = client.separate(source, out=tmp_path / "a", **options).result(120)
    one = client.separate(source, stems=["bass"], out=tmp_path / "b", **options).result(120)
    assert every.stems["bass"].read_bytes() == one.stems["bass"].read_bytes()
    assert set(one.stems) == {"bass", "remainder"}


def test_under_a_limit_the_longest_unused_model_leaves(
    tmp_path: Path, systems: dict[str, System]
) -> None:
    """A limit that no model keeps: only the one that was used last is there."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "settings.toml").write_text("model_memory = 1e-6\n", encoding="utf-8")
    source = write(tmp_path / "s.wav", song(9_000, 2, RATE), RATE, "PCM_16")
    with home_in(folder, HF_HUB_OFFLINE="1") as home:
        home.serve()
        with home.client() as client:
            for name in ("umx", "bs"):
                client.import_model(systems[name].give, name, config=systems[name].config)
            for name in ("umx", "bs", "umx"):
                client.separate(source, model=name, overwrite=True).result(120)
                assert client.server_info().loaded_models == (name,)
            assert client.server_info().model_loads == 3
