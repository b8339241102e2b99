import json
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from pickles import Evil, legacy_package, save, touching, write_legacy
from safetensors import safe_open
from tiny_demucs import tiny_hdemucs, tiny_htdemucs, tiny_time_demucs
from torch import nn

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.demucs import load_demucs_safetensors
from stemlift.models.formats.demucs_legacy import convert_legacy, load_legacy, read_legacy


def refusal(path: Path, target: Path) -> str:
    with pytest.raises(StemliftError) as caught:
        convert_legacy(path, target)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert str(path) in caught.value.message
    assert caught.value.remedy
    assert not target.exists()
    assert list(target.parent.glob(".*")) == []
    return caught.value.message


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        tiny_htdemucs,
        tiny_hdemucs,
        tiny_time_demucs,
        lambda seed: tiny_time_demucs(seed, resample=True, lstm_layers=1, normalize=True),
        lambda seed: tiny_time_demucs(seed, normalize=False, depth=3, sources=["vocals", "rest"]),
    ],
)
def test_a_converted_file_gives_what_the_demucs_package_gives(
    make: Callable[..., nn.Module], older: bool, tmp_path: Path
) -> None:
    from demucs.states import load_model

    th = write_legacy(tmp_path, make(seed=3), older=older)
    theirs = load_model(th).eval()
    convert_legacy(th, tmp_path / "out" / "net.safetensors")
    ours = load_demucs_safetensors(tmp_path / "out" / "net.safetensors")
    assert type(ours) is type(theirs)
    assert ours.segment == theirs.segment
    mix = torch.randn(1, 2, 5000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = theirs(mix)
        assert torch.equal(ours(mix), wanted)
        assert torch.equal(load_legacy(th).network(mix), wanted)
    assert wanted.abs().max() > 0.01


def test_numbers_keep_their_precision(tmp_path: Path) -> None:
    network = tiny_htdemucs()
    convert_legacy(write_legacy(tmp_path, network), tmp_path / "net.safetensors")
    with safe_open(str(tmp_path / "net.safetensors"), framework="pt") as file:
        metadata = file.metadata()
        for name, value in network.state_dict().items():
            assert torch.equal(file.get_tensor(name), value.half())
    assert metadata["klass"] == "demucs.htdemucs.HTDemucs"
    assert json.loads(metadata["kwargs"])["segment"] == {
        "_type": "fraction",
        "numerator": 1,
        "denominator": 2,
    }


def test_the_class_by_its_name_of_the_contest(
    tmp_path: Path, named: Callable[[str, str], type]
) -> None:
    th = save(tmp_path / "net.th", legacy_package(tiny_hdemucs()))
    content = th.read_bytes()
    assert content.count(b"cdemucs.hdemucs\nHDemucs\n") == 1
    package = legacy_package(tiny_hdemucs(), klass=named("demucs.wdemucs", "WDemucs"))
    renamed = save(tmp_path / "renamed.th", package)
    assert b"cdemucs.wdemucs\nWDemucs\n" in renamed.read_bytes()
    assert read_legacy(renamed).metadata["klass"] == "demucs.hdemucs.HDemucs"


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], type]:
    """Makes a class that pickles under another's name, of a module that need not be there."""

    def make(module: str, name: str) -> type:
        cls = type(name, (), {"__module__": module, "__qualname__": name})
        fake = ModuleType(module)
        setattr(fake, name, cls)
        monkeypatch.setitem(sys.modules, module, fake)
        return cls

    return make


def test_published_arguments(tmp_path: Path) -> None:
    """Positional sources, an ordered state with attributes, and settings of the training."""
    network = tiny_htdemucs(segment=Fraction(39, 5))
    network._init_args_kwargs = ((["drums", "bass", "other", "vocals"],), dict(SHORT))
    state = OrderedDict((name, value.half()) for name, value in network.state_dict().items())
    state._metadata = OrderedDict(version=1)  # type: ignore[attr-defined]
    th = write_legacy(
        tmp_path,
        network,
        state=state,
        training_args={"path": Path("conf"), "nested": [{"a": (1, 2.5, None, True)}] * 3},
    )
    assert load_legacy(th).network.segment == Fraction(39, 5)


SHORT: dict[str, Any] = {
    "channels": 4,
    "depth": 3,
    "nfft": 512,
    "dconv_comp": 2,
    "dconv_mode": 3,
    "bottom_channels": 16,
    "t_layers": 1,
    "t_heads": 2,
    "segment": Fraction(39, 5),
}


