"""Which files an import takes, by content and place, and what it says of all others."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pickles import write_legacy
from safetensors.torch import save_file
from tiny_band_split_rnn import write_channel, write_pair
from tiny_demucs import tiny_htdemucs, write_bag
from tiny_open_unmix import write_open_unmix
from tiny_roformer import roformer_sections, write_roformer, write_sections

from stemlift.errors import Reason, StemliftError
from stemlift.models.entry import ModelEntry
from stemlift.models.importing import Imported, ImportRequest, import_model, main
from stemlift.models.recognise import recognise

needs_pipes = pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders")


def refused(path: Path, config: Path | None = None) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        recognise(path, config)
    assert caught.value.exit_code == 2
    assert caught.value.remedy
    return caught.value


def imported(path: Path, home: Path, config: Path | None = None) -> Imported:
    request = ImportRequest(path=path, config=config, name="mine", folder=home)
    return import_model(request, lambda done, total: None)


# What is no regular file


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def a_socket(path: Path) -> Path:
    before = Path.cwd()
    # The names of sockets are short.
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)
    return path


def linked(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


@needs_pipes
@pytest.mark.parametrize("make", [pipe, a_socket, linked, a_folder])
def test_a_configuration_that_is_no_file(make: Callable[[Path], Path], tmp_path: Path) -> None:
    config = make(tmp_path / "net.yml")
    umx, bag = tmp_path / "umx", tmp_path / "bag"
    bag.mkdir()
    weights = (
        write_roformer(tmp_path / "roformer")[0],
        write_pair(bag)[0],
        write_open_unmix(umx)[0],
        write_legacy(bag, tiny_htdemucs()),
        umx,
    )
    for path in weights:
        error = refused(path, config)
        assert error.reason is Reason.FILE_UNREADABLE
        assert str(config) in error.message
        assert "folder" in error.message or "pipe" in error.message


@needs_pipes
@pytest.mark.parametrize("make", [pipe, a_socket, linked])
@pytest.mark.parametrize("name", ["separator.json", "bass.json", "more.pth", "bag.yaml"])
def test_a_folder_with_what_is_no_file(
    name: str, make: Callable[[Path], Path], tmp_path: Path
) -> None:
    for path in write_open_unmix(tmp_path):
        if path.name == name:
            path.unlink()
    error = refused(make(tmp_path / name).parent)
    assert error.reason is Reason.FILE_UNREADABLE
    assert str(tmp_path / name) in error.message


@needs_pipes
def test_a_pipe_where_a_file_is_looked_for(tmp_path: Path) -> None:
    for path in write_open_unmix(tmp_path):
        if path.suffix == ".json":
            path.unlink()
    pipe(tmp_path / "separator.json")
    target = next(tmp_path.glob("bass*.pth"))
    (tmp_path / "bag").mkdir()
    bag = tmp_path / "bag" / "one.yaml"
    bag.write_text("models: [abc]")
    pipe(tmp_path / "bag" / "abc-12345678.th")
    weights, config = write_roformer(tmp_path / "roformer")
    config.unlink()
    pipe(config)
    alone = pipe(tmp_path / "alone.ckpt")
    for path in (target, bag, weights, alone):
        assert refused(path).reason is Reason.FILE_UNREADABLE


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="is of Linux")
def test_a_file_that_fails_when_it_is_read_is_named() -> None:
    error = refused(Path("/proc/self/mem"))
    assert error.reason is Reason.FILE_UNREADABLE
    assert "/proc/self/mem" in error.message


# By content


def test_weights_of_any_name(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    state = torch.load(weights, weights_only=True)
    as_safetensors = weights.rename(tmp_path / "named.safetensors")
    as_ckpt = tmp_path / "named.ckpt"
    save_file(state, as_ckpt)
    for path in (as_safetensors, as_ckpt):
        assert recognise(path, config).files == (path, config)
    as_yaml = as_ckpt.rename(tmp_path / "wrong.yaml")
    assert recognise(as_yaml, config).files == (as_yaml, config)
    described = config.rename(tmp_path / "described.txt")
    assert recognise(as_yaml, described).files == (as_yaml, described)


def test_safetensors_of_the_other_networks(tmp_path: Path) -> None:
    pair, hparams = write_pair(tmp_path)
    save_file(torch.load(pair, weights_only=True), tmp_path / "vocals.safetensors")
    again = recognise(tmp_path / "vocals.safetensors", hparams)
    assert again.stems == recognise(pair, hparams).stems
    folder = tmp_path / "umx"
    target = next(path for path in write_open_unmix(folder) if path.name.startswith("bass"))
    save_file(torch.load(target, weights_only=True), tmp_path / "bass.safetensors")
    assert recognise(tmp_path / "bass.safetensors").stems == ("bass", "other")


# What a message says


def test_a_configuration_that_is_something_else(tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    folder = tmp_path / "pair"
    folder.mkdir()
    for weights in (write_roformer(tmp_path)[0], write_pair(folder)[0]):
        error = refused(weights, song)
        assert error.reason is Reason.CHECKPOINT_REFUSED
        said = f"The description {song} cannot be used: it is no YAML, but looks like a sound file."
        assert error.message == said
        assert "it is no YAML, but looks like" in refused(weights, weights).message


def test_a_faulty_yaml_is_no_weights(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    for text in ("audio: [1", "audio: {chunk_size: 2}"):
        config.write_text(text)
        assert refused(weights).message.startswith(f"The description {config} cannot be used")


def test_a_checkpoint_that_is_called_yaml(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    config.unlink()
    error = refused(weights.rename(tmp_path / "wrong.yaml"))
    assert error.reason is Reason.ARGUMENT_INVALID
    assert error.message.count("wrong.yaml") == 1


def test_a_segment_shorter_than_its_overlaps(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path / "given", chunk=1)
    error = refused(weights)
    assert error.reason is Reason.CHECKPOINT_REFUSED
    assert "audio.chunk_size" in error.message
    with pytest.raises(StemliftError) as caught:
        imported(weights, tmp_path / "imported", config)
    assert caught.value.message == error.message


def test_a_segment_that_no_job_would_take(tmp_path: Path) -> None:
    weights, _ = write_roformer(tmp_path, chunk=2**25)
    assert "longer than 300 s" in refused(weights).message


# Beside it


def test_the_hparams_beside_a_band_split_rnn(tmp_path: Path) -> None:
    weights, hparams = write_pair(tmp_path)
    assert recognise(weights).files == (weights, hparams)
    write_sections(tmp_path / "other.yaml", roformer_sections())
    trained = hparams.rename(tmp_path / "config.yaml")
    assert recognise(weights).files == (weights, trained)
    trained.unlink()
    assert "hparams.yaml" in refused(weights).message


def test_the_variant_beside_a_band_split_rnn(tmp_path: Path) -> None:
    weights, variant, general = write_channel(tmp_path, num_repeat=1)
    assert recognise(weights).files == (weights, variant, general)
    second = tmp_path / "second.yaml"
    second.write_bytes(variant.read_bytes())
    assert "there is no vocals.yaml" in refused(weights).message
    own = second.rename(tmp_path / "vocals.yaml")
    assert recognise(weights).files == (weights, own, general)


def test_a_folder_of_several_kinds(tmp_path: Path) -> None:
    bag, *members = write_bag(tmp_path, "mine", [tiny_htdemucs()])
    assert recognise(tmp_path).files == (bag, *members)
    other, _ = write_roformer(tmp_path)
    error = refused(tmp_path)
    assert error.reason is Reason.CHECKPOINT_UNKNOWN
    assert "several models" in error.message
    assert bag.name in error.message
    assert other.name in error.message
    for path in (bag, *members):
        path.unlink()
    write_open_unmix(tmp_path)
    assert other.name in refused(tmp_path).message


def test_of_a_folder_the_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "pair"
    weights, config = write_roformer(folder)
    (folder / "notes.txt").write_text("some notes")
    for path, said in (
        (folder, [f"Of this folder is taken: {weights.name}, {config.name}."]),
        (weights, []),
    ):
        request = {"path": str(path), "folder": str(tmp_path), "inspect_only": True}
        assert main(request, lambda done, total: None)["warnings"] == said


# What is kept


def test_the_entry_has_the_segment_of_the_checkpoint(tmp_path: Path) -> None:
    weights, _ = write_roformer(tmp_path / "given", chunk=16384)
    entry = imported(weights, tmp_path / "imported").entry
    assert entry is not None
    assert entry.segment == 16384
    stored = (tmp_path / "imported" / "mine" / "model.json").read_text()
    assert ModelEntry.model_validate_json(stored) == entry


def test_demucs_keeps_its_segment_to_itself(tmp_path: Path) -> None:
    entry = imported(write_legacy(tmp_path, tiny_htdemucs()), tmp_path / "imported").entry
    assert entry is not None
    assert entry.segment is None
