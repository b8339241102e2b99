"""Descriptions of networks made to harm: without end, deeper or larger than any, or unprintable."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny_roformer import write_roformer

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.native import write_native
from stemlift.models.formats.safe_yaml import read_yaml
from stemlift.models.formats.tensors import InvalidCheckpointError, load_pickled
from stemlift.models.recognise import recognise
from stemlift.models.spec import Network


def refusal(path: Path) -> str:
    with pytest.raises(StemliftError) as caught:
        recognise(path)
    assert caught.value.reason in (Reason.CHECKPOINT_REFUSED, Reason.CHECKPOINT_UNKNOWN)
    return caught.value.message


# Pickles, by hand


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    digits = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<I", len(digits)) + digits


def tensor(shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """Two numbers, seen through `shape` and `strides`."""
    storage = (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\2tQ"
    )
    sizes = (b"(" + b"".join(map(number, each)) + b"t" for each in (shape, strides))
    rest = b"\x89ccollections\nOrderedDict\n)R"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0" + b"".join(sizes) + rest + b"tR"
    )


def written(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", b"\x80\x02" + pickled + b".")
        archive.writestr("net/data/0", bytes(8))
    return path


def demucs(kwargs: bytes, state: bytes) -> bytes:
    parts = text("klass") + b"cdemucs.hdemucs\nHDemucs\n" + text("args") + b")"
    return (
        b"}("
        + parts
        + text("kwargs")
        + b"}("
        + kwargs
        + b"u"
        + text("state")
        + b"}("
        + state
        + b"uu"
    )


@pytest.mark.parametrize("name", ["net.ckpt", "net.pth", "net.th"])
def test_a_dictionary_that_holds_itself(name: str, tmp_path: Path) -> None:
    assert "without tensors" in refusal(written(tmp_path / name, b"}q\0" + text("state") + b"h\0s"))


def test_names_that_wrappers_lengthen_without_end(tmp_path: Path) -> None:
    name = "model." * 5000 + "band_split.to_features.0"
    assert refusal(written(tmp_path / "a.ckpt", b"}(" + text(name) + tensor((2,), (1,)) + b"u"))


@pytest.mark.parametrize(
    ("shape", "strides"),
    [((2,), ()), ((1,) * 65, (1,) * 65), ((10**5000, 10**5000), (0, 0)), ((2,), (2**64,))],
)
def test_shapes_that_are_none(
    shape: tuple[int, ...], strides: tuple[int, ...], tmp_path: Path
) -> None:
    state = text("conv.weight") + tensor(shape, strides)
    assert "no shape" in refusal(written(tmp_path / "net.th", demucs(b"", state)))


def test_an_argument_of_thousands_of_digits(tmp_path: Path) -> None:
    kwargs = text("channels") + number(10**5000)
    path = written(tmp_path / "net.th", demucs(kwargs, text("a") + tensor((2,), (1,))))
    assert "“channels” is not a plain value" in refusal(path)


def test_a_byte_array_of_any_length_is_not_made(tmp_path: Path) -> None:
    evil = b"cbuiltins\nbytearray\n(" + number(2**62) + b"tR"
    path = written(tmp_path / "net.pth", b"}(" + text("a") + evil + b"u")
    with pytest.raises(InvalidCheckpointError, match=r"more than tensors \(“builtins.bytearray”\)"):
        load_pickled(path)


@pytest.mark.parametrize(
    "odd", [torch.zeros(2, device="meta"), torch.ones(2, 2).to_sparse(), {(((1,),),)}]
)
def test_what_is_no_plain_tensor(odd: Any, tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"fc1.weight": torch.zeros(2), "odd": odd}, path)
    with pytest.raises(InvalidCheckpointError, match="more than tensors"):
        load_pickled(path)


def test_what_a_scheduler_counts_is_taken(tmp_path: Path) -> None:
    module = torch.nn.Linear(1, 1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(torch.optim.SGD(module.parameters()), [3, 5])
    path = tmp_path / "net.ckpt"
    torch.save({"state_dict": module.state_dict(), "steps": scheduler.state_dict()}, path)
    assert set(load_pickled(path)["state_dict"]) == {"weight", "bias"}


def test_a_message_holds_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    names = b"\x8c\x02os\x8c\x0esys\x1b]0;a\x07\xed\xa0\x80te\x93"
    message = refusal(written(tmp_path / "net.th", names))
    assert "“os.sys�]0;a��te”" in message
    message.encode()
    odd = written(tmp_path / "odd.pth", b"}(" + text("\x1b[2J") + tensor((2,), (1,)) + b"u")
    assert "“�[2J”" in refusal(odd)
    long = refusal(written(tmp_path / "long.th", text("o" * 2**20) + text("x") + b"\x93"))
    assert len(long) < 1000 + len(str(tmp_path))
    weights, config = write_roformer(tmp_path)
    config.write_text(
        config.read_text("utf-8").replace("model:", 'model:\n  "a\\eb": 1', 1), "utf-8"
    )
    assert any("“a�b”" in warning for warning in recognise(weights, config).warnings)


# Sizes


def native(path: Path, network: Network, **config: Any) -> Path:
    described = {"network": network, "config": config, "stems": ["vocals"], "complement": "rest"}
    metadata = {"format": "stemlift", "version": "1", "checkpoint": json.dumps(described)}
    save_file({"a": torch.zeros(1)}, path, metadata)
    return path


@pytest.mark.parametrize(
    ("network", "config"),
    [
        (Network.BS_ROFORMER, {"dim": 8, "depth": 2**20}),
        (Network.BS_ROFORMER, {"dim": 8, "depth": 64, "time_transformer_depth": 2**19}),
        (Network.BS_ROFORMER, {"dim": 8, "depth": 1, "num_stems": 2**20}),
        (Network.MEL_BAND_ROFORMER, {"dim": 8, "depth": 1, "mask_estimator_depth": 2**20}),
        (Network.MEL_BAND_ROFORMER, {"dim": 8, "depth": 1, "num_bands": 2**20}),
        (Network.MEL_BAND_ROFORMER, {"dim": 8, "depth": 1, "stft_n_fft": 2**20}),
        (Network.OPEN_UNMIX, {"n_fft": 64, "hop": 16, "hidden_size": 8, "layers": 2**20}),
        (Network.OPEN_UNMIX, {"n_fft": 64, "hop": 16, "hidden_size": 8, "targets": ["a"] * 4096}),
    ],
)
def test_networks_larger_than_any_are_not_built(
    network: Network, config: dict[str, Any], tmp_path: Path
) -> None:
    if network is Network.OPEN_UNMIX:
        config = {"targets": ["vocals"]} | config
    message = refusal(native(tmp_path / "net.safetensors", network, **config))
    assert "its network cannot be built" in message


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"overlap": 1.0}, "overlap"),
        ({"segment": 2**27}, "segment"),
        ({"warnings": ("an unknown key",) * 300}, "warnings"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    changes: dict[str, Any], field: str, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(Network.OPEN_UNMIX, {}, {}, stems=("vocals",), **changes)
    with pytest.raises(InvalidCheckpointError, match=field):
        write_native(tmp_path / "net.safetensors", checkpoint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("digits", ["0x" + "f" * 100_000, "1" + ":59" * 50_000, "7" * 4000])
def test_yaml_with_numbers_without_end(digits: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"model: {{depth: {digits}}}\n", encoding="utf-8")
    with pytest.raises(InvalidCheckpointError, match="far too many digits"):
        read_yaml(path)
