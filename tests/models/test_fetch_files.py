"""Models of listed files: in a hub repository, at plain addresses, or both."""

import errno
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fake_hub import FakeHub
from killer import Killer

from stemlift.errors import Reason, StemliftError
from stemlift.models.child import Report
from stemlift.models.download import download
from stemlift.models.place import ModelPlace
from stemlift.models.spec import ModelSpec, Network, WeightFile
from stemlift.models.store import ModelStore

CHECKPOINT = bytes(range(256)) * 4096
OTHER = bytes(reversed(range(256))) * 4096
YAML = b"audio: {chunk_size: 352800}\n"
HALF = len(CHECKPOINT) // 2
REPOSITORY = "owner/models"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def spec_of(*files: WeightFile, repository: str | None = None, name: str = "roof") -> ModelSpec:
    return ModelSpec(
        name=name,
        title="",
        network=Network.BS_ROFORMER,
        stems=("vocals", "other"),
        sample_rate=44100,
        masks=(),
        rank=-1,
        licence="MIT",
        commercial_use=True,
        repository=repository,
        files=files,
    )


def never() -> bool:
    return False


def ignore(done: int, total: int) -> None:
    pass


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def store(hub: FakeHub, tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", hub.endpoint)


def bring(store: ModelStore, spec: ModelSpec, report: Report = ignore) -> tuple[Path, ...]:
    """As `store.fetch` does in a process of its own, but quicker, in this one."""
    download(ModelPlace.of(store.folder, spec), store.endpoint, report)
    return replace(store, offline=True).fetch(spec, ignore, never).paths


def failure(store: ModelStore, spec: ModelSpec) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        bring(store, spec)
    assert caught.value.message.endswith((".", ")."))
    assert caught.value.remedy
    assert not store.installed(spec)
    return caught.value


def left_over(store: ModelStore) -> list[Path]:
    return [path for path in store.folder.rglob(".partial/*") if path.stat().st_size]


def test_a_checkpoint_on_the_hub_and_its_configuration_elsewhere(
    store: ModelStore, hub: FakeHub
) -> None:
    hub.put(REPOSITORY, "vocals/best model.ckpt", CHECKPOINT)
    address = hub.put_plain("/configs/best.yaml", YAML)
    checkpoint = WeightFile("vocals/best model.ckpt", None, len(CHECKPOINT), sha(CHECKPOINT)[:8])
    spec = spec_of(checkpoint, WeightFile("best.yaml", address), repository=REPOSITORY)
    assert not store.installed(spec)
    seen: list[tuple[int, int]] = []
    files = store.fetch(spec, lambda *news: seen.append(news), never)
    total = len(CHECKPOINT) + len(YAML)
    assert files.bag is None
    assert [path.read_bytes() for path in files.paths] == [CHECKPOINT, YAML]
    assert files.paths[1] == store.folder / "files" / "roof" / "best.yaml"
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)
    assert store.installed(spec)
    assert store.installed_bytes(spec) == total
    hub.requests.clear()
    assert store.fetch(spec, ignore, never) == files
    assert replace(store, offline=True).fetch(spec, ignore, never) == files
    assert hub.requests == []


