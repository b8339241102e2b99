from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_open_unmix import STEMS, target_state, write_open_unmix, write_target
from torch import Tensor

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import build_network
from stemlift.models.formats.open_unmix import read_open_unmix
from stemlift.models.formats.tensors import load_pickled
from stemlift.models.spec import Network

State = dict[str, Tensor]


def refusal(files: list[Path]) -> str:
    with pytest.raises(StemliftError) as caught:
        read_open_unmix(files)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    return caught.value.message


def named(files: list[Path], start: str, suffix: str = ".pth") -> Path:
    return next(path for path in files if path.name.startswith(start) and path.suffix == suffix)


def test_a_published_model_is_read_with_all_it_says(tmp_path: Path) -> None:
    files = write_open_unmix(tmp_path, ("vocals", "other", "bass", "drums"), nhop=100)
    found = read_open_unmix(files)
    assert found.network is Network.OPEN_UNMIX
    assert found.stems == STEMS
    assert found.sample_rate == 44100
    assert found.warnings == ()
    assert found.config == {
        "targets": STEMS,
        "n_fft": 512,
        "hop": 100,
        "channels": 2,
        "hidden_size": 16,
        "layers": 3,
        "max_bin": 192,
        "unidirectional": False,
    }
    state = build_network(found).state_dict()
    wanted = load_pickled(named(files, "bass"))
    for name, tensor in wanted.items():
        torch.testing.assert_close(state[f"targets.1.{name}"], tensor, atol=0, rtol=0)


def test_the_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    files = write_open_unmix(tmp_path)
    assert read_open_unmix(files[::-1]).config == read_open_unmix(files).config


@pytest.mark.parametrize(
    ("nfft", "channels", "rate", "hop", "warnings"),
    [(4096, 2, 44100, 1024, 0), (1024, 1, 16000, 512, 0), (512, 2, None, 128, 1)],
)
def test_without_json_the_shapes_tell(
    tmp_path: Path, nfft: int, channels: int, rate: int | None, hop: int, warnings: int
) -> None:
    files = write_open_unmix(
        tmp_path, ("vocals",), nfft=nfft, channels=channels, hidden=8, with_json=False
    )
    found = read_open_unmix(files)
    assert found.sample_rate == rate
    assert found.config["hop"] == hop
    assert found.config["n_fft"] == nfft
    assert len(found.warnings) == warnings
    build_network(found)


def test_other_targets_come_in_the_order_of_the_alphabet(tmp_path: Path) -> None:
    files = write_open_unmix(tmp_path, ("vocals", "keys", "accompaniment"))
    found = read_open_unmix(files)
    assert found.stems == ("accompaniment", "keys", "vocals")
    build_network(found)


@pytest.mark.parametrize("name", ["speech_0123abcd.pth", "speech.pth"])
def test_other_ways_to_write_the_name_are_known(tmp_path: Path, name: str) -> None:
    (path,) = write_open_unmix(tmp_path, ("speech",), with_json=False)
    assert read_open_unmix([path.rename(tmp_path / name)]).stems == ("speech",)


def test_unidirectional_networks_are_known_by_their_tensors(tmp_path: Path) -> None:
    state = {
        name: tensor.repeat((2, 2)[: tensor.ndim]) if "lstm" in name else tensor
        for name, tensor in target_state("vocals").items()
        if not name.endswith("_reverse")
    }
    for name in [name for name in state if "weight_ih" in name]:
        state[name] = state[name][:, :16].contiguous()
    found = read_open_unmix([write_target(tmp_path, "vocals", state)])
    assert found.config["unidirectional"] is True
    build_network(found)


def test_what_older_versions_saved_beside_the_weights_is_left_out(tmp_path: Path) -> None:
    state = target_state("vocals")
    window = torch.hann_window(512)
    state |= {"stft.window": window, "transform.0.window": window}
    state["sample_rate"] = torch.tensor(22050.0)
    found = read_open_unmix([write_target(tmp_path, "vocals", state)])
    assert found.sample_rate == 22050
    build_network(found)


def without(name: str) -> Callable[[State], None]:
    return lambda state: state.__delitem__(name)


