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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pickles import Evil, legacy_package, save, touching, write_legacy
from safetensors.torch import load_file, save_file
from tiny_band_split_rnn import write_pair
from tiny_demucs import tiny_htdemucs, write_bag, write_network
from tiny_open_unmix import write_open_unmix
from tiny_roformer import write_roformer

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.tensors import InvalidCheckpointError, load_pickled
from stemlift.models.importing import ImportRequest, import_model
from stemlift.models.recognise import recognise

REFUSALS = (Reason.CHECKPOINT_REFUSED, Reason.CHECKPOINT_UNKNOWN)


def refusal(path: Path, config: Path | None = None, named: Path | None = None) -> str:
    """The message about `named`, the file with the fault: by default, `path`."""
    with pytest.raises(StemliftError) as caught:
        recognise(path, config)
    assert caught.value.reason in REFUSALS
    assert str(named or path) in caught.value.message
    assert caught.value.remedy
    return caught.value.message


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


# Damage


def demucs_file(folder: Path) -> tuple[Path, Path | None]:
    return write_network(folder / "net.safetensors", NETWORK), None


def legacy_file(folder: Path) -> tuple[Path, Path | None]:
    return write_legacy(folder, NETWORK).rename(folder / "net.th"), None


def older_file(folder: Path) -> tuple[Path, Path | None]:
    path = write_legacy(folder, NETWORK, older=True)
    return path.rename(folder / "old.th"), None


def open_unmix_file(folder: Path) -> tuple[Path, Path | None]:
    return next(p for p in write_open_unmix(folder) if p.name.startswith("bass-")), None


def own_file(folder: Path) -> tuple[Path, Path | None]:
    weights, config = write_roformer(folder / "roformer")
    request = ImportRequest(path=weights, config=config, name="mine", folder=folder / "imported")
    import_model(request, lambda done, total: None)
    return folder / "imported" / "mine" / "weights.safetensors", None


def pair_file(folder: Path) -> tuple[Path, Path | None]:
    weights, hparams = write_pair(folder)
    return weights, hparams


def roformer_safetensors(folder: Path) -> tuple[Path, Path | None]:
    weights, config = write_roformer(folder)
    path = weights.with_suffix(".safetensors")
    save_file(torch.load(weights, weights_only=True), path)
    return path, config


MAKERS: list[Callable[[Path], tuple[Path, Path | None]]] = [
    demucs_file,
    legacy_file,
    older_file,
    open_unmix_file,
    own_file,
    pair_file,
    lambda folder: write_roformer(folder),
    roformer_safetensors,
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_file_that_was_cut_short(
    make: Callable[[Path], tuple[Path, Path | None]], tmp_path: Path
) -> None:
    path, config = make(tmp_path)
    recognise(path, config)
    whole = path.read_bytes()
    for size in (0, 1, 7, 9, 100, 600, len(whole) // 3, len(whole) * 9 // 10, len(whole) - 1):
        path.write_bytes(whole[:size])
        refusal(path, config)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, Path | None, bytes]]:
    found = {}
    for number, make in enumerate(MAKERS):
        path, config = make(tmp_path_factory.mktemp("made"))
        found[number] = (path, config, path.read_bytes())
    return found


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    which=st.integers(0, len(MAKERS) - 1),
    places=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
    early=st.booleans(),
)
def test_changed_bytes_are_an_error_or_harmless(
    made: dict[int, tuple[Path, Path | None, bytes]],
    which: int,
    places: list[tuple[float, int]],
    early: bool,
) -> None:
    path, config, whole = made[which]
    content = bytearray(whole)
    for share, value in places:
        content[int(share * (min(3000, len(whole)) if early else len(whole)))] = value
    path.write_bytes(bytes(content))
    reasons = set()
    try:
        recognise(path, config)
    except StemliftError as error:
        reasons.add(error.reason)
    assert reasons <= {*REFUSALS, Reason.ARGUMENT_INVALID}


def state_of(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        return load_file(path)
    return dict(torch.load(path, weights_only=True))


def change_state(path: Path, change: Callable[[dict[str, torch.Tensor], str], None]) -> str:
    """Write the file anew with its first large tensor changed; returns that one's name."""
    package: dict[str, Any] | None = None
    if path.suffix == ".th":
        package = legacy_package(NETWORK)
        state = package["state"]
    else:
        state = state_of(path)
    name = next(key for key in state if state[key].dim() > 1)
    change(state, name)
    if package is not None:
        torch.save(package, path)
    else:
        torch.save(state, path)
    return name


def _drop(state: dict[str, torch.Tensor], name: str) -> None:
    del state[name]


def _grow(state: dict[str, torch.Tensor], name: str) -> None:
    state[name] = torch.cat([state[name], state[name]], 1)


def _poison(state: dict[str, torch.Tensor], name: str) -> None:
    state[name] = torch.full_like(state[name], float("nan"))


def _retype(state: dict[str, torch.Tensor], name: str) -> None:
    state[name] = state[name].to(torch.int32)


def _more(state: dict[str, torch.Tensor], name: str) -> None:
    state[f"{name}.of_another_network"] = torch.zeros(3)


@pytest.mark.parametrize("change", [_drop, _grow, _poison, _retype, _more])
@pytest.mark.parametrize(
    "make", [legacy_file, open_unmix_file, pair_file, lambda folder: write_roformer(folder)]
)
def test_the_first_mismatch_is_named(
    make: Callable[[Path], tuple[Path, Path | None]],
    change: Callable[[dict[str, torch.Tensor], str], None],
    tmp_path: Path,
) -> None:
    path, config = make(tmp_path)
    name = change_state(path, change)
    assert f"{name}" in refusal(path, config) or change is _grow


def test_weights_of_another_architecture_than_the_yaml(tmp_path: Path) -> None:
    bs, bs_yaml = write_roformer(tmp_path, "bs")
    mel, mel_yaml = write_roformer(tmp_path, "mel")
    pair, hparams = write_pair(tmp_path)
    for weights, config in ((bs, mel_yaml), (mel, bs_yaml), (bs, hparams), (pair, bs_yaml)):
        with pytest.raises(StemliftError) as caught:
            recognise(weights, config)
        assert caught.value.reason is Reason.CHECKPOINT_REFUSED
        assert config.name in caught.value.message or weights.name in caught.value.message


def test_a_class_that_only_looks_like_a_known_one(tmp_path: Path, marker: Path) -> None:
    path = save(tmp_path / "net.th", legacy_package(NETWORK, klass=Evil))
    assert "pickles.Evil" in refusal(path)
    assert not marker.exists()