def test_a_plain_server_is_sent_nothing_of_the_hub(
    store: ModelStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    address = hub.put_plain("/model.th", CHECKPOINT)
    # The hub's own address is of no interest to a model that has nothing there.
    elsewhere = replace(store, endpoint="nonsense")
    elsewhere.fetch(spec_of(WeightFile("model.th", address)), ignore, never)
    assert {request.method for request in hub.requests} == {"GET"}
    assert {request.authorization for request in hub.requests} == {None}


def test_a_cut_transfer_goes_on(store: ModelStore, hub: FakeHub) -> None:
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    hub.cut["/model.ckpt"] = HALF
    file = WeightFile("model.ckpt", address, len(CHECKPOINT), sha(CHECKPOINT))
    assert bring(store, spec_of(file))[0].read_bytes() == CHECKPOINT
    assert [request.start for request in hub.gets("/model.ckpt")] == [0, HALF]


@pytest.mark.parametrize("known", [None, sha(CHECKPOINT)[:8], sha(CHECKPOINT)])
def test_a_cancelled_transfer_is_resumed_by_the_next_one(
    store: ModelStore, hub: FakeHub, known: str | None
) -> None:
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    spec = spec_of(WeightFile("model.ckpt", address, sha256=known))
    interrupt_at(HALF, store, spec)
    assert not store.installed(spec)
    assert len(left_over(store)) == 1
    paths = bring(store, spec)
    assert paths[0].read_bytes() == CHECKPOINT
    assert hub.gets("/model.ckpt")[-1].start >= HALF
    assert left_over(store) == []


@pytest.mark.parametrize("etags", [True, False])
def test_other_content_is_never_appended(store: ModelStore, hub: FakeHub, etags: bool) -> None:
    hub.etags = etags
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    spec = spec_of(WeightFile("model.ckpt", address))
    interrupt_at(HALF, store, spec)
    hub.put_plain("/model.ckpt", OTHER)
    assert bring(store, spec)[0].read_bytes() == OTHER
    assert hub.gets("/model.ckpt")[-1].start == 0


def test_a_change_in_the_middle_of_a_transfer_is_noticed(store: ModelStore, hub: FakeHub) -> None:
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    spec = spec_of(WeightFile("model.ckpt", address))

    def change(done: int, total: int) -> None:
        hub.put_plain("/model.ckpt", OTHER)

    with pytest.raises(StemliftError, match="changed meanwhile"):
        bring(store, spec, change)
    assert bring(store, spec)[0].read_bytes() == OTHER


def test_a_server_that_gives_no_parts_begins_anew(store: ModelStore, hub: FakeHub) -> None:
    hub.ranges = False
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    spec = spec_of(WeightFile("model.ckpt", address))
    interrupt_at(HALF, store, spec)
    assert bring(store, spec)[0].read_bytes() == CHECKPOINT


def test_a_server_that_tells_no_size(store: ModelStore, hub: FakeHub) -> None:
    hub.chunked.add("/model.ckpt")
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    assert bring(store, spec_of(WeightFile("model.ckpt", address)))[0].read_bytes() == CHECKPOINT


def test_no_more_is_taken_than_the_catalogue_says(store: ModelStore, hub: FakeHub) -> None:
    hub.chunked.add("/model.ckpt")
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    error = failure(store, spec_of(WeightFile("model.ckpt", address, size=HALF)))
    assert "more came than was announced" in error.message
    assert left_over(store) == []


@pytest.mark.parametrize("wrong", ["0" * 8, "0" * 64])
def test_a_wrong_checksum_leaves_nothing(store: ModelStore, hub: FakeHub, wrong: str) -> None:
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    error = failure(store, spec_of(WeightFile("model.ckpt", address, sha256=wrong)))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert "checksum of model.ckpt is wrong" in error.message
    assert address in error.message
    assert left_over(store) == []
    assert not list(store.folder.rglob("model.ckpt"))


@pytest.mark.parametrize("size", [HALF, None])
def test_another_file_is_not_even_begun(store: ModelStore, hub: FakeHub, size: int | None) -> None:
    hub.put(REPOSITORY, "model.ckpt", CHECKPOINT)
    spec = spec_of(WeightFile("model.ckpt", None, size, "0" * 8), repository=REPOSITORY)
    error = failure(store, spec)
    assert "not the file that the catalogue names" in error.message
    assert hub.gets("model.ckpt") == []


@pytest.mark.parametrize(
    ("status", "words"), [(404, "There is no"), (401, "refuses"), (503, "HTTP 503")]
)
def test_a_server_that_says_no(store: ModelStore, hub: FakeHub, status: int, words: str) -> None:
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    hub.status["/model.ckpt"] = status
    error = failure(store, spec_of(WeightFile("model.ckpt", address)))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert words in error.message
    assert address in error.message


def test_a_server_that_stops(
    store: ModelStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.2)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    monkeypatch.setattr("stemlift.models.transfer._PAUSE", 0.0)
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    spec = spec_of(WeightFile("model.ckpt", address))

    class Stalls(dict[str, int]):
        def pop(self, key: str, default: int) -> int:  # type: ignore[override]
            return HALF

    hub.stall = Stalls()
    hub.ranges = False
    error = failure(store, spec)
    assert "stopped answering" in error.message
    assert address in error.message


def test_nobody_listens(store: ModelStore) -> None:
    error = failure(store, spec_of(WeightFile("model.ckpt", "http://127.0.0.1:1/model.ckpt")))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert "http://127.0.0.1:1/model.ckpt" in error.message


def test_redirects_are_followed(store: ModelStore, hub: FakeHub) -> None:
    hub.put_plain("/storage/0815", CHECKPOINT)
    hub.redirects["/model.ckpt"] = "/signed"
    hub.redirects["/signed"] = f"{hub.endpoint}/storage/0815"
    address = f"{hub.endpoint}/model.ckpt"
    assert bring(store, spec_of(WeightFile("model.ckpt", address)))[0].read_bytes() == CHECKPOINT


@pytest.mark.parametrize("leads_to", ["file:///etc/passwd", "/model.ckpt"])
def test_redirects_to_nowhere_are_not(store: ModelStore, hub: FakeHub, leads_to: str) -> None:
    hub.redirects["/model.ckpt"] = leads_to
    error = failure(store, spec_of(WeightFile("model.ckpt", f"{hub.endpoint}/model.ckpt")))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert f"{hub.endpoint}/model.ckpt leads" in error.message


def test_only_web_addresses_are_asked(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(CHECKPOINT)
    address = (tmp_path / "here").as_uri()
    assert "no web address" in failure(store, spec_of(WeightFile("here", address))).message


def test_offline_and_not_here(store: ModelStore, hub: FakeHub) -> None:
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    with pytest.raises(StemliftError, match="offline"):
        replace(store, offline=True).fetch(
            spec_of(WeightFile("model.ckpt", address)), ignore, never
        )
    assert hub.requests == []


def test_two_models_of_a_repository_live_through_its_changes(
    store: ModelStore, hub: FakeHub
) -> None:
    hub.put(REPOSITORY, "a.ckpt", CHECKPOINT)
    one = spec_of(WeightFile("a.ckpt"), repository=REPOSITORY, name="one")
    two = spec_of(WeightFile("b.ckpt"), repository=REPOSITORY, name="two")
    bring(store, one)
    hub.put(REPOSITORY, "b.ckpt", OTHER)
    bring(store, two)
    assert bring(store, one)[0].read_bytes() == CHECKPOINT
    assert bring(store, two)[0].read_bytes() == OTHER


def test_what_is_whole_is_kept_when_the_repository_changes(store: ModelStore, hub: FakeHub) -> None:
    hub.put(REPOSITORY, "a.ckpt", CHECKPOINT)
    hub.put(REPOSITORY, "b.ckpt", OTHER)
    spec = spec_of(WeightFile("a.ckpt"), WeightFile("b.ckpt"), repository=REPOSITORY)
    hub.status["b.ckpt"] = 503
    failure(store, spec)
    hub.status.clear()
    interrupt_at(len(CHECKPOINT) + HALF, store, spec)
    hub.put(REPOSITORY, "README.md", b"news")
    paths = bring(store, spec)
    assert [path.read_bytes() for path in paths] == [CHECKPOINT, OTHER]
    assert [request.start for request in hub.gets("a.ckpt")] == [0]
    assert hub.gets("b.ckpt")[-1].start >= HALF


def test_a_catalogue_that_names_new_content_fetches_it(store: ModelStore, hub: FakeHub) -> None:
    address = hub.put_plain("/model.ckpt", CHECKPOINT)
    bring(store, spec_of(WeightFile("model.ckpt", address)))
    hub.put_plain("/model.ckpt", OTHER)
    newer = spec_of(WeightFile("model.ckpt", address, sha256=sha(OTHER)))
    assert not store.installed(newer)
    assert bring(store, newer)[0].read_bytes() == OTHER
    moved = spec_of(WeightFile("model.ckpt", hub.put_plain("/new.ckpt", CHECKPOINT)))
    assert not store.installed(moved)
    assert bring(store, moved)[0].read_bytes() == CHECKPOINT


def test_killed_at_any_step_it_is_whole_or_absent(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put(REPOSITORY, "model.ckpt", CHECKPOINT)
    address = hub.put_plain("/model.yaml", YAML)
    files = (WeightFile("model.ckpt"), WeightFile("model.yaml", address))
    spec = spec_of(*files, repository=REPOSITORY)
    step = 0
    while True:
        store = ModelStore(tmp_path / str(step), hub.endpoint)
        with monkeypatch.context() as patch:
            Killer(step).watch(patch)
            try:
                download(ModelPlace.of(store.folder, spec), store.endpoint, ignore)
                break
            except KeyboardInterrupt:
                step += 1
        if store.installed(spec):
            assert {one.state for one in store.verify(spec, ignore, never)} == {"ok"}
        paths = bring(store, spec)
        assert [path.read_bytes() for path in paths] == [CHECKPOINT, YAML]
        assert {one.state for one in store.verify(spec, ignore, never)} == {"ok"}
    # For each file its content, the record of it, and both names.
    assert step >= 8


def test_a_disk_that_fills_up(
    store: ModelStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(WeightFile("model.ckpt", hub.put_plain("/model.ckpt", CHECKPOINT)))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert failure(store, spec).reason is Reason.DISK_FULL
    assert bring(store, spec)[0].read_bytes() == CHECKPOINT


def test_two_at_once_fetch_it_once(store: ModelStore, hub: FakeHub) -> None:
    hub.put(REPOSITORY, "model.ckpt", CHECKPOINT)
    spec = spec_of(WeightFile("model.ckpt"), repository=REPOSITORY)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: bring(store, spec), range(2)))
    assert both[0] == both[1]
    assert len(hub.gets("model.ckpt")) == 1


def test_files_that_were_brought_by_hand_are_taken(store: ModelStore) -> None:
    spec = spec_of(WeightFile("model.ckpt", "http://127.0.0.1:1/model.ckpt", len(CHECKPOINT)))
    home = store.folder / "files" / "roof"
    home.mkdir(parents=True)
    (home / "model.ckpt").write_bytes(CHECKPOINT[:-1])
    assert not store.installed(spec)
    (home / "model.ckpt").write_bytes(CHECKPOINT)
    assert store.fetch(spec, ignore, never).paths == (home / "model.ckpt",)
    assert [one.state for one in store.verify(spec, ignore, never)] == ["unchecked"]


def test_an_imported_model_is_never_fetched(store: ModelStore, hub: FakeHub) -> None:
    folder = store.folder / "imported" / "roof"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(CHECKPOINT)
    file = WeightFile("model.safetensors", None, len(CHECKPOINT), sha(CHECKPOINT))
    spec = replace(spec_of(file), folder=folder)
    assert store.installed(spec)
    assert store.fetch(spec, ignore, never).paths == (folder / "model.safetensors",)
    (folder / "model.safetensors").write_bytes(CHECKPOINT[:-1])
    assert not store.installed(spec)
    with pytest.raises(StemliftError) as caught:
        store.fetch(spec, ignore, never)
    assert caught.value.reason is Reason.MODEL_NOT_INSTALLED
    assert "model.safetensors" in caught.value.message
    assert hub.requests == []


def interrupt_at(position: int, store: ModelStore, spec: ModelSpec) -> None:
    """Let a transfer end at `position`, as if its process were killed."""

    def stop(done: int, total: int) -> None:
        if done >= position:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(store, spec, stop)
