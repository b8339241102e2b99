import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pickles import write_legacy
from tiny_band_split_rnn import write_channel, write_pair
from tiny_demucs import (
    STEMS,
    identity,
    tiny_hdemucs,
    tiny_htdemucs,
    tiny_time_demucs,
    write_bag,
    write_network,
)
from tiny_open_unmix import write_open_unmix
from tiny_roformer import write_roformer

from stemlift.errors import Reason, StemliftError
from stemlift.models.child import run_child
from stemlift.models.entry import ModelEntry
from stemlift.models.importing import LICENCE, Imported, ImportRequest, import_model
from stemlift.models.loaded import LoadedModel
from stemlift.models.loader import load_model
from stemlift.models.place import ModelPlace
from stemlift.models.recognise import Recognised, recognise
from stemlift.models.spec import Network, Origin


def ignore(done: int, total: int) -> None:
    pass


def run(path: Path, home: Path, config: Path | None = None, **changes: Any) -> Imported:
    asked: dict[str, Any] = {"path": path, "config": config, "name": "mine", "folder": home}
    return import_model(ImportRequest(**asked | changes), ignore)


class _Here:
    """A store of what lies in the folder of an import."""

    def fetch(self, spec: Any, progress: Any, cancelled: Any) -> Any:
        return ModelPlace.of(Path("nowhere"), spec).find()


def load(home: Path, name: str = "mine") -> LoadedModel:
    entry = ModelEntry.model_validate_json((home / name / "model.json").read_text())
    spec = entry.spec(Origin.IMPORTED, folder=home / name)
    return load_model(spec, _Here(), ignore, lambda: False)  # type: ignore[arg-type]


def weights(model: LoadedModel) -> list[dict[str, torch.Tensor]]:
    return [member.network.state_dict() for member in model.members]


def legacy_time(folder: Path) -> Path:
    return write_legacy(folder, tiny_time_demucs(resample=True, lstm_layers=1))


def roformer(folder: Path) -> Path:
    return write_roformer(folder)[0]


def mel_by_its_yaml(folder: Path) -> Path:
    return write_roformer(folder, "mel", target="vocals")[1]


def open_unmix(folder: Path) -> Path:
    write_open_unmix(folder)
    return folder


def one_target(folder: Path) -> Path:
    return next(path for path in write_open_unmix(folder) if path.name.startswith("bass-"))


def separator_json(folder: Path) -> Path:
    return next(path for path in write_open_unmix(folder) if path.name == "separator.json")


def channel_folder(folder: Path) -> Path:
    write_channel(folder, num_repeat=1)
    return folder


CASES: list[tuple[Callable[[Path], Path], Network, tuple[str, ...], str]] = [
    (lambda f: write_legacy(f, tiny_htdemucs()), Network.DEMUCS, STEMS, ".th"),
    (lambda f: write_legacy(f, tiny_hdemucs(), older=True), Network.DEMUCS, STEMS, ".th"),
    (legacy_time, Network.DEMUCS, STEMS, ".th"),
    (lambda f: write_network(f / "x.bin", tiny_htdemucs()), Network.DEMUCS, STEMS, "Demucs"),
    (roformer, Network.BS_ROFORMER, ("vocals", "other"), "BS-RoFormer checkpoint with its YAML"),
    (mel_by_its_yaml, Network.MEL_BAND_ROFORMER, ("vocals", "other"), "Mel-Band RoFormer"),
    (open_unmix, Network.OPEN_UNMIX, STEMS, "Open-Unmix"),
    (separator_json, Network.OPEN_UNMIX, STEMS, "Open-Unmix"),
    (one_target, Network.OPEN_UNMIX, ("bass", "other"), "Open-Unmix"),
    (channel_folder, Network.BAND_SPLIT_RNN, ("vocals", "other"), "Band-Split RNN"),
]