def test_a_keyword_of_another_version_is_named(tmp_path: Path) -> None:
    package = legacy_package(tiny_htdemucs())
    kwargs = package["kwargs"] | {"of_another_time": 1}
    read = load_legacy(write_legacy(tmp_path, tiny_htdemucs(), kwargs=kwargs))
    (warning,) = read.warnings
    assert "of_another_time" in warning


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("place", ["klass", "args", "kwargs", "state", "training_args", "more"])
def test_nothing_of_it_is_run(tmp_path: Path, place: str, older: bool) -> None:
    marker = tmp_path / "executed"
    value: Any = touching(marker)
    if place in ("kwargs", "state"):
        value = legacy_package(tiny_htdemucs())[place] | {"evil": value}
    th = write_legacy(tmp_path, tiny_htdemucs(), older=older, **{place: value})
    message = refusal(th, tmp_path / "out" / "net.safetensors")
    assert "it asks to run “builtins.eval”" in message
    assert not marker.exists()


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (subprocess.call, (["true"],)),
        (torch.load, ("other.th",)),
        (torch.hub.load, ("owner/name", "model")),
        (getattr, ("text", "join")),
        (nn.Linear, (2**20, 2**20)),
        (bytearray, (2**40,)),
    ],
)
def test_other_calls(tmp_path: Path, function: Any, arguments: tuple[Any, ...]) -> None:
    th = write_legacy(tmp_path, tiny_htdemucs(), training_args=Evil(function, *arguments))
    assert "it asks to run" in refusal(th, tmp_path / "out" / "net.safetensors")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"klass": nn.Linear}, "torch.nn.modules.linear.Linear"),
        ({"klass": "demucs.htdemucs.HTDemucs"}, "its class is a str"),
        ({"args": 3}, "arguments"),
        ({"args": [list(range(100))]}, "“args” is not a plain value"),
        ({"kwargs": {"channels": 2**40, "sources": ["a"]}}, "“channels”"),
        ({"kwargs": {"sources": ["a"], "segment": Fraction(1, 2**30)}}, "fraction"),
        ({"state": {}}, "is missing"),
        ({"state": {"__quantized": True}}, "it is quantised (diffq)"),
        ({"state": {"a": 1}}, "“a” is not a tensor"),
        ({"state": [1]}, "not a dictionary"),
    ],
)
def test_what_is_no_demucs_network(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    th = write_legacy(tmp_path, tiny_htdemucs(), **changes)
    with pytest.raises(StemliftError) as caught:
        load_legacy(th)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert words in caught.value.message
    assert th.name in caught.value.message


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("demucs.model", "Demucs", "Demucs v2"),
        ("demucs.apply", "BagOfModels", "not a Demucs network"),
    ],
)
def test_other_classes_of_the_demucs_package(
    tmp_path: Path, named: Callable[[str, str], type], module: str, name: str, words: str
) -> None:
    th = write_legacy(tmp_path, tiny_htdemucs(), klass=named(module, name))
    with pytest.raises(StemliftError) as caught:
        load_legacy(th)
    assert words in caught.value.message
    assert f"{module}.{name}" in caught.value.message


def test_the_checksum_in_the_name(tmp_path: Path) -> None:
    th = write_legacy(tmp_path, tiny_htdemucs())
    other = th.rename(tmp_path / "955717e8-00000000.th")
    assert "its checksum is" in refusal(other, tmp_path / "out" / "net.safetensors")
    plain = other.rename(tmp_path / "my-own.th")
    convert_legacy(plain, tmp_path / "out" / "net.safetensors")


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.0005, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, share: float, older: bool) -> None:
    whole = write_legacy(tmp_path, tiny_htdemucs(), older=older).read_bytes()
    path = tmp_path / "short.th"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "damaged" in refusal(path, tmp_path / "out" / "net.safetensors")


def test_a_changed_number(tmp_path: Path) -> None:
    """The zip layout has a checksum of every tensor."""
    network = tiny_htdemucs()
    content = bytearray(write_legacy(tmp_path, network).read_bytes())
    number = network.state_dict()["encoder.1.conv.weight"].half().numpy().tobytes()
    content[content.index(number)] ^= 1
    path = tmp_path / "changed.th"
    path.write_bytes(bytes(content))
    assert "damaged" in refusal(path, tmp_path / "out" / "net.safetensors")
