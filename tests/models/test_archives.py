"""Models whose files lie in zip archives: fetched once, taken out, and whole or absent."""

from __future__ import annotations

import hashlib
import io
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fake_hub import FakeHub
from killer import Killer
from tiny_band_split_rnn import write_channel
from trainings import lightning_content, omegaconf_objects

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import build_network
from stemlift.models.catalogue import read_user_models
from stemlift.models.child import Report
from stemlift.models.download import download
from stemlift.models.formats.band_split_rnn import read_band_split_rnn
from stemlift.models.loader import load_model
from stemlift.models.place import ModelPlace
from stemlift.models.spec import ModelSpec, Network, WeightFile
from stemlift.models.store import ModelStore

ONE = hashlib.shake_256(b"one").digest(3_000_000)
TWO = hashlib.shake_256(b"two").digest(500_000)
PATH = "/records/1/files/opt.zip"


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


ZIP = zipped({"opt/": b"", "opt/one.ckpt": ONE, "opt/README": b"hello", "opt/two.ckpt": TWO})


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def spec_of(*files: WeightFile) -> ModelSpec:
    return ModelSpec(
        name="opt",
        title="",
        network=Network.BAND_SPLIT_RNN,
        stems=("vocals", "bass"),
        sample_rate=44100,
        masks=(),
        rank=-1,
        licence="MIT",
        commercial_use=True,
        files=files,
    )


