import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_songs import write_songs

from stemlift.errors import Reason, StemliftError
from stemlift.models.recognise import recognise
from stemlift.models.spec import Network
from stemlift.separation.lanes import make_lanes
from stemlift.system.only_one import only_one
from stemlift.training import gradients
from stemlift.training.dataset import SongFile
from stemlift.training.export import export
from stemlift.training.loop import Surroundings, train
from stemlift.training.recipe import Recipe
from stemlift.training.sources import gather
from stemlift.training.state import BEST, STATE, load, read_log
from stemlift.training.validate import validate
from stemlift.training.weights import config_of, fresh, read_weights

NETWORK: dict[str, Any] = {
    "bands": (2,) * 16 + (4,) * 8 + (16,) * 4 + (32,) * 4 + (257,),
    "features": 12,
    "dilations": (1, 2),
    "kernel": 3,
    "view": 8,
    "n_fft": 1024,
    "hop": 512,
}
Songs = tuple[tuple[SongFile, ...], tuple[SongFile, ...]]


def recipe(**training: Any) -> Recipe:
    settings: dict[str, Any] = {
        "steps": 8,
        "segment": 0.5,
        "batch": 2,
        "warm_up": 2,
        "average": 0.9,
        "validate_every": 4,
        "save_every": 100,
        "log_every": 1,
    }
    return Recipe.model_validate(
        {
            "name": "tiny",
            "licence": "CC0-1.0",
            "network": NETWORK,
            "training": settings | training,
            "loss": {"transforms": (512,)},
        }
    )


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Songs:
    folder = tmp_path_factory.mktemp("songs")
    write_songs(folder, "train", 24, 1.5)
    write_songs(folder, "valid", 2, 1.5)
    told = recipe().data.model_copy(update={"songs": (folder,)})
    return gather(told, folder, lambda: None)


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_log(folder / "log.jsonl") if "loss" in line]


def test_the_loss_falls_and_the_stems_come_apart(tmp_path: Path, songs: Songs) -> None:
    told = recipe(steps=70, rate=1e-2, validate_every=70, log_every=10)
    # Fresh weights give a quarter of the mix to each stem.
    before = validate(
        fresh(config_of(told.network), 1).eval(), songs[1], make_lanes(("cpu",)), lambda: None
    )
    found = train(told, songs, tmp_path, False, Surroundings())
    course = losses(tmp_path)
    assert course[-1] < 0.7 * course[0]
    assert found is not None
    assert found.mean > before.mean + 4.0
    assert dict(found.stems)["bass"] > 6.0


def test_the_same_seed_gives_the_same_steps(tmp_path: Path, songs: Songs) -> None:
    torch.manual_seed(1)
    train(recipe(), songs, tmp_path / "one", False, Surroundings())
    torch.manual_seed(2)
    train(recipe(), songs, tmp_path / "two", False, Surroundings())
    train(recipe(seed=2), songs, tmp_path / "three", False, Surroundings())
    assert losses(tmp_path / "one") == losses(tmp_path / "two")
    assert losses(tmp_path / "one") != losses(tmp_path / "three")


def test_stopped_and_resumed_it_ends_where_it_would_have(tmp_path: Path, songs: Songs) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(recipe(), songs, whole, False, Surroundings())
    count = 0

    def stop() -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe(), songs, broken, False, Surroundings(check=stop))
    assert load(broken).step == 3
    train(recipe(), songs, broken, True, Surroundings())
    one, other = load(whole), load(broken)
    assert one.step == other.step == 8
    for name, value in one.network.items():
        assert torch.equal(value, other.network[name]), name
    for name, value in one.average.items():
        assert torch.equal(value, other.average[name]), name
    assert losses(whole) == losses(broken)
    assert (one.best, one.best_step) == (other.best, other.best_step)
    assert not list(broken.glob(".*.tmp"))


def test_a_training_is_not_overwritten(tmp_path: Path, songs: Songs) -> None:
    train(recipe(steps=1), songs, tmp_path, False, Surroundings())
    before = (tmp_path / STATE).read_bytes()
    with pytest.raises(StemliftError) as caught:
        train(recipe(steps=1), songs, tmp_path, False, Surroundings())
    assert caught.value.reason is Reason.OUTPUT_EXISTS
    changed = recipe(steps=2)
    changed = changed.model_copy(
        update={"network": changed.network.model_copy(update={"features": 10})}
    )
    with pytest.raises(StemliftError) as caught:
        train(changed, songs, tmp_path, True, Surroundings())
    assert caught.value.reason is Reason.FILE_CORRUPT
    assert (tmp_path / STATE).read_bytes() == before


_CPU_WORDS = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."


