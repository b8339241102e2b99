"""What happens in an inbox, for whoever shows it while it happens."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import func, select

from stemlift.errors import OUTCOMES, Exit, Reason, severity
from stemlift.watch.backoff import patience
from stemlift.watch.entry import BUSY, Entry, FileState
from stemlift.watch.ledger import Ledger
from stemlift.watch.tables import FileRow

_MOST_TROUBLES = 20

# Of the failures that pass by themselves: after so many seconds between two attempts,
# nobody should sit and wait for them.
LONG_DELAY = 20.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """A song that waits for its next try. next_try: UNIX time; delay: seconds before it."""

    path: str
    reason: Reason
    message: str
    remedy: str
    next_try: float
    delay: float


@dataclass(frozen=True, slots=True)
class Moment:
    """An inbox at one moment.

    running: what is being worked on. troubles: some of the songs that wait for their next
    try. arriving: files that are not complete yet.
    """

    arriving: int
    waiting: int
    running: Entry | None
    troubles: tuple[Trouble, ...]
    notices: tuple[str, ...]

    @property
    def to_do(self) -> int:
        return self.waiting + (self.running is not None)


class Follower:
    """Follows one inbox through the ledger; for one thread.

    What ended before it was made is no news.
    """

    def __init__(self, ledger: Ledger, inbox: str) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._sums: dict[str, tuple[int, float]] = {}
        self._ended: dict[str, float] = {}
        self.news()

    def news(self) -> list[Entry]:
        """The songs that were done or failed since the last call, the first one first.

        Raises:
            StemliftError: STATE_UNUSABLE.
        """
        ended = [FileState.DONE.value, FileState.FAILED.value]
        mine = FileRow.inbox == self._inbox
        # Sums, since songs of years are counted twice a second.
        sums = (
            select(FileRow.state, func.count(), func.sum(FileRow.since))
            .where(mine, FileRow.state.in_(ended))
            .group_by(FileRow.state)
        )
        rows = select(FileRow.path, FileRow.since).where(mine, FileRow.state.in_(ended))
        with self._ledger.session() as session:
            now = {state: (count, since) for state, count, since in session.execute(sums)}
            if now == self._sums:
                return []
            found = {row.path: row.since for row in session.execute(rows)}
        before, self._ended, self._sums = self._ended, found, now
        fresh = [path for path, since in found.items() if since != before.get(path)]
        entries = [entry for path in fresh if (entry := self._ledger.find(self._inbox, path))]
        return sorted((each for each in entries if _has_ended(each)), key=lambda each: each.since)

    def moment(self) -> Moment:
        """Raises StemliftError (STATE_UNUSABLE)."""
        counts = self._ledger.counts(self._inbox)
        busy = self._ledger.entries(self._inbox, *BUSY)
        facts = self._ledger.inbox(self._inbox)
        settling = counts.get(FileState.ARRIVING, 0)
        return Moment(
            arriving=max(settling, facts.arriving if facts else 0),
            waiting=counts.get(FileState.WAITING, 0) + max(len(busy) - 1, 0),
            running=busy[0] if busy else None,
            troubles=tuple(self._troubles()[:_MOST_TROUBLES]),
            notices=facts.notices if facts else (),
        )

    def held_up(self) -> list[Trouble]:
        """What is left to do if none of it will be done soon; empty while something may.

        Raises:
            StemliftError: STATE_UNUSABLE.
        """
        moment = self.moment()
        now = time.time()
        stuck = [
            each
            for each in self._troubles()
            if each.next_try > now
            and (each.delay >= LONG_DELAY or each.reason is Reason.RECIPE_INVALID)
        ]
        for_all = any(patience(each.reason).everybody for each in stuck)
        return stuck if for_all or len(stuck) >= moment.to_do else []

    def _troubles(self) -> list[Trouble]:
        states = [state.value for state in (FileState.WAITING, *BUSY)]
        query = (
            select(
                FileRow.path,
                FileRow.reason,
                FileRow.message,
                FileRow.remedy,
                FileRow.next_try,
                FileRow.delay,
            )
            .where(
                FileRow.inbox == self._inbox,
                FileRow.state.in_(states),
                FileRow.reason.is_not(None),
                FileRow.delay > 0,
            )
            .order_by(FileRow.since, FileRow.id)
        )
        with self._ledger.session() as session:
            return [
                Trouble(path, reason_of(reason), message, remedy, next_try, delay)
                for path, reason, message, remedy, next_try, delay in session.execute(query)
            ]


def _has_ended(entry: Entry) -> bool:
    """False for a song that was deleted while it waited, and had a result before."""
    return entry.state is FileState.FAILED or (entry.state is FileState.DONE and not entry.touched)


def reason_of(text: str | None) -> Reason:
    """The reason that the ledger has as text; a newer Stemlift may know more of them."""
    try:
        return Reason(text or "")
    except ValueError:
        return Reason.INTERNAL


def worst(reasons: list[Reason]) -> int:
    """The exit code of a command that met these."""
    codes = [OUTCOMES[reason].exit_code for reason in reasons]
    return max(codes, key=severity, default=Exit.DONE)
