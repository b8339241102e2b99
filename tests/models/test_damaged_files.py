"""Files that were cut, changed or mixed up: an error that names the file and the first fault."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pickles import legacy_package, write_legacy
from refusals import REFUSALS, refusal
from safetensors.torch import load_file, save_file
from tiny_band_split_rnn import write_pair
from tiny_demucs import tiny_htdemucs, write_network
from tiny_open_unmix import write_open_unmix
from tiny_roformer import write_roformer

from stemlift.errors import Reason, StemliftError
from stemlift.models.importing import ImportRequest, import_model
from stemlift.models.recognise import recognise

NETWORK = tiny_htdemucs()


def demucs_file(folder: Path) -> tuple[Path, Path | None]:
    return write_network(folder / "net.safetensors", NETWORK), None


def legacy_file(folder: Path) -> tuple[Path, Path | None]:
    return write_legacy(folder, NETWORK).rename(folder / "net.th"), None


def older_file(folder: Path) -> tuple[Path, Path | None]:
    path = write_legacy(folder, NETWORK, older=True)
    return path.rename(folder / "old.th"), None


def open_unmix_file(folder: Path) -> tuple[Path, Path | None]:
    return next(p for p in write_open_unmix(folder) if p.name.startswith("bass-")), None


def own_file(folder: Path) -> tuple[Path, Path | None]:
    weights, config = write_roformer(folder / "roformer")
    request = ImportRequest(path=weights, config=config, name="mine", folder=folder / "imported")
    import_model(request, lambda done, total: None)
    return folder / "imported" / "mine" / "weights.safetensors", None


def pair_file(folder: Path) -> tuple[Path, Path | None]:
    weights, hparams = write_pair(folder)
    return weights, hparams


def roformer_safetensors(folder: Path) -> tuple[Path, Path | None]:
    weights, config = write_roformer(folder)
    path = weights.with_suffix(".safetensors")
    save_file(torch.load(weights, weights_only=True), path)
    return path, config


MAKERS: list[Callable[[Path], tuple[Path, Path | None]]] = [
    demucs_file,
    legacy_file,
    older_file,
    open_unmix_file,
    own_file,
    pair_file,
    lambda folder: write_roformer(folder),
    roformer_safetensors,
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_file_that_was_cut_short(
    make: Callable[[Path], tuple[Path, Path | None]], tmp_path: Path
) -> None:
    path, config = make(tmp_path)
    recognise(path, config)
    whole = path.read_bytes()
    for size in (0, 1, 7, 9, 100, 600, len(whole) // 3, len(whole) * 9 // 10, len(whole) - 1):
        path.write_bytes(whole[:size])
        refusal(path, config)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, Path | None, bytes]]:
    found = {}
    for number, make in enumerate(MAKERS):
        path, config = make(tmp_path_factory.mktemp("made"))
        found[number] = (path, config, path.read_bytes())
    return found


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    which=st.integers(0, len(MAKERS) - 1),
    places=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
    early=st.booleans(),
)
def test_changed_bytes_are_an_error_or_harmless(
    made: dict[int, tuple[Path, Path | None, bytes]],
    which: int,
    places: list[tuple[float, int]],
    early: bool,
) -> None:
    path, config, whole = made[which]
    content = bytearray(whole)
    for share, value in places:
        content[int(share * (min(3000, len(whole)) if early else len(whole)))] = value
    path.write_bytes(bytes(content))
    reasons = set()
    try:
        recognise(path, config)
    except StemliftError as error:
        reasons.add(error.reason)
    assert reasons <= {*REFUSALS, Reason.ARGUMENT_INVALID}


def state_of(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        return load_file(path)
    return dict(torch.load(path, weights_only=True))


def change_state(path: Path, change: Callable[[dict[str, torch.Tensor], str], None]) -> str:
    """Write the file anew with its first large tensor changed; returns that one's name."""
    package: dict[str, Any] | None = None
    if path.suffix == ".th":
        package = legacy_package(NETWORK)
        state = package["state"]
    else:
        state = state_of(path)
    name = next(key for key in state if state[key].dim() > 1)
    change(state, name)
    if package is not None:
        torch.save(package, path)
    else:
        torch.save(state, path)
    return name


def _drop(state: dict[str, torch.Tensor], name: str) -> None:
    del state[name]


def _grow(state: dict[str, torch.Tensor], name: str) -> None:
    state[name] = torch.cat([state[name], state[name]], 1)


def _poison(state: dict[str, torch.Tensor], name: str) -> None:
    state[name] = torch.full_like(state[name], float("nan"))


def _retype(state: dict[str, torch.Tensor], name: str) -> None:
    state[name] = state[name].to(torch.int32)


def _more(state: dict[str, torch.Tensor], name: str) -> None:
    state[f"{name}.of_another_network"] = torch.zeros(3)


@pytest.mark.parametrize("change", [_drop, _grow, _poison, _retype, _more])
@pytest.mark.parametrize(
    "make", [legacy_file, open_unmix_file, pair_file, lambda folder: write_roformer(folder)]
)
def test_the_first_mismatch_is_named(
    make: Callable[[Path], tuple[Path, Path | None]],
    change: Callable[[dict[str, torch.Tensor], str], None],
    tmp_path: Path,
) -> None:
    path, config = make(tmp_path)
    name = change_state(path, change)
    assert f"{name}" in refusal(path, config) or change is _grow


def test_weights_of_another_architecture_than_the_yaml(tmp_path: Path) -> None:
    bs, bs_yaml = write_roformer(tmp_path, "bs")
    mel, mel_yaml = write_roformer(tmp_path, "mel")
    pair, hparams = write_pair(tmp_path)
    for weights, config in ((bs, mel_yaml), (mel, bs_yaml), (bs, hparams), (pair, bs_yaml)):
        with pytest.raises(StemliftError) as caught:
            recognise(weights, config)
        assert caught.value.reason is Reason.CHECKPOINT_REFUSED
        assert config.name in caught.value.message or weights.name in caught.value.message
