"""One watched folder: a thread that looks at the inbox, and one that does the work."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.settings import WatchFolder
from stemlift.system.private import make_private_folder
from stemlift.system.process import birth_of
from stemlift.watch.connection import Connect, Connection
from stemlift.watch.entry import InboxFacts
from stemlift.watch.ledger import Ledger
from stemlift.watch.looking import Looker
from stemlift.watch.notify import BatchNotices
from stemlift.watch.observing import Hints
from stemlift.watch.outbox import Outbox
from stemlift.watch.recipe import Recipe
from stemlift.watch.recipes import Recipes
from stemlift.watch.working import Audience, Worker

if TYPE_CHECKING:
    from stemlift.rpc.client import Client

logger = logging.getLogger("stemlift.watch")

# Hints come by the thousand while a large file is copied.
_BREATH_SECONDS = 0.5


class _StoppedError(BaseException):
    """Ends the work on a song where it is. No `Exception`: no song may take it for its own."""


class Watcher:
    """Watches one inbox from `start` to `stop`.

    Songs that are being separated when it stops are gone on with by the next watcher.

    Args:
        folder: what to watch and how.
        paths: of the Stemlift whose server does it.
        recipe: for songs that no folder and no stemlift.toml says more about; by default
            what `folder` says.
        connect: makes the client; by default one that starts the server when needed.
        audience: hears of songs that ended; by default the desktop, where `folder` says so.
        looked: called, in the thread that looks, after each look that succeeded; with True
            where no file is about to arrive.
        step: for tests; see `Work`.
    """

    def __init__(
        self,
        folder: WatchFolder,
        paths: Paths,
        *,
        recipe: Recipe | None = None,
        connect: Connect | None = None,
        audience: Audience | None = None,
        looked: Callable[[bool], None] = lambda _settled: None,
        step: Callable[[str], None] = lambda _name: None,
    ) -> None:
        """
        Raises:
            StemliftError: OUTBOX_UNUSABLE where inbox and outbox are one, or the inbox lies
                in the outbox; ARGUMENT_INVALID for a recipe that may not delete.
        """
        self._folder = folder
        self._paths = paths
        self.inbox = Path(os.path.realpath(folder.inbox_path))
        self.outbox = Path(os.path.realpath(folder.out_path))
        _require_apart(self.inbox, self.outbox)
        base = recipe or Recipe(model=folder.model, stems=folder.stems)
        self._recipes = Recipes(self.inbox, base, models=(), allow_delete=folder.allow_delete)
        self._connect = connect or _connect_to(paths)
        self._audience = audience or (BatchNotices() if folder.notify else None)
        self._looked = looked
        self._step = step
        self._stopping = threading.Event()
        self._look_now = threading.Event()
        self._work_now = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = filelock.FileLock(lock_file(paths, self.inbox), thread_local=False)

    def start(self) -> None:
        """Begin, in threads of its own.

        Raises:
            StemliftError: WATCH_ACTIVE, STATE_UNUSABLE; OUTBOX_UNUSABLE where another watcher's
                outbox is this one's inbox, or the other way round.
        """
        make_private_folder(self._paths.state)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise _active(self.inbox) from error
        ledger: Ledger | None = None
        try:
            ledger = Ledger(self._paths.watch_database)
            _require_alone(self.inbox, self.outbox, ledger)
            self._sign(ledger)
        except BaseException:
            if ledger is not None:
                ledger.close()
            self._lock.release()
            raise
        self._ledger = ledger
        self._hints = Hints(
            self.inbox, self._folder.polling, self._look_now.set, skip=(self.outbox,)
        )
        self._looker = Looker(
            self.inbox,
            self.outbox,
            ledger,
            stable=self._folder.stable,
            give_up=self._folder.give_up,
        )
        for name, run in (("look", self._look), ("work", self._work)):
            thread = threading.Thread(target=run, name=f"stemlift-watch-{name}")
            thread.start()
            self._threads.append(thread)

    def _sign(self, ledger: Ledger) -> None:
        """Say in the ledger who watches the inbox."""
        pid = os.getpid()
        ledger.describe(str(self.inbox), str(self.outbox), pid=pid, birth=birth_of(pid) or 0.0)
        self._signed = ledger.opened

    def stop(self) -> None:
        """End within about a second; may be called twice, and from a signal handler's thread."""
        self._stopping.set()
        self._look_now.set()
        self._work_now.set()
        for thread in self._threads:
            thread.join()
        if self._threads:
            self._threads.clear()
            with contextlib.suppress(StemliftError):
                # Its process tells, too, that nobody watches any more.
                self._ledger.describe(str(self.inbox), str(self.outbox), pid=0)
            self._ledger.close()
            self._lock.release()

    def look(self) -> None:
        """Look at the inbox now, as after a hint."""
        self._look_now.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until `stop` is called by another thread; False after `seconds`."""
        return self._stopping.wait(seconds)

    def _look(self) -> None:
        self._hints.start()
        said = ""
        try:
            while not self._stopping.is_set():
                self._look_now.clear()
                if self._stopping.is_set():
                    return
                wait: float | None = None
                try:
                    self._hints.renew()
                    wait = self._looker.look(self._hints.notice)
                    if self._ledger.opened != self._signed:
                        self._sign(self._ledger)
                    self._looked(wait is None)
                    said = ""
                except StemliftError as error:
                    if error.message != said:
                        logger.warning("%s", error)
                    said = error.message
                except Exception:
                    # Whatever it is, the next look may do better; a watcher runs for months.
                    logger.exception("a fault of ours")
                self._work_now.set()
                pause = self._folder.interval if wait is None else min(wait, self._folder.interval)
                self._look_now.wait(max(pause, 0.05))
                self._stopping.wait(_BREATH_SECONDS if pause > _BREATH_SECONDS else 0)
        finally:
            self._hints.stop()

    def _work(self) -> None:
        connection = Connection(self._connect)
        worker = Worker(
            self.inbox,
            Outbox(self.outbox, str(self.inbox), self._ledger),
            self._ledger,
            connection,
            self._recipes,
            beat=self._beat,
            changed=self._start_anew,
            audience=self._audience,
            step=self._step,
        )
        begun = False
        try:
            while not self._stopping.is_set():
                self._work_now.clear()
                try:
                    if not begun:
                        worker.start()
                        begun = True
                    while worker.run_next():
                        self._beat()
                    worker.tidy()
                    due = worker.due_in()
                except StemliftError as error:
                    logger.error("%s", error)
                    due = None
                except Exception:
                    # As above.
                    logger.exception("a fault of ours")
                    due = None
                wait = self._folder.interval if due is None else min(due, self._folder.interval)
                # By a look, by the next try, or by somebody who asked for one.
                self._work_now.wait(max(wait, 0.05))
        except _StoppedError:
            return
        finally:
            connection.close()

    def _beat(self) -> None:
        if self._stopping.is_set():
            raise _StoppedError

    def _start_anew(self, path: str) -> None:
        self._looker.forget(path)
        self._look_now.set()


def lock_file(paths: Paths, inbox: Path) -> Path:
    """Held by the one watcher of an inbox, whose real path is given."""
    name = hashlib.sha256(os.fsencode(os.path.normcase(inbox))).hexdigest()[:16]
    return paths.state / f"watch-{name}.lock"


def _connect_to(paths: Paths) -> Connect:
    def connect(beat: Callable[[], None]) -> Client:
        # Not needed before there is work.
        from stemlift.rpc.client import Client

        return Client(paths=paths, heartbeat=beat)

    return connect


def _require_apart(inbox: Path, outbox: Path) -> None:
    if inbox == outbox or outbox in inbox.parents:
        what = "are one folder" if inbox == outbox else "lie one in the other the wrong way round"
        raise _stems_for_songs(inbox, outbox, what)


def _stems_for_songs(inbox: Path, outbox: Path, what: str) -> StemliftError:
    return StemliftError(
        Reason.OUTBOX_UNUSABLE,
        f"The inbox {display_name(inbox)} and the outbox {display_name(outbox)} {what}:"
        " stems would be taken for songs.",
        "Choose an outbox beside the inbox or in it.",
    )


def _require_alone(inbox: Path, outbox: Path, ledger: Ledger) -> None:
    """No other watcher may take the same songs, or the stems of this one for songs."""
    for other in ledger.inboxes():
        if other.inbox == str(inbox) or not is_watched(other):
            continue
        theirs, their_outbox = Path(other.inbox), Path(other.outbox)
        if theirs in inbox.parents or inbox in theirs.parents:
            raise _active(theirs)
        for songs, stems in ((inbox, their_outbox), (theirs, outbox)):
            if songs == stems or stems in songs.parents:
                raise _stems_for_songs(songs, stems, "belong to two watched folders")


def is_watched(facts: InboxFacts) -> bool:
    """Whether the watcher that described an inbox still lives."""
    return bool(facts.pid) and birth_of(facts.pid) == facts.birth


def _active(inbox: Path) -> StemliftError:
    return StemliftError(
        Reason.WATCH_ACTIVE,
        f"Another Stemlift watches {display_name(inbox)} already.",
        "Use that one, or end it first. `stemlift watch status` shows it.",
    )
