from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_band_split_rnn import (
    GENERAL,
    PAIR_SEGMENT,
    channel_values,
    pair_values,
    write_channel,
    write_pair,
    write_yaml,
)
from torch import Tensor

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import build_network, read_config
from stemlift.models.formats.band_split_rnn import read_band_split_rnn
from stemlift.models.formats.band_split_yaml import describe
from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.safe_yaml import read_yaml
from stemlift.models.formats.tensors import InvalidCheckpointError
from stemlift.models.spec import Network
from stemlift.networks.band_split_rnn import BandSplitRnn, BandSplitRnnConfig

OPTIMISED = {"n_att_head": 2, "attn_enc_dim": 16, "stereo": "tac", "act_tac": "prelu"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    folders = [tmp_path_factory.mktemp(name) for name in ("pair", "channel")]
    return {"pair": write_pair(folders[0]), "channel": write_channel(folders[1])}


@pytest.fixture
def pair(written: dict[str, list[Path]], tmp_path: Path) -> list[Path]:
    """vocals.pt and hparams.yaml, to be changed at will."""
    return [Path(shutil.copy(path, tmp_path)) for path in written["pair"]]


@pytest.fixture
def channel(written: dict[str, list[Path]], tmp_path: Path) -> list[Path]:
    """vocals.ckpt, bsrnn.yaml and config.yaml, to be changed at will."""
    return [Path(shutil.copy(path, tmp_path)) for path in written["channel"]]


def refusal(files: Sequence[Path], named: Path) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        read_band_split_rnn(files)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert str(named) in caught.value.message
    assert caught.value.remedy
    return caught.value


def built(checkpoint: Checkpoint) -> BandSplitRnn:
    network = build_network(checkpoint)
    assert isinstance(network, BandSplitRnn)
    return network


def state(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def changed_yaml(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(values)
    write_yaml(path, values)


def test_a_pair_checkpoint_is_read_with_its_yaml(pair: list[Path]) -> None:
    weights, configuration = pair
    checkpoint = read_band_split_rnn([configuration, weights])
    assert checkpoint.network is Network.BAND_SPLIT_RNN
    assert checkpoint.stems == ("vocals",)
    assert checkpoint.sample_rate == 44100
    assert checkpoint.segment == PAIR_SEGMENT
    # A step of an eighth of a second, plus the 495 samples that fill the frames.
    assert checkpoint.overlap == pytest.approx(1 - (5512 + 495) / PAIR_SEGMENT)
    assert checkpoint.warnings == ()
    network = built(checkpoint)
    assert network.frames == 91
    assert network.valid_length(100) == PAIR_SEGMENT


def test_a_channel_checkpoint_is_read_with_its_yaml(tmp_path: Path) -> None:
    checkpoint = read_band_split_rnn(write_channel(tmp_path, ["drums"]))
    assert checkpoint.stems == ("drums",)
    assert checkpoint.sample_rate == 44100
    # Half a second and a tenth of it at either end.
    assert checkpoint.segment == 24255 + 2205
    assert checkpoint.overlap == pytest.approx(2205 / 26460)
    assert checkpoint.warnings == ()
    network = built(checkpoint)
    assert network.frames is None
    assert (network.stft.n_fft, network.stft.hop) == (1024, 256)


def test_published_values_make_the_published_segments() -> None:
    bands = [[1000, 100], [4000, 250], [8000, 500], [16000, 1000], [20000, 2000]]
    values = pair_values(n_fft=2048, bandsplits=bands, t_timesteps=263)
    for key in ("direct_transform", "inverse_transform"):
        values["featurizer"][key] |= {"n_fft": 2048, "win_length": 2048, "hop_length": 512}
    values["audio_params"] |= {"win_size": 3, "hop_size": 0.5}
    found = describe(values, {}, ("vocals",), 1)
    assert len(found.part["bands"]) == 41
    assert (found.n_fft, found.hop, found.window) == (2048, 512, 2048)
    # 3 s are 258 frames and 204 samples: a whole window is added, less these.
    assert found.segment == 132300 + 2048 - 204
    assert found.overlap == pytest.approx(1 - (22050 + 1844) / 134144)
    found = describe(channel_values(), {}, ("vocals",), 1)
    assert len(found.part["bands"]) == 41
    assert (found.rate, found.n_fft, found.hop) == (44100, 2048, 512)
    assert (found.segment, found.overlap) == (12 * 44100, pytest.approx(1 / 12))


@pytest.mark.parametrize(
    ("variant", "stems", "parameters"),
    [
        # As a public benchmark of the published checkpoints counts them, in millions.
        ({}, [(stem,) for stem in GENERAL["targets"]], 146.66),
        (OPTIMISED, [(stem,) for stem in GENERAL["targets"]], 164.12),
        (OPTIMISED | {"joint_bandsplit": True}, [tuple(GENERAL["targets"])], 108.73),
    ],
    ids=["large", "opt", "simo-opt"],
)
def test_the_published_variants_have_the_published_number_of_parameters(
    variant: dict[str, Any], stems: list[tuple[str, ...]], parameters: float
) -> None:
    values = channel_values(feature_dim=128, num_repeat=12, fac_mask=4, **variant)
    found = [describe(values, {}, each, len(each)) for each in stems]
    assert [each.warnings for each in found] == [()] * len(stems)
    config = {"parts": [each.part for each in found], "n_fft": 2048, "hop": 512}
    with torch.device("meta"):
        network = BandSplitRnn(read_config(BandSplitRnnConfig, config))
    count = sum(parameter.numel() for parameter in network.parameters())
    assert round(count / 1e6, 2) == parameters


def test_what_lightning_saves_is_the_same_model(tmp_path: Path, pair: list[Path]) -> None:
    plain = read_band_split_rnn(pair)
    other = tmp_path / "lightning"
    other.mkdir()
    trained = read_band_split_rnn(write_pair(other, lightning=True))
    assert trained.config == plain.config
    assert list(trained.tensors) == list(plain.tensors)
    built(trained)


def test_masks_of_before_2025_get_their_name(channel: list[Path]) -> None:
    files = channel
    new = read_band_split_rnn(files)
    tensors = state(files[0])["state_dict"]
    old = {key.removeprefix("maskers.0."): tensor for key, tensor in tensors.items()}
    assert any(key.startswith("mask.") for key in old)
    torch.save({"state_dict": old}, files[0])
    assert set(read_band_split_rnn(files).tensors) == set(new.tensors)


def test_one_checkpoint_per_stem_becomes_one_model(tmp_path: Path) -> None:
    files = [
        path
        for stem, seed in (("vocals", 1), ("drums", 2), ("other", 3))
        for path in write_channel(tmp_path, [stem], seed=seed)
    ]
    checkpoint = read_band_split_rnn(sorted(set(files)))
    assert checkpoint.stems == ("drums", "other", "vocals")
    network = built(checkpoint)
    assert [len(part.bands) for part in network.parts] == [55, 41, 41]
    alone = built(read_band_split_rnn(write_channel(tmp_path, ["drums"], seed=2)))
    mix = torch.randn(1, 2, 513, 5, dtype=torch.complex64)
    assert torch.equal(network(mix)[:, :1], alone(mix))


def test_each_checkpoint_finds_its_own_configuration(tmp_path: Path) -> None:
    for stem, hidden in (("vocals", 4), ("bass", 6)):
        folder = tmp_path / stem
        folder.mkdir()
        weights, configuration = write_pair(folder, stem, rnn_dim=hidden)
        weights.rename(tmp_path / weights.name)
        # The first by its name, the second by the target that it names.
        configuration.rename(tmp_path / f"{'vocals' if stem == 'vocals' else 'b'}.yaml")
    checkpoint = read_band_split_rnn(sorted(tmp_path.glob("*.*")))
    assert checkpoint.stems == ("bass", "vocals")
    assert [part["hidden"] for part in checkpoint.config["parts"]] == [6, 4]
    built(checkpoint)


def test_several_stems_in_one_checkpoint_keep_the_order_it_was_trained_in(tmp_path: Path) -> None:
    targets = ["bass", "vocals", "piano"]
    files = write_channel(tmp_path, targets, num_repeat=1)
    changed_yaml(files[1], lambda values: values.update(targets=targets))
    checkpoint = read_band_split_rnn(files)
    assert checkpoint.stems == tuple(targets)
    assert checkpoint.warnings == ()
    assert len(built(checkpoint).parts[0].bands) == 57


@pytest.mark.parametrize("rest", [False, True])
def test_an_order_that_is_told_nowhere_is_the_published_one_and_said(
    rest: bool, tmp_path: Path
) -> None:
    files = write_channel(tmp_path, GENERAL["targets"], num_repeat=1, subtract_last_trgt=rest)
    checkpoint = read_band_split_rnn(files)
    assert checkpoint.stems == ("vocals", "bass", "drums", "other")
    assert any("order" in warning for warning in checkpoint.warnings)
    assert len(built(checkpoint).parts[0].maskers) == 4 - rest


def test_what_the_trainings_own_code_prints_of_a_checkpoint_is_a_configuration(
    tmp_path: Path,
) -> None:
    weights, variant, _ = write_channel(tmp_path, ["bass"])
    values = yaml.safe_load(variant.read_text())
    values |= {"sample_rate": 44100, "n_fft": 1024, "n_hop": 256, "nb_channels": 2}
    values |= {"targets": ["bass"], "cfg_eval": {"segment_len": 2.0, "hop_size": 1.0}}
    values |= {"cfg_optim": {"lr": 0.1}, "cfg_scheduler": {}, "Last epoch": 3, "eps": 1e-07}
    checkpoint = read_band_split_rnn([weights, write_yaml(tmp_path / "printed.yaml", values)])
    assert (checkpoint.stems, checkpoint.segment) == (("bass",), 88200)
    assert checkpoint.overlap == 0.5
    assert checkpoint.warnings == ()
    built(checkpoint)


def test_references_between_values_are_followed(tmp_path: Path, pair: list[Path]) -> None:
    weights, configuration = pair

    def as_trained(values: dict[str, Any]) -> None:
        values["model"]["is_mono"] = "${..train_dataset.is_mono}"
        values["train_dataset"] = {"target": "vocals", "is_mono": False}
        values["test_dataset"] = values.pop("audio_params") | {
            "target": "${..train_dataset.target}",
            "in_fp": "${oc.env:MUSDB_DIR}",
        }

    changed_yaml(configuration, as_trained)
    renamed = weights.rename(tmp_path / "epoch139-val_usdr6.88.pt")
    checkpoint = read_band_split_rnn([renamed, configuration])
    assert (checkpoint.stems, checkpoint.segment) == (("vocals",), PAIR_SEGMENT)
    assert checkpoint.warnings == ()


def test_an_unknown_key_is_said(channel: list[Path]) -> None:
    weights, variant, general = channel
    changed_yaml(variant, lambda values: values.update(causal=True))
    (warning,) = read_band_split_rnn([weights, variant, general]).warnings
    assert "“causal”" in warning


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("model", "complex_as_channel", False),
        ("model", "return_mask", True),
        ("model", "bottleneck_layer", "conv"),
        ("model", "rnn_type", "lstm"),
        ("model", "bandsplits", [[1000, 0]]),
        ("model", "bandsplits", "v7"),
        ("model", "fc_dim", None),
        ("model", "fc_dim", 8.5),
        ("model", "fc_dim", float("inf")),
        ("model", "n_fft", 1024),
        ("model", "sr", 0),
        ("model", "is_mono", "${..nowhere.is_mono}"),
        ("model", "is_mono", "${.is_mono}"),
        ("direct_transform", "power", 2),
        ("direct_transform", "normalized", True),
        ("direct_transform", "pad_mode", "constant"),
        ("direct_transform", "window_fn", "torch.hamming_window"),
        ("direct_transform", "_target_", "torchaudio.transforms.MelSpectrogram"),
        ("inverse_transform", "hop_length", 64),
        ("audio_params", "win_size", 0.3),
        ("audio_params", "hop_size", 0.4),
        ("audio_params", "sr", 48000),
    ],
)
def test_what_a_pair_configuration_asks_for_and_is_not_done_is_refused(
    section: str, key: str, value: object, pair: list[Path]
) -> None:
    weights, configuration = pair
    values = yaml.safe_load(configuration.read_text())
    (values.get(section) or values["featurizer"][section])[key] = value
    write_yaml(configuration, values)
    refusal([weights, configuration], configuration)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "bscnn"),
        ("stereo", "both"),
        ("band_layer", "attention"),
        ("act_tac", "relu"),
        ("n_fft", 256),
        ("n_hop", 0),
        ("bidirectional", "yes please"),
        ("sample_rate", "${elsewhere}"),
    ],
)
def test_what_a_channel_configuration_asks_for_and_is_not_done_is_refused(
    key: str, value: object, channel: list[Path]
) -> None:
    weights, variant, general = channel
    changed_yaml(variant, lambda values: values.update({key: value}))
    refusal([weights, variant, general], variant)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("feature_dim", value) for value in (16, 2**30)),
        *(("num_repeat", value) for value in (1, 3, 10**6)),
        ("fac_mask", 4),
        ("n_att_head", 2),
        ("stereo", "tac"),
    ],
)
def test_a_configuration_that_its_tensors_contradict_is_refused(
    key: str, value: object, channel: list[Path]
) -> None:
    weights, variant, general = channel
    changed_yaml(variant, lambda values: values.update({key: value}))
    checkpoint = read_band_split_rnn([weights, variant, general])
    with pytest.raises(InvalidCheckpointError, match=r"the tensor|cannot be built|sensible"):
        build_network(checkpoint)


