import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_hub import FakeHub

from stemlift.errors import Reason, StemliftError
from stemlift.models.catalogue import load_catalogue
from stemlift.models.child import Report
from stemlift.models.download import download
from stemlift.models.place import ModelPlace
from stemlift.models.store import DEFAULT_ENDPOINT, ModelStore
from stemlift.settings import Settings

SPEC = load_catalogue().get("htdemucs_ft")
REPOSITORY = "adefossez/HTDemucs-ft"
BAG = b"models: ['aaaa0001', 'aaaa0002']\nweights: [[1, 0, 1, 0], [0, 1, 0, 1]]\n"
FIRST = bytes(range(256)) * 4096
SECOND = bytes(reversed(range(256))) * 2048
TOTAL = len(FIRST) + len(SECOND)
HALF = len(FIRST) // 2


def never() -> bool:
    return False


def ignore(done: int, total: int) -> None:
    pass


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.put(REPOSITORY, "htdemucs_ft.yaml", BAG)
        hub.put(REPOSITORY, "aaaa0001.safetensors", FIRST)
        hub.put(REPOSITORY, "aaaa0002.safetensors", SECOND)
        yield hub


@pytest.fixture
def store(hub: FakeHub, tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", hub.endpoint)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Download in this process: quicker, where the other process is not what it is about."""

    def run(module: str, request: dict[str, Any], report: Report, *_: Any, what: str) -> None:
        place = ModelPlace.asked(request)
        download(place, request["endpoint"], report)

    monkeypatch.setattr("stemlift.models.store.run_child", run)


def failure(store: ModelStore) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        store.fetch(SPEC, ignore, never)
    assert caught.value.message.endswith((".", ")."))
    assert caught.value.remedy
    assert not store.installed(SPEC)
    return caught.value


def test_a_download_brings_every_file_and_tells_how_far_it_is(
    store: ModelStore, hub: FakeHub
) -> None:
    assert not store.installed(SPEC)
    seen: list[tuple[int, int]] = []
    files = store.fetch(SPEC, lambda done, total: seen.append((done, total)), never)
    assert files.bag is not None
    assert files.bag.read_bytes() == BAG
    assert [path.read_bytes() for path in files.paths] == [FIRST, SECOND]
    assert seen[-1] == (TOTAL, TOTAL)
    assert seen == sorted(seen)
    assert store.installed(SPEC)
    assert not list(store.folder.rglob(".partial/*"))


@pytest.mark.usefixtures("here")
def test_what_is_here_is_not_asked_for_again(store: ModelStore, hub: FakeHub) -> None:
    first = store.fetch(SPEC, ignore, never)
    hub.requests.clear()
    assert store.fetch(SPEC, ignore, never) == first
    assert replace(store, offline=True).fetch(SPEC, ignore, never) == first
    assert replace(store, endpoint="http://127.0.0.1:1").fetch(SPEC, ignore, never) == first
    assert hub.requests == []


def test_no_token_leaves_this_machine(
    store: ModelStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    store.fetch(SPEC, ignore, never)
    assert len(hub.requests) == 6
    assert {request.authorization for request in hub.requests} == {None}


@pytest.mark.usefixtures("here")
def test_a_cut_connection_goes_on_where_it_stopped(store: ModelStore, hub: FakeHub) -> None:
    hub.cut["aaaa0001.safetensors"] = HALF
    files = store.fetch(SPEC, ignore, never)
    assert files.paths[0].read_bytes() == FIRST
    assert [request.start for request in hub.gets("aaaa0001.safetensors")] == [0, HALF]


def test_a_cancelled_download_ends_in_a_stall_and_resumes_later(
    store: ModelStore, hub: FakeHub
) -> None:
    hub.stall["aaaa0001.safetensors"] = HALF
    done = 0

    def progress(now: int, total: int) -> None:
        nonlocal done
        done = now

    with pytest.raises(StemliftError) as caught:
        store.fetch(SPEC, progress, lambda: done >= HALF)
    assert caught.value.reason is Reason.CANCELLED
    assert not store.installed(SPEC)
    hub.release()

    files = store.fetch(SPEC, ignore, never)
    assert files.paths[0].read_bytes() == FIRST
    assert hub.gets("aaaa0001.safetensors")[-1].start == HALF


@pytest.mark.usefixtures("here")
def test_a_finished_member_is_kept_when_the_next_one_fails(store: ModelStore, hub: FakeHub) -> None:
    hub.corrupt.add("aaaa0002.safetensors")
    assert failure(store).reason is Reason.DOWNLOAD_FAILED
    hub.corrupt.clear()
    store.fetch(SPEC, ignore, never)
    assert len(hub.gets("aaaa0001.safetensors")) == 1


@pytest.mark.usefixtures("here")
def test_a_damaged_transfer_is_not_kept(store: ModelStore, hub: FakeHub) -> None:
    hub.corrupt.add("aaaa0001.safetensors")
    error = failure(store)
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert "checksum of aaaa0001.safetensors" in error.message
    assert not list(store.folder.rglob(".partial/*"))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("file", "status", "words"),
    [
        ("htdemucs_ft.yaml", 404, "There is no"),
        ("aaaa0002.safetensors", 401, "refuses"),
        ("htdemucs_ft.yaml", 403, "refuses"),
        ("htdemucs_ft.yaml", 500, "HTTP 500"),
    ],
)
def test_a_hub_that_says_no(
    store: ModelStore, hub: FakeHub, file: str, status: int, words: str
) -> None:
    hub.status[file] = status
    error = failure(store)
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert words in error.message
    assert REPOSITORY in error.message


def test_a_hub_that_never_answers(
    store: ModelStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "1")
    hub.head_stalls = True
    error = failure(store)
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert "stopped answering" in error.message


@pytest.mark.usefixtures("here")
def test_no_network(tmp_path: Path) -> None:
    error = failure(ModelStore(tmp_path, "http://127.0.0.1:1"))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert "cannot be reached" in error.message
    assert "127.0.0.1:1" in error.message


@pytest.mark.usefixtures("here")
def test_an_address_that_is_no_hub(store: ModelStore, hub: FakeHub) -> None:
    hub.commits = False
    error = failure(store)
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert "does not answer as a model hub does" in error.message


@pytest.mark.parametrize("address", ["file:///etc", "ftp://example.org", "nonsense"])
def test_an_address_that_is_not_a_web_address(tmp_path: Path, address: str) -> None:
    error = failure(ModelStore(tmp_path, address))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert address in error.message


def test_offline_and_not_here(store: ModelStore, hub: FakeHub) -> None:
    error = failure(replace(store, offline=True))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert "offline" in error.message
    assert str(store.folder) in error.remedy
    assert hub.requests == []


def test_a_folder_that_cannot_be_made(hub: FakeHub, tmp_path: Path) -> None:
    blocked = tmp_path / "models"
    blocked.write_text("a file where the folder should be")
    assert failure(ModelStore(blocked, hub.endpoint)).reason is Reason.WRITE_FAILED


@pytest.mark.usefixtures("here")
def test_a_bag_that_leaves_its_folder_is_refused(store: ModelStore, hub: FakeHub) -> None:
    hub.put(REPOSITORY, "htdemucs_ft.yaml", b"models: ['../../evil']\n")
    error = failure(store)
    assert error.reason is Reason.CHECKPOINT_INVALID
    assert {request.file for request in hub.requests} == {"htdemucs_ft.yaml"}


@pytest.mark.usefixtures("here")
def test_a_missing_member_means_not_installed(store: ModelStore, hub: FakeHub) -> None:
    files = store.fetch(SPEC, ignore, never)
    files.paths[1].unlink()
    assert not store.installed(SPEC)
    store.fetch(SPEC, ignore, never)
    assert store.installed(SPEC)
    assert len(hub.gets("aaaa0001.safetensors")) == 1


def test_a_folder_of_the_hubs_own_cache_is_taken(tmp_path: Path) -> None:
    root = tmp_path / "models--adefossez--HTDemucs-ft"
    snapshot = root / "snapshots" / ("1" * 40)
    for folder in (snapshot, root / "refs", root / "blobs"):
        folder.mkdir(parents=True)
    (root / "refs" / "main").write_text("1" * 40)
    contents = {
        "htdemucs_ft.yaml": BAG,
        "aaaa0001.safetensors": FIRST,
        "aaaa0002.safetensors": SECOND,
    }
    for name, content in contents.items():
        blob = root / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        (snapshot / name).symlink_to(blob)
    assert ModelStore(tmp_path, offline=True).installed(SPEC)


def test_spectral_is_always_installed(tmp_path: Path) -> None:
    assert ModelStore(tmp_path).installed(load_catalogue().get("spectral"))


def test_settings_come_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert ModelStore.from_settings(tmp_path, Settings()).endpoint == DEFAULT_ENDPOINT
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from_environment = ModelStore.from_settings(tmp_path, Settings())
    assert from_environment.endpoint == "https://mirror.example"
    assert from_environment.offline
    chosen = ModelStore.from_settings(tmp_path, Settings(hub="https://other.example"))
    assert chosen.endpoint == "https://other.example"