@pytest.fixture
def given(tmp_path: Path) -> Path:
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("make", "network", "stems", "words"), CASES)
def test_each_format_is_recognised_imported_and_loads(
    make: Callable[[Path], Path],
    network: Network,
    stems: tuple[str, ...],
    words: str,
    given: Path,
    tmp_path: Path,
) -> None:
    done = run(make(given), tmp_path / "imported")
    found = done.recognised
    assert (found.network, found.stems, found.sample_rate) == (network, stems, 44100)
    assert words in found.format
    assert found.parameters > 100
    assert found.size == sum(path.stat().st_size for path in found.files)
    assert {path.parent for path in found.files} == {given}
    model = load(tmp_path / "imported")
    assert model.spec.stems == stems
    assert model.spec.licence == LICENCE
    assert model.spec.commercial_use is None
    folder = tmp_path / "imported" / "mine"
    assert {path.name for path in folder.iterdir()} == {"weights.safetensors", "model.json"}
    (file,) = model.spec.files
    assert file.size == (folder / file.name).stat().st_size
    assert len(file.sha256 or "") == 64
    counted = sum(value.numel() for each in model.members for value in each.network.parameters())
    assert counted == found.parameters


@pytest.mark.parametrize("make", [roformer, open_unmix])
def test_its_own_file_imports_again_and_is_the_same(
    make: Callable[[Path], Path], given: Path, tmp_path: Path
) -> None:
    home = tmp_path / "imported"
    first = run(make(given), home)
    own = home / "mine" / "weights.safetensors"
    again = run(own, home, name="again")
    assert again.recognised.format.startswith("Stemlift checkpoint")
    assert again.recognised.stems == first.recognised.stems
    assert again.recognised.warnings == first.recognised.warnings
    first_weights, own_weights = weights(load(home)), weights(load(home, "again"))
    for name, value in first_weights[0].items():
        assert torch.equal(own_weights[0][name], value)


def test_weights_of_a_pair_with_config(given: Path, tmp_path: Path) -> None:
    checkpoint, config = write_pair(given, "bass")
    config = config.rename(tmp_path / "elsewhere.yaml")
    with pytest.raises(StemliftError) as caught:
        recognise(checkpoint)
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert "Band-Split RNN" in caught.value.message
    assert "--config" in caught.value.remedy
    found = run(checkpoint, tmp_path / "imported", config).recognised
    assert found.stems == ("bass", "other")
    assert found.files == (checkpoint, config)
    assert len(load(tmp_path / "imported").members) == 1


def test_a_variant_refers_to_the_general_configuration_beside_it(given: Path) -> None:
    checkpoint, variant, general = write_channel(given)
    assert recognise(checkpoint, variant).files == (checkpoint, variant, general)


def test_a_bag_of_specialists(given: Path, tmp_path: Path) -> None:
    networks = [tiny_htdemucs(seed) for seed in range(4)]
    bag, *_ = write_bag(given, "mine_ft", networks, weights=identity(4), segment=0.25)
    done = run(bag, tmp_path / "imported", title="Mine", licence="CC0", commercial_use=True)
    assert done.recognised.segment == 11025
    assert len(done.recognised.files) == 5
    model = load(tmp_path / "imported")
    assert [member.weights for member in model.members] == [tuple(row) for row in identity(4)]
    assert {member.segment for member in model.members} == {11025}
    assert (model.spec.title, model.spec.licence) == ("Mine", "CC0")
    assert model.spec.commercial_use is True
    for network, found in zip(networks, weights(model), strict=True):
        for name, value in network.state_dict().items():
            assert torch.equal(found[name], value.half().float())


def test_a_bag_of_legacy_files_that_names_one_twice(given: Path, tmp_path: Path) -> None:
    """As `repro_mdx_a_time_only` does, fractions in its weights."""
    write_legacy(given, tiny_time_demucs(1), "9a6b4851")
    write_legacy(given, tiny_hdemucs(2), "1ef250f1")
    bag = given / "repro.yaml"
    bag.write_text(
        "models: ['9a6b4851', '9a6b4851', '1ef250f1']\n"
        "weights: [[1., 0.25, 0., 1.], [0.5, 1., 1., 1.], [1., 1., 2., 0.]]\nsegment: 44\n"
    )
    found = run(bag, tmp_path / "imported").recognised
    assert found.segment == 44 * 44100
    model = load(tmp_path / "imported")
    assert [member.weights[1] for member in model.members] == [0.25, 1.0, 1.0]
    assert torch.equal(*(next(iter(each.values())) for each in weights(model)[:2]))
    assert len(list((tmp_path / "imported" / "mine").glob("*.safetensors"))) == 2


