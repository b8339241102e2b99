import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from fake_hub import FakeHub

from stemlift.errors import Reason, StemliftError
from stemlift.models.catalogue import load_catalogue
from stemlift.models.download import download
from stemlift.models.place import ModelPlace
from stemlift.models.spec import WeightFile
from stemlift.models.store import FileCheck, ModelStore

BAG_SPEC = load_catalogue().get("htdemucs_ft")
SPEC = replace(BAG_SPEC, name="listed", repository=None, bag=None, files=(WeightFile("a.ckpt"),))
CONTENT = bytes(range(256)) * 5000


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def never() -> bool:
    return False


def ignore(done: int, total: int) -> None:
    pass


@pytest.fixture
def bag_store(tmp_path: Path) -> ModelStore:
    assert BAG_SPEC.repository is not None
    with FakeHub() as hub:
        hub.put(BAG_SPEC.repository, "htdemucs_ft.yaml", b"models: [aaaa0001]")
        hub.put(BAG_SPEC.repository, "aaaa0001.safetensors", CONTENT)
        download(ModelPlace.of(tmp_path, BAG_SPEC), hub.endpoint, ignore)
    return ModelStore(tmp_path, offline=True)


def states(store: ModelStore) -> dict[str, str]:
    checks = store.verify(BAG_SPEC, ignore, never)
    return {check.path.name: check.state for check in checks}


def test_every_file_that_was_fetched_is_checked(bag_store: ModelStore) -> None:
    seen: list[tuple[int, int]] = []
    checks = bag_store.verify(BAG_SPEC, lambda *news: seen.append(news), never)
    files = bag_store.fetch(BAG_SPEC, ignore, never)
    assert files.bag is not None
    bag = files.bag.read_bytes()
    assert checks == (
        FileCheck(files.bag, "ok", sha(bag), sha(bag)),
        FileCheck(files.paths[0], "ok", sha(CONTENT), sha(CONTENT)),
    )
    total = len(bag) + len(CONTENT)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)


def test_one_wrong_bit_is_found(bag_store: ModelStore) -> None:
    path = bag_store.fetch(BAG_SPEC, ignore, never).paths[0]
    path.write_bytes(CONTENT[:-1] + b"\x00")
    check = bag_store.verify(BAG_SPEC, ignore, never)[1]
    assert (check.state, check.expected) == ("damaged", sha(CONTENT))
    assert check.found == sha(path.read_bytes())


def test_missing_and_damaged_files_are_told_apart(bag_store: ModelStore) -> None:
    files = bag_store.fetch(BAG_SPEC, ignore, never)
    assert files.bag is not None
    files.paths[0].unlink()
    assert states(bag_store) == {"htdemucs_ft.yaml": "ok", "aaaa0001.safetensors": "missing"}
    files.bag.write_bytes(b"models: [aaaa000\xff]")
    assert states(bag_store) == {"htdemucs_ft.yaml": "damaged"}
    files.bag.write_text("shorter")
    assert states(bag_store) == {"htdemucs_ft.yaml": "damaged"}
    files.bag.unlink()
    assert states(bag_store) == {"htdemucs_ft.yaml": "missing"}
    assert not bag_store.installed(BAG_SPEC)


def test_what_was_never_here_is_missing(tmp_path: Path) -> None:
    assert states(ModelStore(tmp_path)) == {"htdemucs_ft.yaml": "missing"}


def test_a_copied_cache_is_checked_by_the_names_of_its_blobs(tmp_path: Path) -> None:
    root = tmp_path / "models--adefossez--HTDemucs-ft"
    snapshot = root / "snapshots" / ("1" * 40)
    for folder in (snapshot, root / "refs", root / "blobs"):
        folder.mkdir(parents=True)
    (root / "refs" / "main").write_text("1" * 40)
    for name, blob, content in (
        ("htdemucs_ft.yaml", "c" * 40, b"models: [aaaa0001, aaaa0002]"),
        ("aaaa0001.safetensors", sha(CONTENT), CONTENT),
        ("aaaa0002.safetensors", "0" * 64, CONTENT),
    ):
        (root / "blobs" / blob).write_bytes(content)
        (snapshot / name).symlink_to(Path("../../blobs") / blob)
    assert states(ModelStore(tmp_path)) == {
        "htdemucs_ft.yaml": "unchecked",
        "aaaa0001.safetensors": "ok",
        "aaaa0002.safetensors": "damaged",
    }


@pytest.mark.parametrize(
    ("known", "size", "state"),
    [
        (None, None, "unchecked"),
        (None, 3, "damaged"),
        (sha(CONTENT)[:8], None, "ok"),
        (sha(CONTENT), len(CONTENT), "ok"),
        ("0" * 8, None, "damaged"),
    ],
)
def test_an_imported_file_is_checked_by_its_entry(
    tmp_path: Path, known: str | None, size: int | None, state: str
) -> None:
    (tmp_path / "a.ckpt").write_bytes(CONTENT)
    spec = replace(SPEC, folder=tmp_path, files=(WeightFile("a.ckpt", None, size, known),))
    (check,) = ModelStore(tmp_path).verify(spec, ignore, never)
    assert check == FileCheck(tmp_path / "a.ckpt", state, known, sha(CONTENT))  # type: ignore[arg-type]


def test_a_check_can_be_cancelled(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(CONTENT)
    with pytest.raises(StemliftError) as caught:
        ModelStore(tmp_path).verify(replace(SPEC, folder=tmp_path), ignore, lambda: True)
    assert caught.value.reason is Reason.CANCELLED


def test_a_model_without_files_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no weights"):
        ModelStore(tmp_path).verify(load_catalogue().get("spectral"), ignore, never)
