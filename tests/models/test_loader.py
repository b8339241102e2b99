from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_band_split_rnn import PAIR_SEGMENT, write_pair
from tiny_demucs import (
    STEMS,
    identity,
    install_in_cache,
    tiny_hdemucs,
    tiny_htdemucs,
    tiny_time_demucs,
    write_bag,
)
from torch import Tensor, nn

from stemlift.errors import Reason, StemliftError
from stemlift.models.catalogue import load_catalogue
from stemlift.models.entry import ModelEntry
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.loader import load_model
from stemlift.models.spec import ModelSpec, Network, Origin
from stemlift.models.store import ModelStore

SPEC = load_catalogue().get("htdemucs")
REPOSITORY = "adefossez/HTDemucs"


def ignore(done: int, total: int) -> None:
    pass


def never() -> bool:
    return False


def load(folder: Path, *networks: nn.Module, **bag: Any) -> tuple[LoadedModel, Any]:
    """The model as Stemlift loads it, and as the demucs package does."""
    import yaml
    from demucs.apply import BagOfModels
    from demucs.hf import load_safetensors_model

    files = write_bag(folder / "made", "htdemucs", networks, **bag)
    install_in_cache(folder / "models", REPOSITORY, files)
    store = ModelStore(folder / "models", offline=True)
    content = yaml.safe_load(files[0].read_text())
    theirs = BagOfModels(
        [load_safetensors_model(file) for file in files[1:]],
        content.get("weights"),
        content.get("segment"),
    )
    return load_model(SPEC, store, ignore, never), theirs


def noise(samples: int) -> Tensor:
    return torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(7))


def run(member: Member, mix: Tensor) -> Tensor:
    """Overlap-add by what a Member says alone: padding on both sides, triangular weights."""
    length = mix.shape[-1]
    rise = torch.arange(1, member.segment // 2 + 1)
    fall = torch.arange(member.segment - member.segment // 2, 0, -1)
    weight = torch.cat([rise, fall])
    weight = weight / weight.max()
    out: Tensor | float = torch.zeros(1, len(STEMS), 2, length)
    total = torch.zeros(length)
    for start in range(0, length, member.stride):
        size = min(member.segment, length - start)
        left = (member.valid_length(size) - size) // 2
        right = member.valid_length(size) - size - left
        begin, end = max(0, start - left), min(length, start + size + right)
        chunk = nn.functional.pad(
            mix[..., begin:end], (begin - start + left, start + size + right - end)
        )
        with torch.no_grad():
            stems = member.network(chunk)
        extra = (stems.shape[-1] - size) // 2
        out[..., start : start + size] += weight[:size] * stems[..., extra : extra + size]
        total[start : start + size] += weight[:size]
    return out / total


def test_segments_of_the_published_model(tmp_path: Path) -> None:
    model, _ = load(tmp_path, tiny_htdemucs(segment=Fraction(39, 5)))
    (member,) = model.members
    assert member.segment == 343_980
    assert member.stride == 257_985
    assert member.valid_length(1000) == 343_980
    assert member.weights == (1.0, 1.0, 1.0, 1.0)
    assert member.normalise


@pytest.mark.parametrize("make", [tiny_htdemucs, tiny_hdemucs, tiny_time_demucs])
@pytest.mark.parametrize("samples", [3_000, 30_000])
def test_a_member_gives_what_the_demucs_package_gives(
    tmp_path: Path, make: Any, samples: int
) -> None:
    from demucs.apply import apply_model

    model, theirs = load(tmp_path, make(seed=5, segment=Fraction(1, 4)))
    (member,) = model.members
    mix = noise(samples)
    wanted = apply_model(theirs, mix, shifts=0, overlap=0.25)
    ours = apply_model(member.network, mix, shifts=0, overlap=0.25)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-6)
    assert wanted.abs().max() > 0.01
    torch.testing.assert_close(run(member, mix), wanted, rtol=0, atol=1e-6)


def test_a_bag_of_specialists(tmp_path: Path) -> None:
    from demucs.apply import apply_model

    networks = [tiny_htdemucs(seed, segment=Fraction(1, 4)) for seed in range(4)]
    model, theirs = load(tmp_path, *networks, weights=identity(4))
    assert [member.weights for member in model.members] == [
        (1.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 0.0, 0.0),
        (0.0, 0.0, 1.0, 0.0),
        (0.0, 0.0, 0.0, 1.0),
    ]
    mix = noise(12_000)
    wanted = apply_model(theirs, mix, shifts=0)
    for index, member in enumerate(model.members):
        ours = apply_model(member.network, mix, shifts=0)
        torch.testing.assert_close(ours[:, index], wanted[:, index], rtol=0, atol=1e-6)


def test_the_weights_of_a_mean(tmp_path: Path) -> None:
    from demucs.apply import apply_model

    weights = [[1.0, 0.0, 2.0, 1.0], [1.0, 3.0, 1.0, 0.5]]
    networks = [tiny_htdemucs(seed, segment=Fraction(1, 4)) for seed in (1, 2)]
    model, theirs = load(tmp_path, *networks, weights=weights)
    mix = noise(9_000)
    rows = torch.tensor([member.weights for member in model.members])
    outputs = torch.stack([apply_model(m.network, mix, shifts=0) for m in model.members])
    ours = (outputs * rows[:, None, :, None, None]).sum(0) / rows.sum(0)[:, None, None]
    torch.testing.assert_close(ours, apply_model(theirs, mix, shifts=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "segment", "samples"),
    [
        (tiny_htdemucs, 0.25, 11_025),
        (tiny_htdemucs, 44, 22_050),
        (tiny_hdemucs, 0.25, 11_025),
        (tiny_hdemucs, 44, 1_940_400),
    ],
)
def test_the_segment_of_the_bag_where_the_network_can_take_it(
    tmp_path: Path, make: Any, segment: float, samples: int
) -> None:
    model, theirs = load(tmp_path, make(), segment=segment)
    (member,) = model.members
    assert member.segment == int(44100 * theirs.models[0].segment) == samples
    assert member.stride == samples * 3 // 4
    assert getattr(member.network, "segment") == theirs.models[0].segment  # noqa: B009


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sources": ["vocals", "drums", "bass", "other"]}, "stems"),
        ({"sources": ["drums", "vocals"]}, "stems"),
        ({"samplerate": 48000}, "sample rate is 48000, not 44100"),
        ({"audio_channels": 1}, "channels is 1, not 2"),
        ({"segment": "long"}, "segment"),
        ({"segment": 10_000}, "segment is 10000, not at most 300 seconds"),
        ({"segment": 0}, "segment"),
    ],
)
def test_weights_of_another_model_are_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    files = write_bag(tmp_path / "made", "htdemucs", [tiny_htdemucs(**changes)])
    snapshot = install_in_cache(tmp_path, REPOSITORY, files)
    error = refusal(SPEC, tmp_path)
    assert words in error.message
    assert str(snapshot) in error.message


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("models: []", "models"),
        ("models: ['a/b']", "models.0"),
        ("models: ['..']", "models.0"),
        ("models: [1]", "models.0"),
        ("just text", "dictionary"),
        ("models: [", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("models: [SIG]\nweights: [[1, 1, 1]]", "weights must be 1 rows of 4"),
        ("models: [SIG]\nweights: [[1, 1, 1, 0]]", "no model gives “vocals”"),
        ("models: [SIG]\nweights: [[1, 1, 1, .nan]]", "weights.0.3"),
        ("models: [SIG]\nsegment: 1.0e+9", "segment"),
    ],
)
def test_a_bag_that_is_wrong(tmp_path: Path, yaml: str, words: str) -> None:
    files = write_bag(tmp_path / "made", "htdemucs", [tiny_htdemucs()])
    snapshot = install_in_cache(tmp_path, REPOSITORY, files)
    text = yaml.replace("SIG", f"'{files[1].stem}'")
    (snapshot / "htdemucs.yaml").write_text(text)
    error = refusal(SPEC, tmp_path)
    assert words in error.message
    assert "htdemucs.yaml" in error.message