def test_a_folder_of_one_bag(given: Path) -> None:
    write_bag(given, "mine", [tiny_htdemucs()])
    assert recognise(given).stems == STEMS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: ['955717e8', 'd12395a8']", "“d12395a8”, and neither"),
        ("models: ['955717e8']\nweights: [[1, 1]]", "weights must be"),
        ("models: ['955717e8']\nweights: [[0, 1, 1, 1]]", "no model gives “drums”"),
        ("models: ['../x']", "models.0"),
        ("models: []", "models"),
        ("models: ['955717e8', '04573f0d']", "where 955717e8-"),
        ("models: ['5c90dfd2']", "its segment"),
    ],
)
def test_a_bag_that_does_not_fit(given: Path, text: str, words: str) -> None:
    write_legacy(given, tiny_htdemucs())
    write_legacy(given, tiny_htdemucs(sources=["vocals", "rest"]), "04573f0d")
    write_legacy(given, tiny_htdemucs(segment=10_000), "5c90dfd2")
    (given / "bag.yaml").write_text(text)
    with pytest.raises(StemliftError) as caught:
        recognise(given / "bag.yaml")
    assert caught.value.reason is Reason.CHECKPOINT_REFUSED
    assert words in caught.value.message


def test_quantised(given: Path) -> None:
    th = write_legacy(given, tiny_hdemucs(), state={"__quantized": True, "meta": {}})
    with pytest.raises(StemliftError, match=r"quantised \(diffq\)") as caught:
        recognise(th)
    assert caught.value.reason is Reason.CHECKPOINT_REFUSED


@pytest.mark.parametrize("changes", [{"audio_channels": 1}, {"samplerate": 4000}])
def test_demucs_that_cannot_run_here(given: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(StemliftError) as caught:
        recognise(write_legacy(given, tiny_htdemucs(**changes)))
    assert caught.value.reason is Reason.CHECKPOINT_REFUSED


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("song.wav", b"RIFF\x00\x00\x00\x00WAVE", "a sound file"),
        ("net.ckpt", b"", "an empty file"),
        ("net.ckpt", b"<!DOCTYPE html>", "a web page"),
        ("net.th", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("net.th.gz", b"\x1f\x8b\x08\x00", "a gzip archive"),
        ("net.onnx", bytes(range(8, 200)), "nothing that Stemlift knows"),
        ("notes.txt", b"some notes", "plain text"),
        ("other.yaml", b"a: 1\nb: [2, 3]\n", "YAML of something else"),
        ("other.json", b'{"a": 1}', "JSON of something else"),
        ("archive.tar", bytes(257) + b"ustar", "a tar archive"),
    ],
)
def test_what_is_no_checkpoint(given: Path, name: str, content: bytes, words: str) -> None:
    (given / name).write_bytes(content)
    with pytest.raises(StemliftError) as caught:
        recognise(given / name)
    assert caught.value.reason is Reason.CHECKPOINT_UNKNOWN
    assert str(given / name) in caught.value.message
    assert words in caught.value.message
    assert "Open-Unmix" in caught.value.remedy


def test_tensors_of_an_unknown_network(given: Path) -> None:
    torch.save({"state_dict": {"conv.weight": torch.zeros(3)}}, given / "net.ckpt")
    with pytest.raises(StemliftError, match=r"of 1 tensors .“conv.weight”") as caught:
        recognise(given / "net.ckpt")
    assert caught.value.reason is Reason.CHECKPOINT_UNKNOWN


def test_folders_that_are_not_one_model(given: Path) -> None:
    for words in ("without a checkpoint", "several models (one.th, two.th)"):
        with pytest.raises(StemliftError) as caught:
            recognise(given)
        assert caught.value.reason is Reason.CHECKPOINT_UNKNOWN
        assert words in caught.value.message
        write_legacy(given, tiny_htdemucs()).rename(given / "one.th")
        (given / "two.th").write_bytes((given / "one.th").read_bytes())