def becomes(name: str, tensor: Tensor) -> Callable[[State], None]:
    return lambda state: state.__setitem__(name, tensor)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without("bn2.bias"), "“bn2.bias” is missing"),
        (without("fc1.weight"), "“fc1.weight” is missing"),
        (without("lstm.bias_hh_l2_reverse"), "“lstm.bias_hh_l2_reverse” is missing"),
        (becomes("fc2.weight", torch.ones(16, 16)), r"“fc2.weight” has the shape (16, 16)"),
        (becomes("fc3.weight", torch.ones(3 * 257, 16)), "for 3 channels"),
        (becomes("output_mean", torch.ones(0)), "“output_mean” has the shape (0,)"),
        (becomes("input_mean", torch.ones(300)), "300 of 257 bins"),
        (becomes("fc4.weight", torch.ones(2)), "“fc4.weight” has no place"),
        (becomes("transform.1.window", torch.ones(2)), "“transform.1.window” has no place"),
        (becomes("bn1.weight", torch.full((16,), float("nan"))), "“bn1.weight” holds numbers"),
        (becomes("bn1.weight", torch.ones(16, dtype=torch.int64)), "not floating point"),
        (becomes("sample_rate", torch.tensor(float("inf"))), "“sample_rate” is no sensible"),
        (becomes("fc1.weight", torch.ones(1, 1).expand(2**20, 2**20)), "claim more than the file"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, change: Callable[[State], None], complaint: str
) -> None:
    files = write_open_unmix(tmp_path, STEMS)
    state = target_state("other")
    change(state)
    named(files, "other").unlink()
    bad = write_target(tmp_path, "other", state)
    message = refusal([path for path in files if path.exists()] + [bad])
    assert complaint in message
    assert str(bad) in message


def test_targets_of_several_sizes_are_refused(tmp_path: Path) -> None:
    files = write_open_unmix(tmp_path, ("drums", "bass"), with_json=False)
    odd = write_target(tmp_path, "vocals", target_state("vocals", hidden=12))
    message = refusal([*files, odd])
    assert str(odd) in message
    assert "hidden_size is 12, where that of “drums” is 16" in message


@pytest.mark.parametrize(
    ("file", "key", "value", "complaint"),
    [
        ("separator", "nfft", 1024, "“nfft” is 1024, where drums-"),
        ("separator", "nb_channels", 1, "“nb_channels” is 1, where"),
        ("separator", "sample_rate", "fast", "“sample_rate” is no sensible number: fast"),
        ("separator", "nhop", 1e300, "“nhop” is no sensible number"),
        ("separator", "nhop", 0, "“nhop” is no sensible number"),
        ("bass", "hidden_size", 512, "“hidden_size” is 512, where bass-"),
        ("bass", "nhop", 99, "“nhop” is 99, where"),
        ("bass", "unidirectional", True, "“unidirectional” is 1, where"),
    ],
)
def test_json_that_contradicts_the_weights_is_refused(
    tmp_path: Path, file: str, key: str, value: object, complaint: str
) -> None:
    files = write_open_unmix(tmp_path)
    path = named(files, file, ".json")
    content = json.loads(path.read_text(encoding="utf-8"))
    content.get("args", content)[key] = value
    path.write_text(json.dumps(content), encoding="utf-8")
    message = refusal(files)
    assert complaint in message
    assert str(path) in message


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b'{"args": 3}'])
def test_json_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    files = write_open_unmix(tmp_path)
    path = named(files, "vocals", ".json")
    path.write_bytes(content)
    assert str(path) in refusal(files)


def test_weights_that_are_not_there_are_missed(tmp_path: Path) -> None:
    files = write_open_unmix(tmp_path)
    settings = named(files, "other", ".json")
    message = refusal([path for path in files if not path.name.startswith("other-")])
    assert str(settings) in message
    assert "other-….pth" in message


def test_weights_that_come_twice_are_refused(tmp_path: Path) -> None:
    files = write_open_unmix(tmp_path)
    again = write_target(tmp_path, "bass", target_state("bass", seed=1))
    assert "is of the same target" in refusal([*files, again])


def test_a_stranger_among_the_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    assert "notes.txt" in refusal([*write_open_unmix(tmp_path), tmp_path / "notes.txt"])


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    files = write_open_unmix(tmp_path)
    path = named(files, "bass")
    os.truncate(path, int(kept * path.stat().st_size))
    assert str(path) in refusal(files)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {3: torch.ones(2)}, torch.ones(2)])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "vocals-01234567.pth"
    torch.save(content, path)
    assert str(path) in refusal([path])


class Attack:
    """Unpickled as it asks for, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.target,))


def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    path = tmp_path / "vocals-01234567.pth"
    torch.save({**target_state("vocals"), "more": Attack(made)}, path)
    assert str(path) in refusal([path])
    assert not made.exists()
    torch.load(path, weights_only=False)
    assert made.exists(), "the attack is a real one"
