"""What is told of an inbox to whoever watches it being watched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stemlift.errors import Exit, Reason, StemliftError
from stemlift.watch.entry import Entry, FileState
from stemlift.watch.following import LONG_DELAY, Follower, reason_of, worst
from stemlift.watch.ledger import Ledger
from stemlift.watch.scan import Seen

INBOX = "/in"
NO_SOUND = StemliftError(Reason.NOT_AUDIO, "That is no sound.", "Give another one.")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "watch.sqlite")) as ledger:
        ledger.describe(INBOX, "/out")
        yield ledger


def arrive(ledger: Ledger, name: str, mtime: int = 1, now: float = 1000.0) -> Entry:
    ledger.arrive(INBOX, [Seen(name, 10, mtime, 1, (1, 1))], now)
    found = ledger.find(INBOX, name)
    assert found is not None
    return found


def finish(ledger: Ledger, entry: Entry, now: float) -> None:
    ledger.change(
        entry, state=FileState.DONE, since=now, touched=False, result_key="k", folder=entry.path
    )


def delay(ledger: Ledger, entry: Entry, reason: Reason, seconds: float) -> None:
    ledger.change(
        entry, reason=reason.value, message="It waits.", next_try=time.time() + 60, delay=seconds
    )


def names(entries: list[Entry]) -> list[str]:
    return [entry.path for entry in entries]


def test_each_end_is_told_once(ledger: Ledger) -> None:
    finish(ledger, arrive(ledger, "before"), 1001.0)
    follower = Follower(ledger, INBOX)
    assert follower.news() == []
    two, one = arrive(ledger, "two"), arrive(ledger, "one")
    assert follower.news() == []
    finish(ledger, one, 1002.0)
    finish(ledger, two, 1003.0)
    ledger.fail_arriving(INBOX, Seen("three", 1, 1, 1, (1, 3)), NO_SOUND, 1004.0)
    assert names(follower.news()) == ["one", "two", "three"]
    assert follower.news() == []


@pytest.mark.parametrize("clock", [2000.0, 500.0], ids=["goes on", "was set back"])
def test_a_song_that_is_done_again_is_told_again(ledger: Ledger, clock: float) -> None:
    finish(ledger, arrive(ledger, "one"), 1001.0)
    finish(ledger, arrive(ledger, "two"), 1002.0)
    follower = Follower(ledger, INBOX)
    again = arrive(ledger, "one", mtime=2, now=clock)
    finish(ledger, again, clock + 1)
    assert names(follower.news()) == ["one"]


def test_a_song_that_is_deleted_is_no_news(ledger: Ledger) -> None:
    finish(ledger, arrive(ledger, "done"), 1001.0)
    finish(ledger, arrive(ledger, "waits"), 1002.0)
    follower = Follower(ledger, INBOX)
    arrive(ledger, "waits", mtime=2, now=1003.0)
    arrive(ledger, "new", now=1004.0)
    ledger.vanish(INBOX, ["done", "waits", "new"])
    assert follower.news() == []


def test_a_moment(ledger: Ledger) -> None:
    follower = Follower(ledger, INBOX)
    assert follower.moment().to_do == 0
    first, second = arrive(ledger, "first"), arrive(ledger, "second")
    arrive(ledger, "third")
    ledger.change(first, state=FileState.WORKING, job_id="j")
    delay(ledger, second, Reason.DISK_FULL, 5.0)
    ledger.describe(INBOX, "/out", arriving=4, notices=("On a share.",))
    moment = follower.moment()
    assert (moment.arriving, moment.waiting, moment.to_do) == (4, 2, 3)
    assert moment.running is not None
    assert moment.running.path == "first"
    assert [(each.path, each.reason) for each in moment.troubles] == [("second", Reason.DISK_FULL)]
    assert moment.notices == ("On a share.",)


def test_work_is_held_up_when_nothing_will_be_done_soon(ledger: Ledger) -> None:
    follower = Follower(ledger, INBOX)
    assert follower.held_up() == []
    one = arrive(ledger, "one")
    delay(ledger, one, Reason.DISK_FULL, 5.0)
    # The next try is near.
    assert follower.held_up() == []
    delay(ledger, one, Reason.DISK_FULL, LONG_DELAY)
    assert [each.path for each in follower.held_up()] == ["one"]
    # Another one may still be done.
    two = arrive(ledger, "two")
    assert follower.held_up() == []
    delay(ledger, two, Reason.RECIPE_INVALID, 5.0)
    assert [each.path for each in follower.held_up()] == ["one", "two"]


def test_what_concerns_all_songs_holds_up_all(ledger: Ledger) -> None:
    follower = Follower(ledger, INBOX)
    one = arrive(ledger, "one")
    arrive(ledger, "two")
    delay(ledger, one, Reason.SERVER_LOST, LONG_DELAY)
    assert [each.path for each in follower.held_up()] == ["one"]


def test_exit_codes() -> None:
    assert worst([]) == Exit.DONE
    assert worst([Reason.NOT_AUDIO, Reason.SERVER_LOST, Reason.DISK_FULL]) == Exit.SERVER
    assert reason_of("NOT_AUDIO") is Reason.NOT_AUDIO
    assert reason_of("OF_A_LATER_VERSION") is Reason.INTERNAL
    assert reason_of(None) is Reason.INTERNAL