def test_a_file_that_is_not_there(given: Path) -> None:
    for path, config in ((given / "no.th", None), (given, given / "no.yaml")):
        with pytest.raises(StemliftError) as caught:
            recognise(path, config)
        assert caught.value.reason is Reason.FILE_NOT_FOUND


def test_inspecting_stores_nothing(given: Path, tmp_path: Path) -> None:
    th = write_legacy(given, tiny_htdemucs())
    done = run(th, tmp_path / "imported", name="", inspect_only=True)
    assert done.entry is None
    assert isinstance(done.recognised, Recognised)
    assert list(tmp_path.iterdir()) == [given]


def test_a_name_is_taken_once(given: Path, tmp_path: Path) -> None:
    home = tmp_path / "imported"
    th = write_legacy(given, tiny_htdemucs())
    run(th, home)
    before = (home / "mine" / "model.json").read_bytes()
    with pytest.raises(StemliftError) as caught:
        run(th, home, title="Another")
    assert caught.value.reason is Reason.MODEL_EXISTS
    assert (home / "mine" / "model.json").read_bytes() == before


@pytest.mark.parametrize("name", ["", "../up", "Upper", "a/b", "auto", "rest", ".hidden", "a" * 65])
def test_names_that_no_model_can_have(name: str, given: Path, tmp_path: Path) -> None:
    with pytest.raises(StemliftError) as caught:
        run(write_legacy(given, tiny_htdemucs()), tmp_path / "imported", name=name)
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert list(tmp_path.iterdir()) == [given]


def test_stems_that_no_model_can_have(given: Path, tmp_path: Path) -> None:
    with pytest.raises(StemliftError) as caught:
        run(
            write_legacy(given, tiny_htdemucs(sources=["../vocals", "b"])),
            tmp_path / "imported",
        )
    assert caught.value.reason is Reason.CHECKPOINT_REFUSED
    assert "stems" in caught.value.message


def test_what_a_killed_import_left_is_cleared_and_in_nobodys_way(
    given: Path, tmp_path: Path
) -> None:
    home = tmp_path / "imported"
    left = home / ".mine.abc.importing"
    left.mkdir(parents=True)
    (left / "weights.safetensors").write_bytes(b"half")
    cut_short = home / "mine"
    cut_short.mkdir()
    (cut_short / "old.safetensors").write_bytes(b"of a removal")
    run(write_legacy(given, tiny_htdemucs()), home)
    assert sorted(path.name for path in home.iterdir() if path.name != ".lock") == ["mine"]
    assert not (cut_short / "old.safetensors").exists()
    load(home)


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit on the size of files")
@pytest.mark.parametrize("make", [lambda f: write_legacy(f, tiny_htdemucs()), open_unmix])
def test_nothing_is_left_when_writing_fails(
    make: Callable[[Path], Path], given: Path, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for a full disk."""
    import resource

    path, home = make(given), tmp_path / "imported"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(StemliftError) as caught:
            run(path, home)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.reason is Reason.WRITE_FAILED
    assert [each.name for each in home.iterdir() if each.name != ".lock"] == []


def test_as_a_process_of_its_own(given: Path, tmp_path: Path) -> None:
    weights, config = write_roformer(given, target="vocals")
    request: dict[str, Any] = {
        "path": str(weights),
        "config": str(config),
        "name": "mine",
        "title": "",
        "licence": "",
        "commercial_use": False,
        "folder": str(tmp_path / "imported"),
        "inspect_only": False,
    }
    heard: list[tuple[int, int]] = []
    said = run_child(
        "stemlift.models.importing",
        request,
        lambda done, total: heard.append((done, total)),
        lambda: False,
        what="import",
    )
    size = weights.stat().st_size + config.stat().st_size
    assert heard[0] == (0, size)
    assert heard[-1] == (size, size)
    assert said["network"] == "bs_roformer"
    assert said["stems"] == ["vocals", "other"]
    assert (said["segment"], said["size"]) == (16384, size)
    stored = json.loads((tmp_path / "imported" / "mine" / "model.json").read_text())
    assert said["entry"] == stored
    assert stored["commercial_use"] is False
    with pytest.raises(StemliftError) as caught:
        run_child("stemlift.models.importing", request, ignore, lambda: False, what="import")
    assert caught.value.reason is Reason.MODEL_EXISTS