def test_masks_for_other_stems_than_the_configuration_has_are_refused(tmp_path: Path) -> None:
    weights, variant, general = write_channel(tmp_path, ["vocals", "bass", "drums"], num_repeat=1)
    changed_yaml(variant, lambda values: values.update(targets=["vocals", "bass"]))
    assert "3" in refusal([weights, variant, general], weights).message


@pytest.mark.parametrize("change", ["missing", "shape", "extra", "nan"])
def test_the_first_tensor_that_does_not_fit_is_named(change: str, pair: list[Path]) -> None:
    weights, configuration = pair
    tensors: dict[str, Tensor] = state(weights)
    key = "bandsequence.bsrnn.1.0.fc.weight"
    if change == "missing":
        del tensors[key]
    elif change == "shape":
        tensors[key] = tensors[key][:-1]
    elif change == "extra":
        key = "bandsequence.bsrnn.7.fc.weight"
        tensors[key] = torch.zeros(3)
    else:
        tensors[key][0, 0] = torch.nan
    torch.save(tensors, weights)
    with pytest.raises(InvalidCheckpointError, match=key.replace(".", r"\.")):
        build_network(read_band_split_rnn([weights, configuration]))


def test_a_missing_file_is_missing(tmp_path: Path, pair: list[Path]) -> None:
    weights, configuration = pair
    for gone, left in ((tmp_path / "no.pt", configuration), (tmp_path / "no.yaml", weights)):
        with pytest.raises(FileNotFoundError):
            read_band_split_rnn([gone, left])


