"""Files made to harm: nothing of them runs, little memory is taken, and the error says why."""

import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pickles import Evil, legacy_package, save, touching, write_legacy
from refusals import refusal
from tiny_band_split_rnn import write_pair
from tiny_demucs import tiny_htdemucs, write_bag
from tiny_open_unmix import write_open_unmix
from tiny_roformer import write_roformer

from stemlift.models.formats.tensors import InvalidCheckpointError, load_pickled


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that exists once anything was run."""
    return tmp_path / "executed"


@pytest.fixture(autouse=True)
def nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Beside the marker: not one process is started, whatever a file asks for."""
    calls: list[Any] = []
    monkeypatch.setattr(os, "system", calls.append)
    yield
    assert calls == []
    assert not (tmp_path / "executed").exists()


# Code in pickles

STATE = {"conv.weight": torch.zeros(3)}
NETWORK = tiny_htdemucs()

PLACES: dict[str, Callable[[Any], Any]] = {
    "alone": lambda evil: evil,
    "in a state dict": lambda evil: STATE | {"evil": evil},
    "beside one": lambda evil: {"state_dict": STATE, "hyper_parameters": evil},
    "as a key": lambda evil: {(evil,): 1},
    "in a list": lambda evil: [[[evil]]],
    "in an ordered dictionary": lambda evil: OrderedDict(state_dict=STATE, more=evil),
    "in a Demucs package": lambda evil: legacy_package(NETWORK, training_args=evil),
    "as a Demucs class": lambda evil: legacy_package(NETWORK, klass=evil),
}


@pytest.mark.parametrize("layout", ["zip", "older", "pickle"])
@pytest.mark.parametrize("suffix", [".th", ".ckpt", ".pth", ".pt", ".safetensors", ".yaml"])
def test_code_in_a_pickle_of_any_name(
    suffix: str, layout: str, tmp_path: Path, marker: Path
) -> None:
    for number, place in enumerate(PLACES.values()):
        path = tmp_path / f"net{number}{suffix}"
        content = place(touching(marker))
        if layout == "pickle":
            path.write_bytes(pickle.dumps(content, protocol=number % 5 + 1))
        else:
            save(path, content, older=layout == "older")
        refusal(path)


@pytest.mark.parametrize("older", [False, True])
def test_code_beside_weights_that_are_right(tmp_path: Path, marker: Path, older: bool) -> None:
    evil = touching(marker)
    weights, config = write_roformer(tmp_path / "roformer")
    content = torch.load(weights, weights_only=True)
    save(weights, {"state_dict": content, "callbacks": evil}, older=older)
    assert "more than tensors" in refusal(weights, config)
    pair, hparams = write_pair(tmp_path_of(tmp_path, "pair"))
    content = torch.load(pair, weights_only=True)
    save(pair, {"state_dict": content, "callbacks": evil}, older=older)
    refusal(pair, hparams)
    files = write_open_unmix(tmp_path_of(tmp_path, "umx"))
    target = next(path for path in files if path.name.startswith("bass"))
    save(target, torch.load(target, weights_only=True) | {"evil": evil}, older=older)
    refusal(target)
    refusal(target.parent, named=target)
    th = write_legacy(tmp_path, NETWORK, older=older, training_args=[evil])
    assert "it asks to run “builtins.eval”" in refusal(th)


def tmp_path_of(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "opcodes",
    [
        b"cos\nsystem\n(S'touch MARKER'\ntR.",
        b"(S'touch MARKER'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch MARKER'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch MARKER\x85R.",
        b"\x80\x02cbuiltins\neval\nU\x04exit\x85\x81.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02cos\nsystem\nq\x00}(U\x01aU\x01bub.",
        b"\x80\x02P0\n.",
        b"\x80\x02cbuiltins\n__import__\nU\x02os\x85R.",
        b"\x80\x02}q\x00(h\x00h\x00u.",
    ],
)
def test_opcodes_by_hand(opcodes: bytes, tmp_path: Path, marker: Path) -> None:
    opcodes = opcodes.replace(b"touch MARKER", b"touch " + bytes(marker)[-6:])
    opcodes = opcodes if opcodes[:1] == b"\x80" else b"\x80\x02" + opcodes
    path = tmp_path / "net.th"
    path.write_bytes(opcodes)
    refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", opcodes)
        archive.writestr("net/version", "3")
    refusal(path)