@pytest.mark.parametrize(
    "error",
    [torch.cuda.OutOfMemoryError(), MemoryError(), RuntimeError(_CPU_WORDS)],
    ids=["cuda", "python", "cpu"],
)
def test_where_memory_ends_it_says_so_and_can_go_on(
    tmp_path: Path, songs: Songs, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    train(recipe(steps=1), songs, tmp_path, False, Surroundings())
    before = (tmp_path / STATE).read_bytes()

    def too_much(*_: object) -> torch.Tensor:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(gradients, "separation_loss", too_much)
        with pytest.raises(StemliftError) as caught:
            train(recipe(steps=2), songs, tmp_path, True, Surroundings())
    assert caught.value.reason is Reason.OUT_OF_MEMORY
    assert "batch" in caught.value.remedy
    assert (tmp_path / STATE).read_bytes() == before
    train(recipe(steps=2, batch=1), songs, tmp_path, True, Surroundings())
    assert load(tmp_path).step == 2


def test_a_damaged_state_is_refused(tmp_path: Path, songs: Songs) -> None:
    train(recipe(steps=1), songs, tmp_path, False, Surroundings())
    whole = (tmp_path / STATE).read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"PK" + bytes(100)):
        (tmp_path / STATE).write_bytes(damaged)
        with pytest.raises(StemliftError) as caught:
            train(recipe(steps=2), songs, tmp_path, True, Surroundings())
        assert caught.value.reason is Reason.FILE_CORRUPT


def test_a_damaged_log_costs_its_lines_alone(tmp_path: Path, songs: Songs) -> None:
    train(recipe(steps=1), songs, tmp_path, False, Surroundings())
    (tmp_path / "log.jsonl").write_bytes(b"\xff\xfe\x00\n[1]\n")
    train(recipe(steps=2), songs, tmp_path, True, Surroundings())
    told = read_log(tmp_path / "log.jsonl")
    assert [line["step"] for line in told if "loss" in line] == [2]
    assert [line["best_step"] for line in told if "sdr" in line] == [2]


def test_one_training_at_a_time_in_a_folder(tmp_path: Path, songs: Songs) -> None:
    train(recipe(steps=1), songs, tmp_path, False, Surroundings())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with only_one(tmp_path, "training"), pytest.raises(StemliftError) as caught:
        train(recipe(steps=2), songs, tmp_path, True, Surroundings())
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert "Another training" in caught.value.message
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    train(recipe(steps=2), songs, tmp_path, True, Surroundings())


def test_half_precision_learns_too(tmp_path: Path, songs: Songs) -> None:
    train(recipe(precision="bf16"), songs, tmp_path / "half", False, Surroundings())
    train(recipe(precision="fp32"), songs, tmp_path / "full", False, Surroundings())
    half, full = losses(tmp_path / "half"), losses(tmp_path / "full")
    assert half != full
    np.testing.assert_allclose(half, full, rtol=0.05)


def test_it_begins_with_given_weights(tmp_path: Path, songs: Songs) -> None:
    train(recipe(), songs, tmp_path / "first", False, Surroundings())
    start = tmp_path / "first" / BEST
    # Without a rate to speak of, the weights stay what they were.
    told = recipe(steps=1, rate=1e-12, start=start, seed=9)
    train(told, songs, tmp_path / "second", False, Surroundings())
    one, other = read_weights(start), read_weights(tmp_path / "second" / BEST)
    for name, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=1e-6)


def test_what_is_exported_is_a_model(tmp_path: Path, songs: Songs) -> None:
    told = recipe()
    told = told.model_copy(
        update={"data": told.data.model_copy(update={"songs": (tmp_path / "private",)})}
    )
    train(told, songs, tmp_path / "run", False, Surroundings())
    done = export(tmp_path / "run", tmp_path / "tiny.safetensors")
    found = recognise(done.weights)
    assert found.network is Network.COMPACT
    assert found.stems == ("drums", "bass", "other", "vocals")
    assert found.sample_rate == 44_100
    assert done.size < 2.2 * done.parameters + 20_000
    best, kept = read_weights(tmp_path / "run" / BEST), read_weights(done.weights)
    for name, value in best.state_dict().items():
        torch.testing.assert_close(kept.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    card = done.card.read_text(encoding="utf-8")
    measured = [line for line in read_log(tmp_path / "run" / "log.jsonl") if "sdr" in line]
    figure = next(line for line in measured if line["step"] == measured[-1]["best_step"])
    assert f"| mean | {figure['mean']:.2f} |" in card
    for words in ("CC0-1.0", "FluidR3", "8 steps of 2 × 0.5 s, seed 1"):
        assert words in card
    assert "private" not in card
    assert json.loads(card.split("```json")[1].split("```")[0])["name"] == "tiny"
    with pytest.raises(StemliftError) as caught:
        export(tmp_path / "run", done.weights)
    assert caught.value.reason is Reason.OUTPUT_EXISTS
    with pytest.raises(StemliftError) as caught:
        export(tmp_path / "nowhere", tmp_path / "b.safetensors")
    assert caught.value.reason is Reason.FILE_NOT_FOUND
