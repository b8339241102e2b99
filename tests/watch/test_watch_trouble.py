"""What goes wrong, and goes on by itself."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from watch_house import At, House, assert_whole, brisk_home

from stemlift.errors import Reason, StemliftError
from stemlift.watch.entry import FileState
from stemlift.watch.outbox import MARKER
from stemlift.watch.recipe import Recipe


@pytest.mark.parametrize("step", ["hashed", "submitted", "separated", "manifest"])
def test_a_song_overwritten_while_it_is_worked_on(house: House, step: str) -> None:
    house.drop("a.wav")
    with house.open(At(step, lambda: house.drop("a.wav", seed=1, frames=7000))) as running:
        running.all()
        assert not house.results()
        running.all()
        assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", house.inbox / "a.wav")


def test_a_song_overwritten_unseen_is_found_by_its_content(house: House) -> None:
    path = house.drop("a.wav")
    before = path.stat()

    def overwrite() -> None:
        house.drop("a.wav", seed=1)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    with house.open(At("separated", overwrite)) as running:
        running.all()
        assert not house.results()
        running.all()
    assert_whole(house.outbox / "a", path)


@pytest.mark.parametrize("step", ["hashed", "submitted", "separated", "manifest"])
def test_a_song_deleted_while_it_is_worked_on_is_forgotten(house: House, step: str) -> None:
    path = house.drop("a.wav")
    with house.open(At(step, path.unlink)) as running:
        running.all()
        running.all()
        assert not house.results()
    assert not house.failed()
    assert not house.states()
    with house.home.client() as client:
        assert all(job.latest.state.ended for job in client.jobs())


def test_a_song_deleted_while_it_waits_is_forgotten(house: House) -> None:
    path = house.drop("a.wav")
    with house.open() as running:
        running.look()
        path.unlink()
        running.look()
        assert running.work() == 0
    assert not house.states()


def test_a_song_rewritten_while_it_waits_is_taken_once_whole(house: House) -> None:
    house.drop("a.wav")
    with house.open() as running:
        running.look()
        path = house.drop("a.wav", seed=1, frames=9000)
        running.looker.look()
        assert running.work() == 0
        running.all()
    facts = assert_whole(house.outbox / "a", path)
    assert facts["source"]["frames"] == 9000


def test_a_broken_file_has_a_report_until_it_is_mended(house: House) -> None:
    path = house.inbox / "a.wav"
    path.write_bytes(b"no sound at all" * 100)
    with house.open() as running:
        running.look(40)
        running.work()
        assert house.states() == {"a.wav": FileState.FAILED}
        (text,) = house.failed().values()
        assert str(path) in text
        assert "NOT_AUDIO" in text
        assert "stemlift watch retry" in text
        assert path.read_bytes() == b"no sound at all" * 100
        house.drop("a.wav")
        running.look(40)
        running.work()
    assert not (house.outbox / "_failed").exists()
    assert_whole(house.outbox / "a", path)


def test_a_report_does_not_wait_for_the_songs_before_it(house: House) -> None:
    for seed, name in enumerate(("a.wav", "b.wav")):
        house.drop(name, seed)
    (house.inbox / "broken.wav").write_bytes(b"no sound at all" * 100)
    with house.open() as running:
        running.look(40)
        assert running.worker.run_next()
        assert list(house.failed()) == ["broken"]
        assert house.states()["b.wav"] is FileState.WAITING
        (house.inbox / "late.wav").write_bytes(b"")
        running.look(40)
        assert running.worker.run_next()
        assert sorted(house.failed()) == ["broken", "late"]


def test_a_report_goes_with_its_file_and_what_was_put_beside_it_stays(house: House) -> None:
    for name in ("a.wav", "sub/a.wav"):
        path = house.inbox / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    with house.open() as running:
        running.look(40)
        running.work()
        assert sorted(house.failed()) == ["a", "a (2)"]
        (house.outbox / "_failed" / "a" / "mine.txt").write_text("mine")
        shutil.rmtree(house.inbox)
        house.inbox.mkdir()
        running.all()
    assert not house.failed()
    assert [path.name for path in house.outbox.rglob("*.txt")] == ["mine.txt"]


def test_an_unknown_stem_fails_and_is_tried_again_with_another_recipe(house: House) -> None:
    path = house.drop("a.wav")
    recipe = house.inbox / "stemlift.toml"
    recipe.write_text('stems = ["banjo"]')
    house.process()
    assert "STEM_UNKNOWN" in house.failed()["a"]
    recipe.write_text('stems = ["vocals", "instrumental"]')
    with house.open() as running:
        running.all()
        running.all()
    assert_whole(house.outbox / "a", path)
    assert not house.failed()


def test_a_failed_song_is_tried_again_on_request(house: House) -> None:
    house.drop("a.wav")
    house.recipe = Recipe(model="no-such-model")
    house.process()
    assert "MODEL_UNKNOWN" in house.failed()["a"]
    with house.open() as running:
        assert running.ledger.retry(str(house.inbox), None, house.clock.wall) == 1
        assert running.all() == 1
    assert "MODEL_UNKNOWN" in house.failed()["a"]


def test_a_broken_recipe_is_reported_once_and_its_songs_wait(house: House) -> None:
    paths = [house.drop(f"{name}.wav", seed) for seed, name in enumerate("ab")]
    recipe = house.inbox / "stemlift.toml"
    recipe.write_text("model = ")
    with house.open() as running:
        running.all()
        assert list(house.failed()) == ["stemlift"]
        assert "RECIPE_INVALID" in house.failed()["stemlift"]
        assert house.states()["a.wav"] is FileState.WAITING
        recipe.write_text("modle = 3")
        house.clock.go(20)
        running.all()
        assert "modle" in house.failed()["stemlift"]
        recipe.unlink()
        house.clock.go(20)
        assert running.all() == 2
    assert not house.failed()
    for path in paths:
        assert_whole(house.outbox / path.stem, path)


def test_an_outbox_that_went_away_is_not_made_anew(house: House) -> None:
    house.drop("a.wav")
    house.process()
    house.outbox.rename(house.folder / "unmounted")
    path = house.drop("b.wav", seed=1)
    with house.open() as running:
        running.all()
        assert not house.outbox.exists()
        assert running.entry("b.wav").reason == "OUTBOX_UNUSABLE"
        (house.folder / "unmounted").rename(house.outbox)
        house.clock.go(1)
        assert running.work() == 0
        house.clock.go(10)
        assert running.work() == 1
    assert sorted(house.results()) == ["a", "b"]
    assert_whole(house.outbox / "b", path)


def test_whoever_asks_for_a_try_need_not_wait_for_the_next(house: House) -> None:
    house.drop("a.wav")
    house.process()
    house.outbox.rename(house.folder / "unmounted")
    house.drop("b.wav", seed=1)
    house.drop("c.wav", seed=2)
    with house.open() as running:
        for seconds in (5, 10, 20, 40):
            running.all()
            assert running.worker.due_in() == seconds
            house.clock.go(seconds)
        running.all()
        (house.folder / "unmounted").rename(house.outbox)
        assert running.work() == 0
        assert running.ledger.retry(str(house.inbox), None, house.clock.wall) == 1
        assert running.work() == 2
    assert sorted(house.results()) == ["a", "b", "c"]


def test_an_outbox_that_is_away_is_logged_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.drop("a.wav")
    house.process()
    house.outbox.rename(house.folder / "unmounted")
    with house.open() as running:
        for _ in range(3):
            running.work()
        (house.folder / "unmounted").rename(house.outbox)
        running.work()
        house.outbox.rename(house.folder / "unmounted")
        running.work()
    assert caplog.text.count("cannot be used: it is not there") == 2


def test_an_empty_mount_point_is_no_outbox(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.drop("a.wav")
    house.process()
    house.outbox.rename(house.folder / "unmounted")
    house.outbox.mkdir()
    house.drop("b.wav", seed=1)
    with house.open() as running:
        running.ledger.describe(str(house.inbox), str(house.outbox), outbox_device="another")
        running.all()
        assert not any(house.outbox.iterdir())
        assert running.entry("b.wav").reason == "OUTBOX_UNUSABLE"
        (house.outbox / MARKER).touch()
        house.clock.go(10)
        assert running.work() == 1


def test_an_inbox_that_went_away_loses_nothing(house: House) -> None:
    house.drop("a.wav")
    house.process()
    house.drop("b.wav", seed=1)
    with house.open() as running:
        running.look()
        house.inbox.rename(house.folder / "unmounted")
        with pytest.raises(StemliftError) as caught:
            running.looker.look()
        assert caught.value.reason is Reason.INBOX_MISSING
        running.work()
        assert running.entry("b.wav").reason == "INBOX_MISSING"
        # Its empty mount point, on another disk.
        house.inbox.mkdir()
        running.ledger.describe(str(house.inbox), str(house.outbox), device="another")
        with pytest.raises(StemliftError) as caught:
            running.looker.look()
        assert caught.value.reason is Reason.INBOX_MISSING
        house.inbox.rmdir()
        (house.folder / "unmounted").rename(house.inbox)
        house.clock.go(20)
        assert running.all() == 1
    assert sorted(house.results()) == ["a", "b"]


def test_a_full_disk_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = house.drop("a.wav")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with house.open() as running:
        with monkeypatch.context() as patch:
            patch.setattr("stemlift.watch.drafts.write_manifest", full)
            for attempt in range(8):
                assert running.all() == 1
                entry = running.entry("a.wav")
                assert (entry.reason, entry.attempts) == ("DISK_FULL", attempt + 1)
                assert entry.delay == min(5 * 2**attempt, 600)
                house.clock.go(entry.delay)
        assert running.all() == 1
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", path)


def test_a_clock_set_back_does_not_hold_up_work(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.drop("a.wav")
    with house.open() as running:
        with monkeypatch.context() as patch:
            patch.setattr("stemlift.watch.results.Results.reserve", _denied)
            running.all()
        assert running.work() == 0
        house.clock.wall -= 365 * 86400
        assert running.work() == 1
    assert list(house.results()) == ["a"]


def _denied(*_: object) -> None:
    raise OSError(errno.EACCES, "Permission denied")


def test_without_a_server_everything_waits(tmp_path: Path) -> None:
    with brisk_home(tmp_path / "home") as home:
        house = House(tmp_path, home)
        paths = [house.drop(f"{name}.wav", seed) for seed, name in enumerate("ab")]
        with house.open() as running:
            running.all()
            assert {running.entry(f"{name}.wav").state for name in "ab"} == {FileState.WAITING}
            assert running.worker.due_in() == 5.0
            home.serve()
            house.clock.go(5)
            assert running.work() == 2
            # Killed while it works, and started anew by somebody.
            house.drop("c.wav", seed=3)
            running.worker._work._step = At("submitted", home.kill)
            running.all()
            assert running.entry("c.wav").reason == "SERVER_LOST"
            home.serve()
            house.clock.go(20)
            assert running.all() == 1
        assert sorted(house.results()) == ["a", "b", "c"]
        for path in paths:
            assert_whole(house.outbox / path.stem, path)


def test_a_name_that_is_no_text_fails_with_a_report(house: House) -> None:
    name = os.fsdecode(b"bad\xff.wav")
    house.drop("good.wav").rename(house.inbox / name)
    house.process()
    assert house.states() == {name: FileState.FAILED}
    assert "bad\\xff.wav" in house.failed()["bad_xff"]
    assert "PATH_UNSUPPORTED" in house.failed()["bad_xff"]


def test_the_report_says_the_latest_reason(house: House) -> None:
    path = house.inbox / "a.wav"
    path.write_bytes(b"")
    with house.open() as running:
        running.look(40)
        running.work()
        assert "FILE_EMPTY" in house.failed()["a"]
        path.write_bytes(b"no sound")
        running.look(40)
        running.work()
        assert list(house.failed()) == ["a"]
        assert "NOT_AUDIO" in house.failed()["a"]


def test_a_former_result_keeps_its_name_where_the_new_one_is_lost(house: House) -> None:
    old = house.drop("a.wav")
    content = old.read_bytes()
    house.process()
    house.drop("a.wav", seed=1)

    def lose() -> None:
        for path in house.outbox.glob(".stemlift-watch-*"):
            if path.suffix != ".former":
                shutil.rmtree(path)

    old.with_name("b.txt").write_bytes(content)
    with house.open(At("aside", lose)) as running:
        running.all()
        assert running.entry("a.wav").reason == "WRITE_FAILED"
        assert list(house.results()) == ["a"]
        assert_whole(house.outbox / "a", house.inbox / "b.txt")
        house.clock.go(10)
        running.all()
    assert_whole(house.outbox / "a", house.inbox / "a.wav")
