import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.native import is_native, read_native, write_native
from stemlift.models.formats.tensors import InvalidCheckpointError, stored_tensor
from stemlift.models.loaded import Seams
from stemlift.models.spec import Network

SHARED = torch.arange(12, dtype=torch.float32)
TENSORS = {
    "half": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).half(),
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "counter": torch.tensor(7),
    "one": SHARED[:4],
    "other": SHARED[4:],
}


def checkpoint(**changes: Any) -> Checkpoint:
    values: dict[str, Any] = {
        "network": Network.BS_ROFORMER,
        "config": {"dim": 8, "bands": [2, 3], "mask": {"depth": 1, "gain": 0.1}, "flag": None},
        "tensors": {name: stored_tensor(tensor) for name, tensor in TENSORS.items()},
        "stems": ("vocals", "Lead Gitarre ü"),
        "complement": "rest",
        "sample_rate": 44100,
        "segment": 352_800,
        "overlap": 0.75,
        "seams": Seams.FADES,
        "normalise": True,
        "warnings": ("It asks for “x”.",),
    }
    return Checkpoint(**values | changes)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "net.safetensors"
    write_native(path, checkpoint())
    assert is_native(path)
    read = read_native(path)
    given = checkpoint()
    for field in Checkpoint.__dataclass_fields__:
        if field != "tensors":
            assert getattr(read, field) == getattr(given, field), field
    assert set(read.tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert read.tensors[name].shape == tuple(tensor.shape)
        assert read.tensors[name].floating == tensor.is_floating_point()
        value = read.tensors[name].read()
        assert value.dtype == tensor.dtype
        assert torch.equal(value, tensor)


def test_what_a_file_does_not_say_stays_unsaid(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    write_native(path, Checkpoint(Network.OPEN_UNMIX, {}, {}))
    assert read_native(path) == Checkpoint(Network.OPEN_UNMIX, {}, {})


def test_whole_or_absent(tmp_path: Path) -> None:
    def fail() -> torch.Tensor:
        raise InvalidCheckpointError("it is cut short")

    broken = stored_tensor(torch.zeros(1))
    broken = type(broken)(broken.shape, broken.floating, fail)
    for given in (checkpoint(tensors={"a": broken}), checkpoint(config={"a": float("nan")})):
        with pytest.raises(InvalidCheckpointError):
            write_native(tmp_path / "net.safetensors", given)
    assert list(tmp_path.iterdir()) == []


def written(path: Path, **changes: Any) -> Path:
    """A file with a description that is wrong in one respect."""
    write_native(path, checkpoint())
    with safe_open(str(path), framework="pt") as file:
        metadata = dict(file.metadata())
    description = json.loads(metadata["checkpoint"]) | changes
    save_file({"a": torch.zeros(1)}, path, metadata | {"checkpoint": json.dumps(description)})
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": "unheard_of"}, "“network”"),
        ({"config": []}, "“config”"),
        ({"stems": [1]}, "“stems.0”"),
        ({"sample_rate": -1}, "“sample_rate”"),
        ({"segment": 2**40}, "“segment”"),
        ({"overlap": 1.0}, "“overlap”"),
        ({"extra": 1}, "“extra”"),
    ],
)
def test_the_first_wrong_field_is_named(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    path = written(tmp_path / "net.safetensors", **changes)
    with pytest.raises(StemliftError) as caught:
        read_native(path)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert words in caught.value.message
    assert str(path) in caught.value.message


def test_of_a_later_version(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({}, path, {"format": "stemlift", "version": "2", "checkpoint": "{}"})
    assert is_native(path)
    with pytest.raises(StemliftError, match="“version”"):
        read_native(path)


def test_other_files_are_not_native(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    assert not is_native(path)
    path.write_bytes(b"PK\x03\x04 something else")
    assert not is_native(path)
    with pytest.raises(FileNotFoundError):
        is_native(tmp_path / "absent")
