"""Watched folders that lie in each other, or that two watchers want."""

from __future__ import annotations

from pathlib import Path

import pytest
from watch_house import Counter, House, folder_settings

from stemlift.errors import Reason, StemliftError
from stemlift.watch.watcher import Watcher


def test_two_watchers_never_share_an_inbox(house: House) -> None:
    paths = house.home.paths
    first = Watcher(folder_settings(house), paths)
    second = Watcher(folder_settings(house), paths)
    first.start()
    try:
        with pytest.raises(StemliftError) as caught:
            second.start()
        assert caught.value.reason is Reason.WATCH_ACTIVE
    finally:
        first.stop()
    second.start()
    second.stop()


@pytest.mark.parametrize(
    ("inbox", "out", "reason"),
    [
        ("in/sub", "out2", Reason.WATCH_ACTIVE),
        (".", "in/out2", Reason.WATCH_ACTIVE),
        ("out", "out2", Reason.OUTBOX_UNUSABLE),
        ("out/a", "out2", Reason.OUTBOX_UNUSABLE),
        ("in2", "in", Reason.OUTBOX_UNUSABLE),
    ],
)
def test_two_watchers_never_feed_on_each_other(
    house: House, inbox: str, out: str, reason: Reason
) -> None:
    first = Watcher(folder_settings(house), house.home.paths)
    places = {"inbox": str(house.folder / inbox), "out": str(house.folder / out)}
    second = Watcher(folder_settings(house, **places), house.home.paths)
    first.start()
    try:
        with pytest.raises(StemliftError) as caught:
            second.start()
        assert caught.value.reason is reason
    finally:
        second.stop()
        first.stop()


@pytest.mark.parametrize("out", ["in", "."])
def test_an_inbox_in_its_outbox_is_refused(house: House, out: str) -> None:
    with pytest.raises(StemliftError) as caught:
        Watcher(folder_settings(house, out=str(house.folder / out)), house.home.paths)
    assert caught.value.reason is Reason.OUTBOX_UNUSABLE


def test_an_outbox_in_the_inbox_is_no_song(house: House) -> None:
    class Inside(House):
        @property
        def outbox(self) -> Path:
            return self.inbox / "stems"

    inside = Inside(house.folder, house.home)
    inside.drop("a.wav")
    with inside.open(Counter()) as running:
        assert running.all() == 1
        assert running.all() == 0
    assert list(inside.results()) == ["a"]
