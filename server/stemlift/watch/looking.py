"""The side of the inbox: compares what is there with what the ledger knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.watch.entry import BUSY, FileState, Known
from stemlift.watch.examine import examine
from stemlift.watch.failures import remove_report
from stemlift.watch.ledger import Ledger
from stemlift.watch.recipes import RECIPE_FILE
from stemlift.watch.scan import Scan, Seen, scan
from stemlift.watch.settling import Looked, Problem, Settling

_DELETED_TOGETHER = "Connect its drive or share; work then goes on by itself."


class Looker:
    """Looks at one inbox, in one thread.

    Files that did not change since they were done cost a `stat` and nothing more.

    monotonic, wall: the clocks, in seconds.
    """

    def __init__(
        self,
        inbox: Path,
        outbox: Path,
        ledger: Ledger,
        *,
        stable: float,
        give_up: float,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._name = str(inbox)
        self._ledger = ledger
        self._stable, self._give_up = stable, give_up
        self._settling = Settling(stable=stable, give_up=give_up)
        self._monotonic = monotonic
        self._wall = wall
        self._lock = threading.Lock()
        self._forgotten: set[str] = set()
        self._ledger_opened = ledger.opened
        self._told: tuple[int, tuple[str, ...]] | None = None

    def look(self, notice: str = "") -> float | None:
        """Look once; seconds until another look can find out more, None: only after a change.

        notice: of the watcher, shown with the inbox's own.

        Raises:
            StemliftError: INBOX_MISSING or STATE_UNUSABLE; the next look makes up for it.
        """
        try:
            return self._look(notice)
        except StemliftError as error:
            # What was reported as complete and got lost must be found again.
            self._settling = Settling(stable=self._stable, give_up=self._give_up)
            if error.reason is Reason.INBOX_MISSING:
                self._tell(0, (error.message,))
            raise

    def forget(self, path: str) -> None:
        """Have the file settle anew, even if it looks as before. From any thread."""
        with self._lock:
            self._forgotten.add(path)

    def _look(self, notice: str) -> float | None:
        # Before the scan: what is done meanwhile is then still known as busy.
        known = self._ledger.known(self._name)
        if self._ledger.opened != self._ledger_opened:
            # A ledger that was removed takes with it what was reported as complete.
            self._settling = Settling(stable=self._stable, give_up=self._give_up)
            self._ledger_opened, self._told = self._ledger.opened, None
        with self._lock:
            forgotten, self._forgotten = self._forgotten, set()
        # Those of other watched folders, too: stems are no songs.
        outboxes = {Path(facts.outbox) for facts in self._ledger.inboxes()} | {self._outbox}
        found = scan(self._inbox, outboxes)
        self._see_that_it_is_the_inbox(found, known)
        news = [seen for seen in found.files if _is_news(seen, known.get(seen.relative))]
        waiting = (each for each in news if _is(known, each.relative, FileState.WAITING))
        self._ledger.unsettle(self._name, [seen.relative for seen in waiting])
        looked = self._settling.look(
            [seen for seen in news if seen.relative not in forgotten],
            self._monotonic(),
            self._examine,
        )
        self._take_up(looked)
        self._let_go(found, known)
        problems = tuple(each.error.message for each in found.problems)
        self._tell(len(looked.waiting), (*((notice,) if notice else ()), *problems))
        return self._stable if forgotten else looked.next_look_in

    def _examine(self, seen: Seen) -> Problem | None:
        return examine(self._inbox.joinpath(*seen.relative.split("/")))

    def _take_up(self, looked: Looked) -> None:
        now = self._wall()
        if looked.complete:
            self._ledger.arrive(self._name, looked.complete, now)
        for each in looked.unreadable:
            self._ledger.fail_arriving(self._name, each.seen, each.error, now)

    def _let_go(self, found: Scan, known: dict[str, Known]) -> None:
        """Forget quietly what is gone; what lies in a folder that cannot be read is not."""
        there = {seen.relative for seen in found.files}
        unseen = tuple(f"{each.relative}/" if each.relative else "" for each in found.problems)
        gone = [
            path
            for path, entry in known.items()
            if path not in there
            and not path.startswith(unseen)
            and path.rpartition("/")[2] != RECIPE_FILE
            and entry.state not in BUSY
        ]
        for path in gone:
            report = known[path].report
            if report:
                remove_report(self._outbox, report)
        if gone:
            self._ledger.vanish(self._name, gone)

    def _see_that_it_is_the_inbox(self, found: Scan, known: dict[str, Known]) -> None:
        """An empty folder on another disk than before is a mount point without its disk."""
        device = str(found.inbox_id[0])
        facts = self._ledger.describe(self._name, str(self._outbox))
        if facts.device == device:
            return
        if facts.device and known and not found.files:
            raise StemliftError(
                Reason.INBOX_MISSING,
                f"The inbox {display_name(self._inbox)} is empty and on another disk than"
                " before: its own seems not to be connected.",
                _DELETED_TOGETHER,
            )
        self._ledger.describe(self._name, str(self._outbox), device=device)

    def _tell(self, arriving: int, notices: tuple[str, ...]) -> None:
        if (arriving, notices) != self._told:
            self._ledger.describe(self._name, str(self._outbox), arriving=arriving, notices=notices)
            self._told = (arriving, notices)


def _is_news(seen: Seen, known: Known | None) -> bool:
    if known is None or known.state is FileState.ARRIVING:
        return True
    return known.state not in BUSY and known.stamp != seen.state


def _is(known: dict[str, Known], path: str, state: FileState) -> bool:
    return path in known and known[path].state is state
