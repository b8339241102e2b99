import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny_roformer import (
    Kind,
    roformer_sections,
    roformer_state,
    tiny_network,
    write_roformer,
    write_sections,
)
from torch import Tensor

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import build_network
from stemlift.models.formats.roformer import read_roformer
from stemlift.models.formats.tensors import InvalidCheckpointError
from stemlift.models.loaded import Seams
from stemlift.models.spec import Network

KINDS: list[Kind] = ["bs", "mel"]


def refusal(*files: Path, named: Path) -> str:
    with pytest.raises(StemliftError) as caught:
        read_roformer(files)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert str(named) in caught.value.message
    assert caught.value.remedy
    return caught.value.message


def pair(
    folder: Path,
    change: Callable[[dict[str, Any]], None],
    kind: Kind = "bs",
    **arguments: Any,
) -> tuple[Path, Path]:
    """A good pair whose YAML is then changed."""
    weights, config = write_roformer(folder, kind, **arguments)
    sections = roformer_sections(kind, **arguments)
    change(sections)
    return weights, write_sections(config, sections)


@pytest.mark.parametrize("kind", KINDS)
def test_a_published_pair_becomes_the_network(kind: Kind, tmp_path: Path) -> None:
    stems = ("drums", "bass", "other", "vocals")
    files = write_roformer(tmp_path, kind, stems, chunk=16384, overlaps=4, seed=2)
    checkpoint = read_roformer(files)
    assert checkpoint.network == {"bs": "bs_roformer", "mel": "mel_band_roformer"}[kind]
    assert checkpoint.stems == stems
    assert checkpoint.complement is None
    assert checkpoint.sample_rate == 44100
    assert checkpoint.segment == 16384
    assert checkpoint.overlap == 0.75
    assert checkpoint.seams is Seams.FADES
    assert not checkpoint.normalise
    assert checkpoint.warnings == ()
    network = build_network(checkpoint)
    model = roformer_sections(kind, stems)["model"]
    expected = tiny_network(kind, model).eval().requires_grad_(False)
    expected.load_state_dict(roformer_state(kind, model, seed=2))
    mix = torch.randn(1, 2, 129, 9, 2, generator=torch.Generator().manual_seed(0))
    spectra = torch.view_as_complex(mix)
    assert torch.equal(network(spectra), expected(spectra))


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_those_of_the_reference(kind: Kind, tmp_path: Path) -> None:
    left_out = dict.fromkeys(
        ("zero_dc", "skip_connection", "mlp_expansion_factor", "mask_estimator_depth"), None
    )
    files = write_roformer(tmp_path, kind, stems=("vocals",), **left_out)
    network = build_network(read_roformer(files))
    assert network.zero_dc is True
    assert network.skip_connection is False
    linears = [name for name in network.state_dict() if "to_freqs.0.0" in name]
    assert len(linears) == 4
    assert network.state_dict()[linears[0]].shape == (64, 16)


@pytest.mark.parametrize(
    ("instruments", "target", "complement"),
    [
        (["vocals", "other"], "vocals", "other"),
        (["No Reverb", "Reverb"], "Reverb", "No Reverb"),
        (["vocals", "bass", "drums", "other"], "vocals", "other"),
        (["vocals", "bass", "drums", "other"], "other", "rest"),
        (["vocals"], "vocals", "other"),
    ],
)
def test_a_target_leaves_a_complement(
    instruments: list[str], target: str, complement: str, tmp_path: Path
) -> None:
    checkpoint = read_roformer(write_roformer(tmp_path, stems=instruments, target=target))
    assert checkpoint.stems == (target,)
    assert checkpoint.complement == complement


