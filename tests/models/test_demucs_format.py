import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from tiny_demucs import (
    tiny_hdemucs,
    tiny_htdemucs,
    tiny_time_demucs,
    write_network,
    write_tensors,
)
from torch import Tensor, nn

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.demucs import load_demucs_safetensors


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("good") / "good.safetensors", tiny_htdemucs())


def parts(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(str(path), framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata())  # noqa: SIM118


def refusal(path: Path) -> str:
    with pytest.raises(StemliftError) as caught:
        load_demucs_safetensors(path)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert str(path) in caught.value.message
    assert caught.value.remedy
    return caught.value.message


def changed(good: Path, tmp_path: Path, **metadata: str) -> Path:
    tensors, old = parts(good)
    return write_tensors(tmp_path / "changed.safetensors", tensors, old | metadata)


@pytest.mark.parametrize("make", [tiny_htdemucs, tiny_hdemucs, tiny_time_demucs])
def test_a_published_file_loads_as_the_demucs_package_loads_it(
    make: Callable[..., nn.Module], tmp_path: Path
) -> None:
    from demucs.hf import load_safetensors_model

    path = write_network(tmp_path / "net.safetensors", make(seed=3))
    ours, theirs = load_demucs_safetensors(path), load_safetensors_model(path).eval()
    assert type(ours) is type(theirs)
    assert ours.segment == theirs.segment
    for key, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], tensor), key
    mix = torch.randn(1, 2, 5000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(ours(mix), theirs(mix))


def test_it_is_ready_for_inference(good: Path) -> None:
    network = load_demucs_safetensors(good)
    assert not any(module.training for module in network.modules())
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_loading_leaves_the_random_state_alone(good: Path) -> None:
    before = torch.get_rng_state()
    load_demucs_safetensors(good)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_structure_of_plain_tensors_is_taken(good: Path, tmp_path: Path) -> None:
    tensors, metadata = parts(good)
    structure = {"_dict": [[key, {"_tensor": f"state.{key}"}] for key in tensors]}
    path = write_tensors(
        tmp_path / "nested.safetensors",
        {f"state.{key}": tensor for key, tensor in tensors.items()},
        metadata | {"structure": json.dumps(structure)},
    )
    loaded = load_demucs_safetensors(path).state_dict()
    assert all(torch.equal(loaded[key], tensor.float()) for key, tensor in tensors.items())


def test_a_keyword_of_another_version_is_left_out_and_logged(
    good: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kwargs = json.loads(parts(good)[1]["kwargs"])
    path = changed(good, tmp_path, kwargs=json.dumps(kwargs | {"of_another_time": 1}))
    load_demucs_safetensors(path)
    assert "of_another_time" in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "demucs.states.load_model",
        "demucs.htdemucs.HTDemucs.__init__",
        "demucs.wdemucs.WDemucs",
        "trap.Trap",
        "",
    ],
)
def test_no_other_class_is_ever_called(
    good: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "executed"
    (tmp_path / "trap.py").write_text(f"open({str(marker)!r}, 'w')\nTrap = print\n")
    monkeypatch.syspath_prepend(tmp_path)
    code = f"open({str(marker)!r}, 'w')"
    pickled = tmp_path / "evil.th"
    pickled.write_bytes(pickle.dumps(_Evil(code)))
    argument = {"builtins.eval": code, "demucs.states.load_model": str(pickled)}
    args = [argument.get(name, f"touch {marker}")]
    path = changed(good, tmp_path, klass=name, args=json.dumps(args), kwargs="{}")
    assert "not a Demucs network" in refusal(path)
    assert not marker.exists()
    assert "trap" not in sys.modules


class _Evil:
    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, (self.code,))