def refusal(spec: ModelSpec, folder: Path) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        load_model(spec, ModelStore(folder, offline=True), ignore, never)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    return caught.value


def test_cancelled_between_the_files(tmp_path: Path) -> None:
    install_in_cache(tmp_path, REPOSITORY, write_bag(tmp_path, "htdemucs", [tiny_htdemucs()]))
    with pytest.raises(StemliftError) as caught:
        load_model(SPEC, ModelStore(tmp_path, offline=True), ignore, lambda: True)
    assert caught.value.reason is Reason.CANCELLED


def test_six_stems(tmp_path: Path) -> None:
    spec = replace(load_catalogue().get("htdemucs_6s"), repository=REPOSITORY)
    files = write_bag(tmp_path, "htdemucs_6s", [tiny_htdemucs(sources=list(spec.stems))])
    install_in_cache(tmp_path / "models", REPOSITORY, files)
    model = load_model(spec, ModelStore(tmp_path / "models"), ignore, never)
    assert model.members[0].weights == (1.0,) * 6


def test_spectral_needs_nothing(tmp_path: Path) -> None:
    model = load_model(
        load_catalogue().get("spectral"), ModelStore(tmp_path, offline=True), ignore, never
    )
    (member,) = model.members
    hop = member.network.stft.hop
    assert isinstance(hop, int)
    assert member.segment % hop == member.stride % hop == 0
    assert 15 <= member.segment / 44100 <= 20
    assert member.stride == member.segment * 3 // 4
    assert member.valid_length(1) == member.valid_length(member.segment) == member.segment
    assert not model.members[0].normalise


def test_a_segment_beyond_the_frames_a_network_was_made_for(tmp_path: Path) -> None:
    """Nothing would be there for the rest of each segment."""
    files = [{"name": path.name} for path in write_pair(tmp_path)]

    def spec(segment: int) -> ModelSpec:
        entry = ModelEntry(
            name="pair",
            network=Network.BAND_SPLIT_RNN,
            stems=("vocals", "other"),
            segment=segment,
            files=files,
        )
        return entry.spec(Origin.IMPORTED, folder=tmp_path)

    store = ModelStore(tmp_path / "models")
    (member,) = load_model(spec(PAIR_SEGMENT), store, ignore, never).members
    assert member.valid_length(member.segment) == PAIR_SEGMENT
    with pytest.raises(StemliftError) as caught:
        load_model(spec(PAIR_SEGMENT + 1), store, ignore, never)
    assert caught.value.reason is Reason.CHECKPOINT_INVALID
    assert "segment is 11521, not at most 11520 samples" in caught.value.message