# Claims without the bytes


@pytest.fixture
def little_memory() -> Any:
    """Python's own allocations, to which the bytes that files are read into belong."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20


def claiming(path: Path, shape: tuple[int, ...], name: str = "conv.weight") -> Path:
    """A state dict whose one tensor repeats its one number."""
    torch.save({name: torch.zeros(1).expand(shape)}, path)
    return path


@pytest.mark.usefixtures("little_memory")
def test_tensors_that_claim_more_than_the_file_holds(tmp_path: Path) -> None:
    path = claiming(tmp_path / "net.pth", (2**20, 2**16))
    with pytest.raises(InvalidCheckpointError, match="claim more than the file holds"):
        load_pickled(path)
    network = NETWORK
    big = {name: torch.zeros(1).expand(2**34) for name in network.state_dict()}
    assert "claim more" in refusal(write_legacy(tmp_path, network, state=big))
    shared = torch.zeros(2**16)
    many = {f"t{number}": shared.view(-1, 2**8) for number in range(64)}
    assert "claim more" in refusal(write_legacy(tmp_path, network, "aa", state=many))


@pytest.mark.usefixtures("little_memory")
def test_a_zip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "net.th"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", pickle.dumps({"a": 1}))
        with archive.open("net/data/0", "w", force_zip64=True) as entry:
            for _ in range(128):
                entry.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    assert "compressed" in refusal(path)
    with pytest.raises(InvalidCheckpointError, match="compressed"):
        load_pickled(path)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    "opcodes",
    [
        b"\x80\x02r\xff\xff\xff\xff.",
        b"\x80\x02Nr\xff\xff\xff\x7f0Nr\xfe\xff\xff\x7f.",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"a.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"a.",
        b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
        b"\x80\x02X\xff\xff\xff\xffabc.",
        b"\x80\x02\x8b\xff\xff\xff\x7f1.",
        b"\x80\x02(" + b"N" * 1_000_000 + b"t.",
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns.",
        b"\x80\x02cfractions\nFraction\nU\x0e1e999999999999\x85R.",
        b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R.",
    ],
)
def test_pickles_that_would_take_all_memory_or_time(opcodes: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.th"
    path.write_bytes(opcodes)
    refusal(path)


@pytest.mark.parametrize("older", [False, True])
def test_counts_in_the_pickle(tmp_path: Path, older: bool) -> None:
    """Of numbers in a storage, which PyTorch takes memory for before it looks."""
    path = save(tmp_path / "net.ckpt", {"conv.weight": torch.zeros(300)}, older=older)
    count, more = b"M" + struct.pack("<H", 300), b"J" + struct.pack("<i", 2**31 - 1)
    if older:
        path.write_bytes(path.read_bytes().replace(count, more))
    else:
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content.replace(count, more))
    assert "damaged" in refusal(path)
    with pytest.raises(InvalidCheckpointError, match="damaged"):
        load_pickled(path)


def test_counts_of_the_older_layout(tmp_path: Path) -> None:
    whole = write_legacy(tmp_path, NETWORK, older=True).read_bytes()
    name = NETWORK.state_dict()["encoder.0.conv.weight"]
    at = whole.index(struct.pack("<Q", name.numel()) + name.half().numpy().tobytes())
    path = tmp_path / "net.th"
    for count in (2**62, 2**40, name.numel() + 1, name.numel() - 1, 0):
        path.write_bytes(whole[:at] + struct.pack("<Q", count) + whole[at + 8 :])
        assert "damaged" in refusal(path) or "not in it" in refusal(path)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**40) + b'{"a":',
        struct.pack("<Q", 90_000_000) + b'{"a":',
        struct.pack("<Q", 2) + b"{}" + b"more",
        struct.pack("<Q", 16) + b'{"a": [[[[[[[[[[',
        struct.pack("<Q", 100_008) + b'{"a":' + b"[" * 100_003,
    ],
)
def test_headers_that_lie(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    refusal(path)
    refusal(path.rename(tmp_path / "net.bin"))


@pytest.mark.parametrize(
    ("dtype", "shape", "offsets"),
    [
        ("F32", [2**40], [0, 2**42]),
        ("F32", [1], [0, 4 * 2**40]),
        ("F32", [2**62, 4], [0, 4]),
        ("F32", [1], [4, 0]),
        ("F32", [-1], [0, 4]),
        ("Q1", [1], [0, 4]),
    ],
)
def test_tensors_that_lie(dtype: str, shape: list[int], offsets: list[int], tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert "damaged" in refusal(path)


# Text

ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)
)
YAML_CODE = [
    "!!python/object/apply:os.system ['touch MARKER']",
    "!!python/object/new:os.system ['touch MARKER']",
    "!!python/name:os.system ''",
    "!!python/module:antigravity ''",
    "!!python/object/apply:builtins.eval [\"open('MARKER', 'w')\"]",
]


@pytest.mark.parametrize(
    ("code", "key"),
    list(zip(YAML_CODE, ["models", "model", "audio", "training", "weights"], strict=True)),
)
def test_code_in_yaml(code: str, key: str, tmp_path: Path, marker: Path) -> None:
    code = code.replace("MARKER", str(marker))
    weights, config = write_roformer(tmp_path / "roformer")
    config.write_text(f"{key}: {code}\n" + ("" if key == "model" else config.read_text()))
    refusal(weights, config, named=config)
    bag, *_ = write_bag(tmp_path / "bag", "bag", [NETWORK])
    bag.write_text(f"models: [a]\n{key}: {code}\n" if key != "models" else f"models: {code}\n")
    refusal(bag)
    pair, hparams = write_pair(tmp_path_of(tmp_path, "pair"))
    hparams.write_text(f"{key}: {code}\n")
    refusal(pair, hparams, named=hparams)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    "text",
    [
        ALIASES + "model: *m\n",
        ALIASES + "model: {<<: [*m, *m]}\n",
        "model: " + "[" * 30_000,
        "model: " + "{a: " * 30_000,
        "model: 2020-99-99\n",
        "model: " + "9" * 10_000 + "\n",
        "model: {dim: 1, dim: " + "9" * 4_000 + "}\n",
        "model: &m\n  a: *m\n",
    ],
)
def test_yaml_that_would_take_all_memory_or_time(text: str, tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path / "roformer")
    config.write_text(text)
    refusal(weights, config, named=config)
    pair, hparams = write_pair(tmp_path_of(tmp_path, "pair"))
    hparams.write_text(text)
    refusal(pair, hparams, named=hparams)
    bag = tmp_path / "bag.yaml"
    bag.write_text(text.replace("model:", "models:"))
    refusal(bag)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"args": ' * 50_000, '{"args": NaN', "[]", '"args"']
)
def test_json_that_is_none(text: str, tmp_path: Path) -> None:
    files = write_open_unmix(tmp_path_of(tmp_path, "umx"))
    for name in ("bass.json", "separator.json"):
        path = next(file for file in files if file.name == name)
        good = path.read_text()
        path.write_text(text)
        target = next(file for file in files if file.name.startswith("bass-"))
        refusal(target, named=path)
        path.write_text(good)


def test_a_class_that_only_looks_like_a_known_one(tmp_path: Path, marker: Path) -> None:
    path = save(tmp_path / "net.th", legacy_package(NETWORK, klass=Evil))
    assert "pickles.Evil" in refusal(path)
    assert not marker.exists()
