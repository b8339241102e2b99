"""Checkpoints of a training: the network alone is taken, and no object of them is built."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pickles import Evil, touching
from tiny_band_split_rnn import GENERAL, write_channel, write_yaml
from torch import Tensor
from trainings import lightning_content, omegaconf_objects

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import build_network
from stemlift.models.formats.band_split_rnn import read_band_split_rnn
from stemlift.models.formats.lightning import read_trained
from stemlift.models.formats.tensors import InvalidCheckpointError

FOUR = ("vocals", "bass", "drums", "other")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    folders = [tmp_path_factory.mktemp(name) for name in ("drums", "four")]
    four = write_channel(folders[1], FOUR, num_repeat=1)
    return {"drums": write_channel(folders[0], ["drums"], num_repeat=1), "four": four}


@pytest.fixture
def drums(written: dict[str, list[Path]], tmp_path: Path) -> list[Path]:
    """drums.ckpt, bsrnn.yaml and config.yaml, to be changed at will."""
    return [Path(shutil.copy(path, tmp_path)) for path in written["drums"]]


@pytest.fixture
def four(written: dict[str, list[Path]], tmp_path: Path) -> list[Path]:
    """separator.ckpt, bsrnn.yaml and config.yaml, to be changed at will."""
    return [Path(shutil.copy(path, tmp_path)) for path in written["four"]]


def state_in(path: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def numbers(files: list[Path]) -> dict[str, Tensor]:
    return dict(build_network(read_band_split_rnn(files)).state_dict())


def require_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("older", [False, True])
def test_a_checkpoint_with_objects_of_its_training_is_the_same_model(
    older: bool, tmp_path: Path, drums: list[Path]
) -> None:
    files = drums
    plain = numbers(files)
    with omegaconf_objects() as made:
        content = lightning_content(state_in(files[0]), made, targets=made.list("drums"))
        torch.save(content, files[0], _use_new_zipfile_serialization=not older)
    assert not any(name.startswith("omegaconf") for name in sys.modules)
    # The settings name the stem, where the file's name does not.
    renamed = files[0].rename(tmp_path / "epoch7.ckpt")
    checkpoint = read_band_split_rnn([renamed, *files[1:]])
    assert checkpoint.stems == ("drums",)
    assert checkpoint.warnings == ()
    require_same(dict(build_network(checkpoint).state_dict()), plain)


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_order_of_several_stems_is_that_of_the_training(wrapped: bool, tmp_path: Path) -> None:
    trained = ("other", "bass")
    files = write_channel(tmp_path, trained, num_repeat=1)
    with omegaconf_objects() as made:
        targets: Any = made.list(*trained) if wrapped else list(trained)
        torch.save(lightning_content(state_in(files[0]), made, targets=targets), files[0])
    checkpoint = read_band_split_rnn(files)
    assert checkpoint.stems == trained
    assert checkpoint.warnings == ()


@pytest.mark.parametrize("targets", [[1, 2, 3, 4], ["vocals"]])
def test_settings_that_name_other_stems_than_there_are_name_none(
    targets: object, four: list[Path]
) -> None:
    files = four
    torch.save(lightning_content(state_in(files[0]), targets=targets), files[0])
    checkpoint = read_band_split_rnn(files)
    assert checkpoint.stems == FOUR
    assert any("order" in warning for warning in checkpoint.warnings)


def test_what_the_optimizer_left_is_not_read(drums: list[Path]) -> None:
    files = drums
    plain = numbers(files)
    trained = lightning_content(state_in(files[0]))
    torch.save(trained, files[0])
    moment = trained["optimizer_states"][0]["state"][5]["exp_avg"].numpy().tobytes()
    content = files[0].read_bytes()
    assert content.count(moment) == 1
    files[0].write_bytes(content.replace(moment, bytes(len(moment))))
    require_same(numbers(files), plain)


def test_damaged_numbers_of_the_network_are_refused(drums: list[Path]) -> None:
    files = drums
    weight = state_in(files[0])["BN.3.1.weight"].numpy().tobytes()
    content = files[0].read_bytes()
    files[0].write_bytes(content.replace(weight, bytes(len(weight))))
    with pytest.raises(InvalidCheckpointError, match="damaged"):
        numbers(files)


def test_weights_that_share_a_block_get_numbers_of_their_own(drums: list[Path]) -> None:
    files = drums
    state = state_in(files[0])
    layer = [name for name in state if ".lstm" in name or "main_layer" in name]
    assert len(layer) == 16
    block = torch.cat([state[name].flatten() for name in layer])
    plain = numbers(files)
    for name, part in zip(layer, block.split([state[name].numel() for name in layer]), strict=True):
        state[name] = part.view(state[name].shape)
    torch.save({"state_dict": state}, files[0])
    with zipfile.ZipFile(files[0]) as archive:
        assert block.nbytes in [entry.file_size for entry in archive.infolist()]
    read = numbers(files)
    require_same(read, plain)
    # None holds on to the whole block, which would be there once for each of them.
    assert all(each.untyped_storage().nbytes() == each.nbytes for each in read.values())


@pytest.mark.parametrize(
    ("place", "older"),
    [
        ("state_dict", False),
        ("hyper_parameters", False),
        ("hyper_parameters", True),
        ("beside", False),
    ],
)
def test_code_among_the_settings_is_refused_and_not_run(
    place: str, older: bool, tmp_path: Path, drums: list[Path]
) -> None:
    files = drums
    marker = tmp_path / "executed"
    with omegaconf_objects() as made:
        content: dict[str, Any] = lightning_content(state_in(files[0]), made, targets="drums")
        content.setdefault(place, {})["evil"] = touching(marker)
        torch.save(content, files[0], _use_new_zipfile_serialization=not older)
    with pytest.raises(StemliftError) as caught:
        read_band_split_rnn(files)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert "eval" in caught.value.message
    assert str(files[0]) in caught.value.message
    assert not marker.exists()


def test_a_known_name_with_an_unknown_use_runs_nothing(tmp_path: Path) -> None:
    # Were it built, the list would be empty; were the call made, it would fail.
    state = {"a": Evil(torch.optim.Adam, [1, 2, 3])}
    torch.save({"state_dict": state}, tmp_path / "a.ckpt")
    with pytest.raises(InvalidCheckpointError, match="“a” in its state dict is no tensor"):
        read_trained(tmp_path / "a.ckpt")


def test_the_published_configurations_need_nothing_beside_them(drums: list[Path]) -> None:
    files = drums
    values = yaml.safe_load(files[1].read_text(encoding="utf-8"))
    general = {key: value for key, value in GENERAL.items() if key != "eval"}
    write_yaml(files[1], values)
    write_yaml(files[2], general)
    checkpoint = read_band_split_rnn(files)
    # Ten seconds and a tenth of that at either end, as the published default has it.
    assert checkpoint.segment == 12 * 44100
    assert checkpoint.overlap == pytest.approx(1 / 12)
