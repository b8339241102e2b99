"""Hints from the system: real events of a real folder, and what happens where there are none."""

from __future__ import annotations

import errno
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import watchdog.observers
from real_server import wait_for

from stemlift.watch import observing
from stemlift.watch.examine import examine
from stemlift.watch.observing import Hints, Polling
from stemlift.watch.scan import scan

WAIT_SECONDS = 20.0


class Bell:
    """Rings when it is woken."""

    def __init__(self) -> None:
        self.rung = threading.Event()

    def __call__(self) -> None:
        self.rung.set()

    def rings_for(self, change: Callable[[], object]) -> bool:
        self.rung.clear()
        change()
        return self.rung.wait(WAIT_SECONDS)


class Watch:
    """Hints for an inbox, and a way to know that all events up to now have been heard."""

    def __init__(self, inbox: Path, polling: Polling = "auto", skip: tuple[Path, ...] = ()) -> None:
        self.inbox = inbox
        self.bell = Bell()
        self.hints = Hints(inbox, polling, self.bell, skip=skip)
        self.hints.start()

    def is_silent_for(self, change: Callable[[], object]) -> bool:
        """Events come in order: what follows `change` is heard after whatever it raised."""
        heard: list[str] = []
        real = self.hints._heard

        def listen(event: object) -> None:
            heard.append(str(event.src_path))  # type: ignore[attr-defined]
            real(event)  # type: ignore[arg-type]

        # Replaced for a moment: only what is heard until the mark is seen counts.
        mark = self.inbox / "mark.part"
        observer = self.hints._observer
        assert observer is not None
        (handler,) = next(iter(observer._handlers.values()))
        handler.on_any_event = listen  # type: ignore[method-assign]
        try:
            self.bell.rung.clear()
            change()
            mark.write_bytes(b"")
            wait_for(lambda: str(mark) in heard, "the mark to be heard")
            mark.unlink()
        finally:
            handler.on_any_event = real  # type: ignore[method-assign]
        return not self.bell.rung.is_set()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def watch(inbox: Path) -> Iterator[Watch]:
    watch = Watch(inbox, skip=(inbox / "out",))
    yield watch
    watch.hints.stop()


def test_every_kind_of_change_wakes(watch: Watch, inbox: Path, tmp_path: Path) -> None:
    assert watch.hints.observing
    assert watch.hints.notice == ""
    song, bell = inbox / "a.wav", watch.bell
    elsewhere = tmp_path / "b.wav"
    elsewhere.write_bytes(b"1")

    def grow() -> None:
        with song.open("ab") as file:
            file.write(b"more")

    assert bell.rings_for(lambda: song.write_bytes(b"1"))
    assert bell.rings_for(grow)
    assert bell.rings_for(lambda: os.utime(song, ns=(5, 5)))
    assert bell.rings_for(lambda: song.rename(inbox / "c.wav"))
    assert bell.rings_for((inbox / "c.wav").unlink)
    assert bell.rings_for(lambda: elsewhere.rename(inbox / "b.wav"))
    assert bell.rings_for(lambda: (inbox / "b.wav").rename(elsewhere))
    assert bell.rings_for((inbox / "vocals").mkdir)
    assert bell.rings_for(lambda: (inbox / "stemlift.toml").write_text("x = 1"))


def test_changes_in_new_folders_wake(watch: Watch, inbox: Path) -> None:
    deep = inbox / "vocals" / "deep"
    assert watch.bell.rings_for(lambda: deep.mkdir(parents=True))
    assert watch.bell.rings_for(lambda: (deep / os.fsdecode(b"\xff.wav")).write_bytes(b"1"))


def test_an_unfinished_name_that_becomes_a_song_wakes(watch: Watch, inbox: Path) -> None:
    part = inbox / "a.wav.part"
    assert watch.is_silent_for(lambda: part.write_bytes(b"1"))
    assert watch.bell.rings_for(lambda: part.rename(inbox / "a.wav"))


def test_looking_does_not_wake(watch: Watch, inbox: Path) -> None:
    """Or the scan would wake itself for ever."""
    (inbox / "vocals").mkdir()
    (inbox / "vocals" / "a.wav").write_bytes(b"words")
    watch.is_silent_for(lambda: None)

    def look() -> None:
        for seen in scan(inbox).files:
            examine(inbox / seen.relative)

    assert watch.is_silent_for(look)


def test_what_is_no_song_does_not_wake(watch: Watch, inbox: Path) -> None:
    (inbox / ".hidden").mkdir()
    (inbox / "out").mkdir()
    watch.is_silent_for(lambda: None)
    for name in ("a.wav.reapeaks", "._a.wav", ".hidden/a.wav", "out/a.wav"):
        path = inbox / name
        assert watch.is_silent_for(lambda path=path: path.write_bytes(b"1")), name


