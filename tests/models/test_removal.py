import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_hub import FakeHub
from filelock import FileLock

from stemlift.errors import Reason, StemliftError
from stemlift.models.catalogue import load_catalogue
from stemlift.models.download import download
from stemlift.models.place import ModelPlace
from stemlift.models.spec import ModelSpec, Origin, WeightFile
from stemlift.models.store import ModelStore

REPOSITORY = "owner/models"
BAG = replace(load_catalogue().get("htdemucs_ft"), repository=REPOSITORY)
ONE = bytes(100_000)
TWO = bytes(50_000)
COMMON = b"common: true\n"


def listed(name: str, *files: WeightFile) -> ModelSpec:
    return replace(BAG, name=name, bag=None, files=files)


FIRST = listed("first", WeightFile("one.ckpt"), WeightFile("common.yaml"))
SECOND = listed("second", WeightFile("two.ckpt"), WeightFile("common.yaml"))


def never() -> bool:
    return False


def ignore(done: int, total: int) -> None:
    pass


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.put(REPOSITORY, "one.ckpt", ONE)
        hub.put(REPOSITORY, "two.ckpt", TWO)
        hub.put(REPOSITORY, "common.yaml", COMMON)
        hub.put(REPOSITORY, "htdemucs_ft.yaml", b"models: [aaaa0001]")
        hub.put(REPOSITORY, "aaaa0001.safetensors", ONE)
        yield hub


@pytest.fixture
def store(tmp_path: Path, hub: FakeHub) -> ModelStore:
    return ModelStore(tmp_path / "models", hub.endpoint)


def bring(store: ModelStore, spec: ModelSpec) -> None:
    download(ModelPlace.of(store.folder, spec), store.endpoint, ignore)
    assert store.installed(spec)


def rest(store: ModelStore) -> set[str]:
    """Names of all files that are left, but the locks."""
    files = (path for path in store.folder.rglob("*") if path.is_file())
    return {path.name for path in files if path.parent.name != "locks"}


@pytest.mark.parametrize("spec", [BAG, FIRST])
def test_nothing_is_left(store: ModelStore, spec: ModelSpec) -> None:
    bring(store, spec)
    freed = store.remove(spec)
    assert freed > len(ONE)
    assert not store.installed(spec)
    assert rest(store) == set()
    assert {path.name for path in store.folder.iterdir()} == {"files", "locks"}
    assert store.remove(spec) == 0
    bring(store, spec)


def test_what_another_model_uses_stays(store: ModelStore) -> None:
    bring(store, FIRST)
    bring(store, SECOND)
    assert store.remove(FIRST, [FIRST, SECOND, load_catalogue().get("spectral")]) >= len(ONE)
    assert not store.installed(FIRST)
    assert store.installed(SECOND)
    store.remove(SECOND, [FIRST, SECOND])
    assert rest(store) == set()


def test_what_another_model_only_would_use_does_not(store: ModelStore) -> None:
    bring(store, FIRST)
    store.remove(FIRST, [SECOND])
    assert rest(store) == set()


def test_files_of_two_commits_go(store: ModelStore, hub: FakeHub) -> None:
    bring(store, FIRST)
    hub.put(REPOSITORY, "README.md", b"news")
    bring(store, SECOND)
    store.remove(FIRST, [SECOND])
    assert store.installed(SECOND)
    assert rest(store) == {"two.ckpt", "common.yaml", ".record.json", "main"}


def test_what_an_unfinished_transfer_left_goes_too(store: ModelStore, hub: FakeHub) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(ModelPlace.of(store.folder, FIRST), store.endpoint, stop)
    assert rest(store) != set()
    assert store.remove(FIRST) > 0
    assert rest(store) == set()


def test_not_while_it_is_fetched(store: ModelStore) -> None:
    bring(store, FIRST)
    lock = FileLock(ModelPlace.of(store.folder, FIRST).lock)
    with lock, pytest.raises(StemliftError) as caught:
        store.remove(FIRST)
    assert caught.value.reason is Reason.MODEL_BUSY
    assert store.installed(FIRST)


@pytest.mark.parametrize("spec", [BAG, FIRST])
def test_killed_half_way_it_can_be_removed_again(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, spec: ModelSpec
) -> None:
    delete = Path.unlink
    for step in range(3):
        bring(store, spec)
        left = step

        def unlink(path: Path, missing_ok: bool = False) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            delete(path, missing_ok)

        def rmtree(path: Path, ignore_errors: bool = False) -> None:
            unlink(path)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", unlink)
            patch.setattr(shutil, "rmtree", rmtree)
            with pytest.raises(KeyboardInterrupt):
                store.remove(spec)
        assert store.installed(spec) == (step == 0)
        store.remove(spec)
        assert rest(store) == set()


def test_a_copied_cache_goes_with_its_blobs(tmp_path: Path) -> None:
    root = tmp_path / "models--owner--models"
    for commit in ("1" * 40, "2" * 40):
        (root / "snapshots" / commit).mkdir(parents=True)
        for name, blob in (("one.ckpt", "a"), ("common.yaml", "b"), ("two.ckpt", "c")):
            (root / "blobs").mkdir(exist_ok=True)
            (root / "blobs" / blob).write_bytes(ONE)
            (root / "snapshots" / commit / name).symlink_to(Path("../../blobs") / blob)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text("2" * 40)
    store = ModelStore(tmp_path, offline=True)
    assert store.installed(FIRST)
    assert store.installed(SECOND)
    # The other model's file stays in the snapshot that is in use.
    assert store.remove(FIRST, [SECOND]) == len(ONE)
    assert {path.name for path in (root / "blobs").iterdir()} == {"b", "c"}
    assert store.installed(SECOND)
    assert store.remove(SECOND, [FIRST]) == 2 * len(ONE)
    assert not root.exists()


def test_an_imported_model_goes_with_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "imported" / "own"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(ONE)
    (folder / "model.json").write_bytes(COMMON)
    (tmp_path / "imported" / "other").mkdir()
    spec = replace(
        listed("own", WeightFile("model.safetensors")),
        repository=None,
        folder=folder,
        origin=Origin.IMPORTED,
    )
    assert ModelStore(tmp_path).remove(spec) == len(ONE) + len(COMMON)
    assert [path.name for path in (tmp_path / "imported").iterdir()] == ["other"]


def test_a_record_leads_to_no_file_outside(store: ModelStore, tmp_path: Path) -> None:
    bring(store, FIRST)
    precious = tmp_path / "precious"
    precious.write_bytes(ONE)
    record = store.folder / "files" / "first" / ".record.json"
    text = record.read_text()
    for path in ("../precious", str(precious)):
        snapshot = next(store.folder.rglob("one.ckpt")).relative_to(store.folder).as_posix()
        record.write_text(text.replace(snapshot, path))
        store.remove(FIRST)
        assert precious.is_file()
        bring(store, FIRST)


def test_a_model_without_files_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no weights"):
        ModelStore(tmp_path).remove(load_catalogue().get("spectral"))


def test_where_nothing_is_nothing_is_made(tmp_path: Path) -> None:
    assert ModelStore(tmp_path / "models").remove(FIRST) == 0
    assert not (tmp_path / "models").exists()