def both(address: str, **known: Any) -> ModelSpec:
    return spec_of(
        WeightFile("one.ckpt", address, member="opt/one.ckpt", **known),
        WeightFile("two.ckpt", address, member="opt/two.ckpt", **known),
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


def interrupt_at(position: int, store: ModelStore, spec: ModelSpec) -> None:
    """Let the work end once `position` bytes are done, as if its process were killed."""

    def stop(done: int, total: int) -> None:
        if done >= position:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(store, spec, stop)
    assert not store.installed(spec)


def failure(store: ModelStore, spec: ModelSpec) -> StemliftError:
    with pytest.raises(StemliftError) as caught:
        bring(store, spec)
    assert caught.value.message.endswith((".", ")."))
    assert caught.value.remedy
    assert not store.installed(spec)
    return caught.value


def left(store: ModelStore) -> list[str]:
    """All that lies in the models folder, but for locks and notes."""
    files = (path for path in store.folder.rglob("*") if path.is_file())
    names = (path.relative_to(store.folder).as_posix() for path in files)
    return sorted(name for name in names if not name.endswith((".lock", ".json")))


FILES = ["files/opt/one.ckpt", "files/opt/two.ckpt"]


def test_a_tiny_model_in_an_archive_is_pulled_and_runs(
    hub: FakeHub, store: ModelStore, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    with omegaconf_objects() as objects:
        for seed, stem in enumerate(("vocals", "bass")):
            written = write_channel(made, [stem], seed=seed)
            state = torch.load(written[0], weights_only=True)["state_dict"]
            torch.save(lightning_content(state, objects, targets=objects.list(stem)), written[0])
    stems = {stem: (made / f"{stem}.ckpt").read_bytes() for stem in ("vocals", "bass")}
    content = zipped({f"opt/{stem}.ckpt": data for stem, data in stems.items()})
    archive = hub.put_plain(PATH, content)
    lines = ['[[models]]\nname = "tiny"\nnetwork = "band_split_rnn"\nstems = ["vocals", "bass"]']
    lines.append("files = [")
    for stem in stems:
        known = f'address = "{archive}", size = {len(content)}, md5 = "{md5(content)}"'
        lines.append(f'  {{ name = "{stem}.ckpt", member = "opt/{stem}.ckpt", {known} }},')
    for name in ("bsrnn.yaml", "config.yaml"):
        address = hub.put_plain(f"/conf/{name}", (made / name).read_bytes())
        lines.append(f'  {{ name = "{name}", address = "{address}" }},')
    entries = tmp_path / "models.toml"
    entries.write_text("\n".join([*lines, "]"]), encoding="utf-8")
    (spec,) = read_user_models(entries)
    seen: list[tuple[int, int]] = []
    paths = store.fetch(spec, lambda *news: seen.append(news), never).paths
    assert [path.name for path in paths] == [f.name for f in spec.files]
    assert [path.read_bytes() for path in paths[:2]] == list(stems.values())
    assert len(hub.gets(PATH)) == 1
    assert not list(store.folder.rglob("*.zip"))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] > len(content) + sum(map(len, stems.values()))
    assert {one.state for one in store.verify(spec, ignore, never)} == {"ok"}
    (member,) = load_model(spec, replace(store, offline=True), ignore, never).members
    assert member.stems == ("vocals", "bass")
    files = [made / path.name for path in paths]
    mix = torch.randn(1, 2, 513, 5, dtype=torch.complex64, generator=torch.manual_seed(0))
    assert torch.equal(member.network(mix), build_network(read_band_split_rnn(files))(mix))


@pytest.mark.parametrize(
    "known", [{}, {"md5": md5(ZIP)}, {"sha256": hashlib.sha256(ZIP).hexdigest()}]
)
@pytest.mark.parametrize("size", [None, len(ZIP)])
def test_members_are_taken_out_and_the_archive_goes(
    known: dict[str, str], size: int | None, store: ModelStore, hub: FakeHub
) -> None:
    spec = both(hub.put_plain(PATH, ZIP), size=size, **known)
    paths = bring(store, spec)
    assert [path.read_bytes() for path in paths] == [ONE, TWO]
    assert left(store) == FILES
    assert store.installed_bytes(spec) == len(ONE) + len(TWO)
    paths[1].write_bytes(TWO[:-1] + b"x")
    assert [one.state for one in store.verify(spec, ignore, never)] == ["ok", "damaged"]
    freed = store.remove(spec)
    assert freed >= len(ONE) + len(TWO)
    assert left(store) == []


def test_a_member_that_is_missing_brings_the_archive_again(store: ModelStore, hub: FakeHub) -> None:
    spec = both(hub.put_plain(PATH, ZIP))
    kept, gone = bring(store, spec)
    before = kept.stat().st_mtime_ns
    gone.unlink()
    assert not store.installed(spec)
    assert bring(store, spec)[1].read_bytes() == TWO
    assert kept.stat().st_mtime_ns == before


def test_a_cut_archive_is_gone_on_with(store: ModelStore, hub: FakeHub) -> None:
    spec = both(hub.put_plain(PATH, ZIP), size=len(ZIP), md5=md5(ZIP))
    interrupt_at(1_000_000, store, spec)
    assert [path.read_bytes() for path in bring(store, spec)] == [ONE, TWO]
    assert hub.gets(PATH)[-1].start >= 1_000_000


@pytest.mark.parametrize("position", [len(ZIP) + 1_000_000, len(ZIP) + len(ONE) + 1])
def test_cancelled_while_unpacking_it_goes_on_from_the_archive(
    position: int, store: ModelStore, hub: FakeHub
) -> None:
    spec = both(hub.put_plain(PATH, ZIP), size=len(ZIP), md5=md5(ZIP))
    interrupt_at(position, store, spec)
    hub.requests.clear()
    assert [path.read_bytes() for path in bring(store, spec)] == [ONE, TWO]
    assert hub.requests == []
    assert left(store) == FILES


def test_killed_at_any_step_members_are_whole_or_absent(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = zipped({"opt/one.ckpt": b"one", "opt/two.ckpt": b"two" * 1000})
    spec = both(hub.put_plain(PATH, small), size=len(small), md5=md5(small))
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
        assert [path.read_bytes() for path in bring(store, spec)] == [b"one", b"two" * 1000]
        assert {one.state for one in store.verify(spec, ignore, never)} == {"ok"}
    # The archive's content; for each member content, record and names; the archive's end.
    assert step >= 10


def test_a_wrong_checksum_of_the_archive_leaves_nothing(store: ModelStore, hub: FakeHub) -> None:
    error = failure(store, both(hub.put_plain(PATH, ZIP), md5="0" * 32))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert "checksum of opt.zip is wrong" in error.message
    assert left(store) == []


def test_the_md5_of_a_file_by_itself_is_compared(store: ModelStore, hub: FakeHub) -> None:
    address = hub.put_plain("/one.ckpt", ONE)
    assert "checksum" in failure(store, spec_of(WeightFile("one", address, md5=md5(TWO)))).message
    spec = spec_of(WeightFile("one", address, md5=md5(ONE)))
    assert bring(store, spec)[0].read_bytes() == ONE
    newer = spec_of(WeightFile("one", address, md5=md5(TWO)))
    assert not store.installed(newer)


def test_a_catalogue_that_names_another_archive_fetches_it(store: ModelStore, hub: FakeHub) -> None:
    address = hub.put_plain(PATH, ZIP)
    bring(store, both(address, md5=md5(ZIP)))
    newer = zipped({"opt/one.ckpt": TWO, "opt/two.ckpt": ONE})
    hub.put_plain(PATH, newer)
    spec = both(address, md5=md5(newer))
    assert not store.installed(spec)
    assert [path.read_bytes() for path in bring(store, spec)] == [TWO, ONE]
    # The same archive, and the other file of it.
    swapped = spec_of(replace(spec.files[0], member="opt/two.ckpt"))
    assert not store.installed(swapped)
    assert bring(store, swapped)[0].read_bytes() == ONE


def test_room_for_the_members_is_asked_for_before(
    store: ModelStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = both(hub.put_plain(PATH, ZIP), size=len(ZIP), md5=md5(ZIP))
    free(monkeypatch, len(ZIP) + len(ZIP) // 2)
    assert failure(store, spec).reason is Reason.DISK_FULL
    assert hub.requests == []


def test_room_is_asked_for_again_when_the_sizes_are_known(
    store: ModelStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped({"opt/one.ckpt": bytes(20_000_000), "opt/two.ckpt": TWO})
    spec = both(hub.put_plain(PATH, bomb), size=len(bomb), md5=md5(bomb))
    with monkeypatch.context() as patch:
        free(patch, 10_000_000)
        error = failure(store, spec)
    assert error.reason is Reason.DISK_FULL
    assert "20 MB" in error.message
    (kept,) = left(store)
    assert (store.folder / kept).stat().st_size == len(bomb)
    assert len(bring(store, spec)) == 2
    assert len(hub.gets(PATH)) == 1


def free(patch: pytest.MonkeyPatch, size: int) -> None:
    patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size))


def changed(at: int, form: str, value: int) -> Callable[[bytes], bytes]:
    """Both headers of opt/one.ckpt with another number; `at` is its place in the table's."""

    def change(content: bytes) -> bytes:
        data = bytearray(content)
        table = data.index(b"PK\x01\x02")
        while b"one" not in data[table : table + 60]:
            table = data.index(b"PK\x01\x02", table + 4)
        head = struct.unpack_from("<L", data, table + 42)[0]
        struct.pack_into(form, data, table + at, value)
        struct.pack_into(form, data, head + at - 2, value)
        return bytes(data)

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda _: zipped({"opt/two.ckpt": TWO, "one.ckpt": TWO}), "no files called"),
        (lambda _: zipped({"../opt/one.ckpt": TWO, "opt/two.ckpt": TWO}), "no files called"),
        (lambda _: zipped({"opt/one.ckpt": b"", "opt/two.ckpt": TWO}), "0 bytes"),
        (
            lambda _: zipped({"opt/one.ckpt": b"one"}, zipfile.ZIP_LZMA),
            "compressed in a way",
        ),
        (changed(8, "<H", 1), "encrypted"),
        (changed(24, "<L", 2**32 - 2), "4294967294 bytes"),
        (changed(24, "<L", len(ONE) - 1), "damaged"),
        (changed(24, "<L", len(ONE) + 1), "damaged"),
        (changed(16, "<L", 0), "damaged"),
        (changed(42, "<L", 2**31), "damaged"),
        (lambda content: content[:-1000], "damaged"),
        (lambda content: content[1000:], "damaged"),
        (lambda content: content.replace(b"PK\x05\x06", b"PK\x05\x07"), "damaged"),
        (lambda content: b"", "damaged"),
        (lambda content: b"<html>" * 100, "damaged"),
        (lambda content: content[:-10] + struct.pack("<L", 2**31) + content[-6:], "far too long"),
    ],
)
def test_an_archive_that_cannot_be_trusted_is_refused_and_goes(
    damage: Callable[[bytes], bytes],
    words: str,
    store: ModelStore,
    hub: FakeHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stemlift.models.archive.LARGEST_MEMBER", 2**30)
    error = failure(store, both(hub.put_plain(PATH, damage(ZIP))))
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert words in error.message
    assert PATH in error.message
    assert [name for name in left(store) if "one" in name or "partial" in name] == []
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_two_files_of_one_name_are_refused(store: ModelStore, hub: FakeHub) -> None:
    buffer = io.BytesIO(ZIP)
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("opt/two.ckpt", ONE)
    assert "several" in failure(store, both(hub.put_plain(PATH, buffer.getvalue()))).message
    assert left(store) == []


def test_an_archive_of_more_than_zip_once_could_hold_is_read(
    store: ModelStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZIP64_LIMIT", 1000)
        content = zipped({"opt/one.ckpt": ONE, "opt/two.ckpt": TWO})
    assert b"PK\x06\x06" in content
    spec = both(hub.put_plain(PATH, content))
    assert [path.read_bytes() for path in bring(store, spec)] == [ONE, TWO]
    end = content.index(b"PK\x06\x06")
    long = content[: end + 40] + struct.pack("<Q", 2**40) + content[end + 48 :]
    hub.put_plain(PATH, long)
    assert store.remove(spec)
    assert "far too long" in failure(store, spec).message