def test_a_link_as_inbox(inbox: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(inbox)
    watch = Watch(link)
    try:
        assert watch.bell.rings_for(lambda: (inbox / "a.wav").write_bytes(b"1"))
    finally:
        watch.hints.stop()


def test_an_inbox_that_comes_later_and_one_that_comes_back(inbox: Path) -> None:
    inbox.rmdir()
    watch = Watch(inbox)
    try:
        assert not watch.hints.observing
        assert "not there" in watch.hints.notice
        watch.hints.renew()
        assert not watch.hints.observing
        for name in ("a.wav", "b.wav"):
            inbox.mkdir()
            watch.hints.renew()
            assert watch.hints.observing
            assert watch.hints.notice == ""
            song = inbox / name
            assert watch.bell.rings_for(lambda song=song: song.write_bytes(b"1"))
            # As an unmounted share: the path stays, and another folder is there.
            inbox.rename(inbox.with_name(name))
            watch.hints.renew()
    finally:
        watch.hints.stop()


def test_observing_that_ended_by_itself_begins_anew(watch: Watch, inbox: Path) -> None:
    observer = watch.hints._observer
    assert observer is not None
    watch.hints.renew()
    assert watch.hints._observer is observer
    for emitter in observer.emitters:
        emitter.stop()
        emitter.join()
    watch.hints.renew()
    assert watch.hints._observer is not observer
    assert watch.bell.rings_for(lambda: (inbox / "a.wav").write_bytes(b"1"))


def test_stopping_ends_the_threads_and_may_be_repeated(watch: Watch) -> None:
    assert [each.name for each in threading.enumerate()].count("stemlift-hints") == 1
    before = psutil.Process().num_fds()
    for _ in range(20):
        watch.hints.stop()
        watch.hints.stop()
        assert "stemlift-hints" not in [each.name for each in threading.enumerate()]
        watch.hints.start()
    assert psutil.Process().num_fds() <= before


def test_polling_observes_nothing_and_says_so(inbox: Path) -> None:
    watch = Watch(inbox, polling=True)
    assert not watch.hints.observing
    assert "at intervals" in watch.hints.notice
    watch.hints.renew()
    watch.hints.stop()


def test_a_network_share_is_looked_at_unless_told_otherwise(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "is_remote", lambda _path: True)
    watch = Watch(inbox)
    assert not watch.hints.observing
    assert "network share" in watch.hints.notice
    told = Watch(inbox, polling=False)
    assert told.hints.observing
    told.hints.stop()


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (OSError(errno.ENOSPC, "inotify watch limit reached"), "max_user_watches"),
        (OSError(errno.EMFILE, "inotify instance limit reached"), "max_user_instances"),
        (OSError(errno.ENOSYS, "Function not implemented"), "Function not implemented"),
        (RuntimeError("Cannot start fsevents stream"), "Cannot start fsevents stream"),
    ],
)
def test_a_system_that_refuses_to_watch(
    inbox: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, named: str
) -> None:
    class Refusing(watchdog.observers.Observer):  # type: ignore[misc,name-defined]
        def start(self) -> None:
            raise error

    monkeypatch.setattr(watchdog.observers, "Observer", Refusing)
    watch = Watch(inbox)
    assert not watch.hints.observing
    assert named in watch.hints.notice
    assert str(inbox) in watch.hints.notice
    assert "at intervals" in watch.hints.notice
    watch.hints.renew()
    watch.hints.stop()


def test_no_file_left_to_watch_with(inbox: Path) -> None:
    """The real limit: the kernel gives no inotify instance to who may open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hints = Hints(inbox, False, lambda: None)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    # Every number up to the highest in use is taken, and the limit lies there.
    held = [os.dup(0) for _ in range(highest)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, hard))
    try:
        hints.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in held:
            os.close(descriptor)
    assert not hints.observing
    assert "ulimit" in hints.notice
    hints.start()
    assert hints.observing
    hints.stop()


def test_many_new_folders_raise_no_warnings_that_are_kept(
    watch: Watch, inbox: Path, recwarn: pytest.WarningsRecorder
) -> None:
    watch.hints.start()
    for number in range(200):
        (inbox / f"{number}" / "a" / "b").mkdir(parents=True)
    # Until all of that has been heard.
    watch.is_silent_for(lambda: None)
    assert [str(each.message) for each in recwarn] == []
    deep = inbox / "199" / "a" / "b"
    assert watch.bell.rings_for(lambda: (deep / "song.wav").write_bytes(b"1"))