@pytest.mark.parametrize("wrapper", ["state", "state_dict", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "model.module."])
def test_weights_may_be_wrapped(wrapper: str, prefix: str, tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    state = torch.load(weights, weights_only=True)
    named = {prefix + name: tensor for name, tensor in state.items()}
    torch.save({"epoch": 3, wrapper: named, "optimizer": {"lr": 0.1}}, weights)
    assert set(read_roformer([config, weights]).tensors) == set(state)


def test_weights_may_be_safetensors_and_half(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    state = torch.load(weights, weights_only=True)
    path = tmp_path / "half.safetensors"
    save_file({name: tensor.half() for name, tensor in state.items()}, path)
    network = build_network(read_roformer([path, config]))
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, state[name].half().float(), rtol=0, atol=0)


def test_inference_comes_before_audio(tmp_path: Path) -> None:
    def change(sections: dict[str, Any]) -> None:
        sections["inference"] |= {"chunk_size": 10001, "num_overlap": 4, "normalize": True}

    checkpoint = read_roformer(pair(tmp_path, change))
    assert checkpoint.segment == 10001
    assert checkpoint.overlap is not None
    # The reference's step: the length over num_overlap, rounded down.
    assert round(10001 * (1 - checkpoint.overlap)) == 2500
    assert checkpoint.normalise


def test_what_the_yaml_does_not_say_is_left_open(tmp_path: Path) -> None:
    def change(sections: dict[str, Any]) -> None:
        del sections["audio"], sections["inference"]

    checkpoint = read_roformer(pair(tmp_path, change))
    assert checkpoint.segment is None
    assert checkpoint.overlap is None
    assert checkpoint.sample_rate is None


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_key_the_tensors_tell_the_network(kind: Kind, tmp_path: Path) -> None:
    def change(sections: dict[str, Any]) -> None:
        sections["model"].pop("freqs_per_bands", None)
        sections["model"].pop("num_bands", None)

    expected = Network.BS_ROFORMER if kind == "bs" else Network.MEL_BAND_ROFORMER
    assert read_roformer(pair(tmp_path, change, kind)).network is expected


def test_an_unknown_key_is_named_in_a_warning(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path, magic_layers=3, sage_attention=True)
    (warning,) = read_roformer([weights, config]).warnings
    assert "magic_layers" in warning
    assert config.name in warning


def set_in(section: str, key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(sections: dict[str, Any]) -> None:
        sections[section][key] = value

    return change


def without(section: str, key: str = "") -> Callable[[dict[str, Any]], None]:
    def change(sections: dict[str, Any]) -> None:
        if key:
            del sections[section][key]
        else:
            del sections[section]

    return change


def too_many_masks(sections: dict[str, Any]) -> None:
    sections["model"] |= {"num_stems": 32, "freqs_per_bands": (1,) * 1024}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_in("model", "use_pope", True), "use_pope: True"),
        (set_in("model", "num_residual_streams", 4), "num_residual_streams: 4"),
        (set_in("model", "freq_range", (0, 100)), "freq_range"),
        (set_in("model", "num_bands", 60), "contradicts itself"),
        (set_in("training", "model_type", "bs_conformer"), "bs_conformer"),
        (set_in("training", "model_type", "mel_band_roformer"), "contradicts itself"),
        (set_in("model", "depth", 100_000), "model.depth"),
        (set_in("model", "depth", "six"), "model.depth"),
        (set_in("model", "depth", True), "model.depth"),
        (set_in("model", "dim", 0), "model.dim"),
        (set_in("model", "stereo", "yes please"), "model.stereo"),
        (set_in("model", "dim_head", 7), "model.dim_head"),
        (set_in("model", "stft_win_length", 512), "stft_win_length"),
        (set_in("model", "stft_hop_length", 0), "stft_hop_length"),
        (set_in("model", "freqs_per_bands", (64, -1)), "freqs_per_bands"),
        (set_in("model", "freqs_per_bands", ()), "freqs_per_bands"),
        (too_many_masks, "far too many layers"),
        (set_in("model", "num_stems", 3), "gives 3 stems"),
        (without("model"), "section “model” is missing"),
        (without("model", "dim"), "lacks “dim”"),
        (without("training"), "training.instruments"),
        (without("training", "instruments"), "training.instruments"),
        (set_in("training", "instruments", ["vocals", "../up"]), "../up"),
        (set_in("training", "instruments", ["vocals", "vocals"]), "twice"),
        (set_in("training", "target_instrument", "vocals"), "target_instrument"),
        (set_in("audio", "chunk_size", -1), "audio.chunk_size"),
        (set_in("inference", "chunk_size", "long"), "inference.chunk_size"),
        (set_in("inference", "num_overlap", 0), "inference.num_overlap"),
        (set_in("audio", "chunk_size", 1), "audio.chunk_size"),
        (set_in("inference", "chunk_size", 1), "inference.chunk_size"),
        (set_in("audio", "sample_rate", 0), "audio.sample_rate"),
    ],
)
def test_a_yaml_that_cannot_be_honoured_is_refused(
    change: Callable[[dict[str, Any]], None], said: str, tmp_path: Path
) -> None:
    weights, config = pair(tmp_path, change)
    assert said in refusal(weights, config, named=config)


