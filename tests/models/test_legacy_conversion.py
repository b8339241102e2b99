"""A legacy checkpoint among a model's files: turned into a safetensors file beside it."""

import threading
from pathlib import Path

import pytest
import torch
from pickles import write_legacy
from tiny_demucs import STEMS, tiny_htdemucs

from stemlift.errors import Reason, StemliftError
from stemlift.models import loader
from stemlift.models.cachefiles import RepositoryFolder
from stemlift.models.entry import FileEntry, ModelEntry
from stemlift.models.formats.writing import write_safetensors
from stemlift.models.loader import load_model
from stemlift.models.spec import Network, Origin
from stemlift.models.store import ModelStore

NETWORK = tiny_htdemucs()
SPEC = ModelEntry(
    name="old",
    network=Network.DEMUCS,
    stems=tuple(STEMS),
    repository="some/old",
    files=(FileEntry(name="net.th"),),
).spec(Origin.USER)


def put(models: Path, shift: float) -> Path:
    """The legacy file of `SPEC`, all its numbers moved by `shift`."""
    state = {name: value.half() + shift for name, value in NETWORK.state_dict().items()}
    snapshot = RepositoryFolder(models, "some/old").snapshot("main")
    snapshot.mkdir(parents=True, exist_ok=True)
    return write_legacy(models.parent / "made", NETWORK, state=state).replace(snapshot / "net.th")


def first_number(models: Path) -> float:
    model = load_model(SPEC, ModelStore(models, offline=True), lambda *_: None, lambda: False)
    return float(next(model.members[0].network.parameters()).flatten()[0])


def test_converted_once_and_again_for_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted: list[Path] = []
    convert = loader.convert_legacy
    monkeypatch.setattr(
        loader, "convert_legacy", lambda th, to: (converted.append(th), convert(th, to))
    )
    th = put(tmp_path / "models", 0.0)
    before = first_number(tmp_path / "models")
    assert first_number(tmp_path / "models") == before
    assert converted == [th]
    put(tmp_path / "models", 1.0)
    assert first_number(tmp_path / "models") == pytest.approx(before + 1, abs=1e-2)
    assert converted == [th, th]


def test_a_conversion_that_cannot_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(th: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loader, "convert_legacy", full)
    put(tmp_path / "models", 0.0)
    with pytest.raises(StemliftError) as caught:
        first_number(tmp_path / "models")
    assert caught.value.reason is Reason.WRITE_FAILED
    assert "net.th" in caught.value.message
    assert "No space left" in caught.value.message


def test_what_was_converted_goes_with_its_model(tmp_path: Path) -> None:
    th = put(tmp_path / "models", 0.0)
    first_number(tmp_path / "models")
    assert th.with_suffix(".safetensors").is_file()
    ModelStore(tmp_path / "models").remove(SPEC)
    assert not th.parent.exists()


def test_two_that_write_the_same_file(tmp_path: Path) -> None:
    failures: list[OSError] = []

    def write() -> None:
        try:
            for _ in range(20):
                write_safetensors(tmp_path / "net.safetensors", {"a": torch.zeros(50_000)}, {})
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]