@pytest.mark.parametrize("node", [{"_class": "trap.Trap"}, {"_tuple": []}, 1, None])
def test_a_structure_with_anything_else_is_refused(
    good: Path, tmp_path: Path, node: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "executed"
    (tmp_path / "trap.py").write_text(f"open({str(marker)!r}, 'w')\nTrap = print\n")
    monkeypatch.syspath_prepend(tmp_path)
    structure = {"_dict": [["__quantized", True], ["meta", node]]}
    for text in (json.dumps(structure), json.dumps(node)):
        path = changed(good, tmp_path, structure=text)
        assert "quantised" in refusal(path) or "structure" in refusal(path)
    assert not marker.exists()
    assert "trap" not in sys.modules


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("channels", 2**40),
        ("channels", 2**20),
        ("depth", 10**6),
        ("depth", "many"),
        ("t_layers", 10**5),
        ("dconv_depth", -1),
        ("sources", ["stem"] * 10**4),
        ("sources", "drums" * 1000),
        ("nfft", 2**19),
        ("segment", {"_type": "fraction", "numerator": 1, "denominator": 0}),
        ("segment", {"_type": "fraction", "numerator": 2**90, "denominator": 1}),
        ("segment", {"_type": "os.system", "numerator": 1, "denominator": 1}),
        ("multi_freqs", [[[[[0.5]]]]]),
        ("growth", float("inf")),
        ("t_heads", 7),
        ("freq_emb", {"a": 1}),
        ("channels", None),
    ],
)
def test_hostile_arguments_end_in_an_error_and_take_no_memory(
    good: Path, tmp_path: Path, key: str, value: object
) -> None:
    kwargs = json.loads(parts(good)[1]["kwargs"]) | {key: value}
    refusal(changed(good, tmp_path, kwargs=json.dumps(kwargs)))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("kwargs", "not json"),
        ("kwargs", "[" * 60_000),
        ("kwargs", "{" + " " * 70_000 + "}"),
        ("kwargs", "[]"),
        ("kwargs", "{}"),
        ("args", "3"),
        ("args", '["drums", 2, 3]'),
    ],
)
def test_arguments_that_are_none(good: Path, tmp_path: Path, field: str, text: str) -> None:
    refusal(changed(good, tmp_path, **{field: text}))


def _drop(state: dict[str, Tensor], key: str) -> None:
    del state[key]


def _grow(state: dict[str, Tensor], key: str) -> None:
    state[key] = torch.cat([state[key], state[key]])


def _poison(state: dict[str, Tensor], key: str) -> None:
    state[key] = torch.full_like(state[key], float("nan"))


def _retype(state: dict[str, Tensor], key: str) -> None:
    state[key] = state[key].to(torch.int32)


def _rename(state: dict[str, Tensor], key: str) -> None:
    state["somewhere.else"] = torch.zeros(3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop, "“encoder.0.conv.weight” is missing"),
        (_grow, "has the shape (8, 4, 8, 1) where (4, 4, 8, 1) is needed"),
        (_poison, "not finite"),
        (_retype, "“encoder.0.conv.weight” is not floating point"),
        (_rename, "“somewhere.else” has no place"),
    ],
)
def test_the_first_tensor_that_does_not_fit_is_named(
    good: Path, tmp_path: Path, change: Callable[[dict[str, Tensor], str], None], words: str
) -> None:
    tensors, metadata = parts(good)
    change(tensors, "encoder.0.conv.weight")
    assert words in refusal(write_tensors(tmp_path / "bad.safetensors", tensors, metadata))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_truncated_file(good: Path, tmp_path: Path, share: float) -> None:
    content = good.read_bytes()
    path = tmp_path / "short.safetensors"
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged" in refusal(path)


def test_a_pickle_under_that_name_is_not_unpickled(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    path = tmp_path / "net.safetensors"
    path.write_bytes(pickle.dumps(_Evil(f"open({str(marker)!r}, 'w')")))
    refusal(path)
    torch.save({"klass": _Evil(f"open({str(marker)!r}, 'w')")}, path)
    refusal(path)
    assert not marker.exists()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(position=st.integers(0, 4000), value=st.integers(0, 255))
def test_a_flipped_byte_in_the_header_is_an_error_or_harmless(
    good: Path, tmp_path: Path, position: int, value: int
) -> None:
    content = bytearray(good.read_bytes())
    content[position] = value
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(bytes(content))
    reasons = set()
    try:
        load_demucs_safetensors(path)
    except StemliftError as error:
        reasons.add(error.reason)
    assert reasons <= {Reason.CHECKPOINT_INVALID}