def test_weights_of_the_other_network_are_refused(tmp_path: Path) -> None:
    weights, _ = write_roformer(tmp_path, "mel")
    _, config = write_roformer(tmp_path, "bs")
    message = refusal(weights, config, named=config)
    assert "describes a bs_roformer" in message
    assert "tiny_mel.ckpt holds a mel_band_roformer" in message


def test_the_yaml_is_asked_for(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    with pytest.raises(StemliftError) as caught:
        read_roformer([weights])
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert str(weights) in caught.value.message
    assert "--config" in caught.value.remedy
    assert "several" in refusal(weights, config, config.with_suffix(".yml"), named=weights)
    assert "one file of weights" in refusal(config, named=config)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_roformer([weights, tmp_path / "none.yaml"])
    with pytest.raises(FileNotFoundError):
        read_roformer([tmp_path / "none.ckpt", config])


def changed_state(folder: Path, change: Callable[[dict[str, Tensor]], None]) -> list[Path]:
    weights, config = write_roformer(folder)
    state = torch.load(weights, weights_only=True)
    change(state)
    torch.save(state, weights)
    return [weights, config]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("band_split.to_features.0.1.bias"), "0.1.bias” is missing"),
        (
            lambda state: state.update({"final_norm.gamma": torch.ones(8)}),
            "“final_norm.gamma” has the shape (8,) where (16,) is needed",
        ),
        (lambda state: state.update({"hyper.alpha": torch.ones(1)}), "“hyper.alpha” has no place"),
        (
            lambda state: state["final_norm.gamma"].fill_(float("nan")),
            "“final_norm.gamma” holds numbers that are not finite",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    change: Callable[[dict[str, Tensor]], None], said: str, tmp_path: Path
) -> None:
    checkpoint = read_roformer(changed_state(tmp_path, change))
    with pytest.raises(InvalidCheckpointError) as caught:
        build_network(checkpoint)
    assert said in str(caught.value)


def test_bands_that_miss_bins_are_named(tmp_path: Path) -> None:
    weights, config = pair(tmp_path, set_in("model", "freqs_per_bands", (64, 64)))
    with pytest.raises(InvalidCheckpointError, match="128 bins in all where the transform has 129"):
        build_network(read_roformer([weights, config]))


@pytest.mark.parametrize("content", [[1, 2], {"state": 3}, {}, {"a": "text"}, {1: torch.ones(1)}])
def test_weights_without_a_state_dict_are_refused(content: Any, tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    torch.save(content, weights)
    refusal(weights, config, named=weights)


@pytest.mark.parametrize("name", ["cut.ckpt", "cut.safetensors"])
def test_truncated_weights_are_refused(name: str, tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_file(roformer_state("bs", roformer_sections()["model"]), path)
        whole = path.read_bytes()
    else:
        whole = weights.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refusal(path, config, named=path)
    path.write_bytes(b"")
    refusal(path, config, named=path)


class Hostile:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("how", ["saved", "plain pickle"])
def test_a_pickle_that_would_run_code_is_refused(how: str, tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    mark = tmp_path / "ran"
    state = {**torch.load(weights, weights_only=True), "extra": Hostile(mark)}
    if how == "saved":
        torch.save(state, weights)
    else:
        weights.write_bytes(pickle.dumps(state, protocol=2))
    refusal(weights, config, named=weights)
    assert not mark.exists()


@pytest.mark.parametrize(
    "line",
    [
        "x: !!python/object/apply:os.mkdir ['{mark}']",
        "x: !!python/object/new:os.mkdir ['{mark}']",
        "x: !!python/name:os.mkdir",
        "x: !!python/module:os",
        "x: !!python/tuple {{a: 1}}",
        "x: !!python/tuple 3",
    ],
)
def test_a_yaml_that_asks_for_objects_is_refused(line: str, tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    mark = tmp_path / "ran"
    config.write_text(config.read_text() + line.format(mark=mark) + "\n")
    assert "asks for more than plain values" in refusal(weights, config, named=config)
    assert not mark.exists()


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: 2024-99-99", "- just\n- a list", ""])
def test_a_yaml_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path)
    config.write_text(text)
    refusal(weights, config, named=config)


def test_anchors_that_a_config_may_well_hold_are_read(tmp_path: Path) -> None:
    weights, config = write_roformer(tmp_path, stems=("vocals", "other"))
    text = config.read_text().replace("hop_length: 64", "hop_length: &hop 64", 1)
    config.write_text(text.replace("stft_hop_length: 64", "stft_hop_length: *hop"))
    assert read_roformer([weights, config]).config["stft_hop_length"] == 64
