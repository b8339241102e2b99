"""The side of the outbox: takes one song after the other, and meets what goes wrong."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from stemlift.audio.problems import display_name
from stemlift.errors import Exit, Reason, StemliftError
from stemlift.watch import backoff
from stemlift.watch.connection import Connection
from stemlift.watch.entry import Entry, FileState
from stemlift.watch.failures import choose_report, has_report, remove_report, write_report
from stemlift.watch.ledger import Ledger
from stemlift.watch.names import folder_key
from stemlift.watch.outbox import Outbox
from stemlift.watch.recipe import Recipe
from stemlift.watch.recipes import RECIPE_FILE, Recipes
from stemlift.watch.scan import Seen
from stemlift.watch.source import ChangedError, GoneError
from stemlift.watch.work import Work

logger = logging.getLogger("stemlift.watch")

# Models come and go while a watcher runs, and a folder's name may be that of one.
_MODELS_SECONDS = 60.0
# Between two looks at what failed while there is work; in between the worker is busy anyway.
_FAILED_SECONDS = 10.0


class Audience(Protocol):
    """Hears what becomes of songs, in the thread that works; see `notify.BatchNotices`."""

    def song_ended(self, name: str, *, failed: bool = False) -> None: ...

    def none_waiting(self) -> None: ...


class Worker:
    """Works on one inbox, in one thread.

    changed: called with the path of a song that changed while it was worked on.
    audience: hears of songs that ended.
    monotonic, wall: the clocks, in seconds.
    """

    def __init__(
        self,
        inbox: Path,
        outbox: Outbox,
        ledger: Ledger,
        connection: Connection,
        recipes: Recipes,
        *,
        beat: Callable[[], None] = lambda: None,
        changed: Callable[[str], None] = lambda _path: None,
        audience: Audience | None = None,
        step: Callable[[str], None] = lambda _name: None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._name = str(inbox)
        self._outbox = outbox
        self._ledger = ledger
        self._connection = connection
        self._recipes = recipes
        self._beat = beat
        self._changed = changed
        self._monotonic = monotonic
        self._wall = wall
        self._work = Work(outbox, ledger, connection, self._recipe_of, beat=beat, step=step)
        self._models_read: float | None = None
        self._seen_to_failed: float | None = None
        self._paused_until = 0.0
        self._paused_by = ""
        self._said_of_outbox = ""
        self._pauses = 0
        self._audience = audience

    def start(self) -> None:
        """What a former watcher left is taken up at once, without waiting for its next try."""
        self._ledger.try_all_now(self._name)

    def run_next(self) -> bool:
        """Work on what is due; False where nothing is.

        Raises:
            StemliftError: STATE_UNUSABLE.
            BaseException: whatever `beat` raises; the song is gone on with later.
        """
        if self._is_paused():
            return False
        seen = self._seen_to_failed
        if seen is None or self._monotonic() - seen >= _FAILED_SECONDS:
            # Who dropped a thousand songs wants to hear of the broken one before the last is done.
            self._see_to_failed()
        entry = self._ledger.take_next(self._name, self._wall())
        if entry is None:
            return False
        try:
            self._work.carry_on(entry)
        except GoneError:
            logger.info("%s went away", display_name(Path(entry.path)))
            if entry.report:
                remove_report(self._outbox.path, entry.report)
            self._ledger.leave(entry)
        except ChangedError:
            logger.info("%s changed while it was worked on", display_name(Path(entry.path)))
            self._ledger.withdraw(entry)
            self._changed(entry.path)
        except StemliftError as error:
            self._meet(entry, error)
        except Exception as fault:
            # One song must not end the work on all others; the log has the whole of it.
            logger.exception("a fault of ours")
            self._meet(entry, _fault(entry, fault))
        else:
            logger.info("%s is done", display_name(Path(entry.path)))
            self._pauses = 0
            self._ended(entry)
        return True

    def _is_paused(self) -> bool:
        if self._monotonic() >= self._paused_until:
            return False
        cause = self._ledger.find(self._name, self._paused_by)
        # Without a delay somebody asked for a try, or the song is another one now.
        return cause is not None and cause.delay > 0

    def due_in(self) -> float | None:
        """Seconds until something may be due; None: nothing waits."""
        at = self._ledger.next_due(self._name)
        if at is None:
            return None
        return max(0.0, at - self._wall(), self._paused_until - self._monotonic())

    def tidy(self) -> None:
        """When nothing is due: reports, mended recipes, leftovers.

        Raises:
            StemliftError: STATE_UNUSABLE.
        """
        self._see_to_failed()
        try:
            self._outbox.open()
        except StemliftError as error:
            if error.message != self._said_of_outbox:
                # Once: a share may be away for weeks.
                logger.warning("%s", error)
            self._said_of_outbox = error.message
        else:
            self._said_of_outbox = ""
            self._outbox.sweep()
        if self._audience is not None and self._ledger.next_due(self._name) is None:
            self._audience.none_waiting()

    def _see_to_failed(self) -> None:
        """Reports of what the scan gave up, and what can be tried again."""
        self._seen_to_failed = self._monotonic()
        for entry in self._ledger.entries(self._name, FileState.FAILED):
            try:
                if entry.path.rpartition("/")[2] == RECIPE_FILE:
                    self._look_at_recipe(entry)
                elif not self._mended(entry):
                    if entry.report is None:
                        # Found by the scan: it never came to work on it.
                        self._ended(entry, failed=True)
                    self._report(entry)
            except StemliftError as error:
                logger.warning("%s", error)

    def _ended(self, entry: Entry, *, failed: bool = False) -> None:
        if self._audience is not None:
            name = display_name(Path(entry.path.rpartition("/")[2]))
            self._audience.song_ended(name, failed=failed)

    def _recipe_of(self, path: str) -> Recipe:
        now = self._monotonic()
        if self._models_read is None or now - self._models_read > _MODELS_SECONDS:
            with self._connection.use(self._beat) as client:
                self._recipes.models = tuple(model.name for model in client.models().models)
            self._models_read = now
        return self._recipes.of(path)

    def _meet(self, entry: Entry, error: StemliftError) -> None:
        """Try again later, or fail."""
        entry = self._ledger.get(entry)
        logger.warning("%s: %s: %s", display_name(Path(entry.path)), error.reason, error.message)
        how = backoff.patience(error.reason)
        if error.reason is Reason.RECIPE_INVALID:
            self._note_recipe(entry, error)
        own = not how.everybody and error.reason is not Reason.RECIPE_INVALID
        attempts = entry.attempts + (1 if own else 0)
        shown = entry.state in (FileState.PUBLISHING, FileState.FINISHING)
        changes: dict[str, Any] = {
            "attempts": attempts,
            "reason": error.reason.value,
            "message": error.message,
            "remedy": error.remedy,
        }
        if not shown:
            # What changes or goes while it waits is then noticed by the scan.
            changes["state"] = FileState.WAITING
        if error.job_id and error.exit_code != Exit.SERVER:
            # That job has ended; the next attempt is another one.
            changes["nonce"] = secrets.token_hex(8)
        if how.attempts is not None and attempts >= how.attempts and not shown:
            self._work.discard(entry)
            changes |= {"state": FileState.FAILED, "since": self._wall(), "key": None}
            self._ended(entry, failed=True)
            self._try_to_report(self._ledger.change(entry, **changes))
            return
        if how.everybody:
            self._pauses += 1
            wait = backoff.delay(self._pauses)
            self._paused_until = self._monotonic() + wait
            self._paused_by = entry.path
        else:
            wait = backoff.delay(attempts)
        if error.reason is Reason.RECIPE_INVALID:
            # Cheap to look at, and somebody is likely mending it just now.
            wait = backoff.FIRST_DELAY
        self._ledger.change(entry, **changes, next_try=self._wall() + wait, delay=wait)

    def _try_to_report(self, entry: Entry) -> None:
        try:
            self._report(entry)
        except StemliftError as error:
            # `tidy` makes up for it.
            logger.warning("%s", error)

    def _report(self, entry: Entry) -> None:
        """See that OUTBOX/_failed says why, for as long as it is so.

        Raises:
            StemliftError: the outbox cannot be written now.
        """
        if entry.report and has_report(self._outbox.path, entry.report, entry):
            return
        self._outbox.open()
        with self._outbox.explained():
            others = self._ledger.reports(str(self._outbox.path), entry)
            name = choose_report(
                self._outbox.path, entry, frozenset(folder_key(each) for each in others)
            )
            # Noted first, so that the folder is never without an owner.
            entry = self._ledger.change(entry, report=name)
            write_report(self._outbox.path, name, entry)

    def _mended(self, entry: Entry) -> bool:
        """Try a failed song again when its recipe is another one now."""
        if entry.recipe is None:
            return False
        # Models are asked for once only: failed songs must not keep a server from leaving.
        recipe_of = self._recipe_of if self._models_read is None else self._recipes.of
        try:
            same = recipe_of(entry.path).digest() == entry.recipe
        except StemliftError:
            return False
        if not same:
            self._ledger.retry(self._name, [entry.path], self._wall())
        return not same

    def _note_recipe(self, entry: Entry, error: StemliftError) -> None:
        """A broken recipe is reported once, however many songs wait for it."""
        folders = entry.path.split("/")[:-1]
        for depth in range(len(folders), -1, -1):
            path = self._inbox.joinpath(*folders[:depth], RECIPE_FILE)
            if display_name(path) not in error.message:
                continue
            relative = "/".join([*folders[:depth], RECIPE_FILE])
            known = self._ledger.find(self._name, relative)
            if known is None or known.message != error.message:
                seen = Seen(relative, 0, 0, 0, (0, 0))
                failed = self._ledger.fail_arriving(self._name, seen, error, self._wall())
                if failed is not None:
                    self._try_to_report(failed)
            return

    def _look_at_recipe(self, entry: Entry) -> None:
        """Forget a broken recipe once it is mended or gone."""
        folder = entry.path.rpartition("/")[0]
        try:
            self._recipes.of(f"{folder}/x" if folder else "x")
        except StemliftError as error:
            if error.message == entry.message:
                self._report(entry)
                return
        if entry.report:
            remove_report(self._outbox.path, entry.report)
        self._ledger.leave(entry)


def _fault(entry: Entry, fault: Exception) -> StemliftError:
    return StemliftError(
        Reason.INTERNAL,
        f"Stemlift failed at {display_name(Path(entry.path))}: {type(fault).__name__}: {fault}.",
        "This is a fault of ours. Please report it with the log.",
    )