def test_weights_need_a_configuration_and_a_configuration_weights(pair: list[Path]) -> None:
    weights, configuration = pair
    assert "YAML" in refusal([weights], weights).message
    assert "no weights" in refusal([configuration], configuration).message


def test_a_stem_that_nothing_names_is_the_callers_to_name(tmp_path: Path, pair: list[Path]) -> None:
    weights, configuration = pair
    changed_yaml(configuration, lambda values: values["audio_params"].pop("target"))
    unnamed = weights.rename(tmp_path / "epoch1.pt")
    assert read_band_split_rnn([unnamed, configuration]).stems == ()
    more = tmp_path / "epoch2.pt"
    more.write_bytes(unnamed.read_bytes())
    assert "stem" in refusal([unnamed, more, configuration], unnamed).message


def test_two_files_of_one_stem_are_refused(tmp_path: Path, pair: list[Path]) -> None:
    weights, configuration = pair
    more = tmp_path / "vocals-2.pt"
    more.write_bytes(weights.read_bytes())
    assert "vocals" in refusal([weights, more, configuration], more).message


def test_files_that_cannot_run_side_by_side_are_refused(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    files = write_pair(tmp_path / "1", "vocals")
    files[1] = files[1].rename(tmp_path / "1" / "vocals.yaml")
    others = write_channel(tmp_path, ["drums"])
    others[1] = others[1].rename(tmp_path / "drums.yaml")
    assert "n_fft" in refusal([*files, *others], others[0]).message


@pytest.mark.parametrize("length", [0, 1, 100, 5000, -1])
def test_a_truncated_file_is_refused(length: int, pair: list[Path]) -> None:
    weights, configuration = pair
    weights.write_bytes(weights.read_bytes()[:length])
    refusal([weights, configuration], weights)


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": 3}, {"a": 1}, {1: torch.ones(1)}])
def test_a_file_without_a_state_dict_is_refused(content: object, pair: list[Path]) -> None:
    weights, configuration = pair
    torch.save(content, weights)
    refusal([weights, configuration], weights)


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: 1", "a: [", "\x00", "feature_dim: 2024-99-99"])
def test_a_file_that_is_no_configuration_is_refused(text: str, pair: list[Path]) -> None:
    weights, configuration = pair
    configuration.write_text(text, encoding="utf-8")
    refusal([weights, configuration], configuration)


class Trap:
    """Its pickle makes a file when it is loaded by a plain unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("layout", ["zip", "old", "bare"])
def test_a_malicious_pickle_is_refused_and_nothing_runs(
    layout: str, tmp_path: Path, pair: list[Path]
) -> None:
    weights, configuration = pair
    sprung = tmp_path / "sprung"
    content = state(weights) | {"hyper_parameters": Trap(sprung)}
    if layout == "bare":
        weights.write_bytes(pickle.dumps({"state_dict": Trap(sprung)}, protocol=2))
    else:
        torch.save(content, weights, _use_new_zipfile_serialization=layout == "zip")
    refusal([weights, configuration], weights)
    assert not sprung.exists()


def test_malicious_yaml_is_refused_and_nothing_runs(tmp_path: Path, pair: list[Path]) -> None:
    weights, configuration = pair
    sprung = tmp_path / "sprung"
    configuration.write_text(f"model: !!python/object/apply:pathlib.Path.touch\n- {sprung}\n")
    refusal([weights, configuration], configuration)
    with pytest.raises(InvalidCheckpointError):
        read_yaml(configuration)
    assert not sprung.exists()
