"""Watching a folder in the terminal, until Ctrl-C or until all is done."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing
from pathlib import Path

from stemlift.cli.interrupts import Interrupts
from stemlift.cli.reporting import note
from stemlift.cli.watch_log import log_to
from stemlift.cli.watch_show import Screen, choose_screen
from stemlift.errors import Exit, Reason, StemliftError, severity
from stemlift.paths import Paths, find_paths
from stemlift.rpc.client import Client
from stemlift.rpc.results import JobUpdate
from stemlift.settings import WatchFolder
from stemlift.system.private import make_private_folder
from stemlift.watch.entry import FileState
from stemlift.watch.following import Follower, Moment, reason_of, worst
from stemlift.watch.hosting import make_watcher
from stemlift.watch.ledger import Ledger
from stemlift.watch.places import check_places
from stemlift.watch.recipe import Recipe
from stemlift.watch.watcher import Watcher

TICK_SECONDS = 0.4


def run(folder: WatchFolder, recipe: Recipe, *, once: bool, json: bool) -> int:
    """Watch; returns the exit code: 0 after Ctrl-C, with `once` the worst of the songs.

    Raises:
        StemliftError: INBOX_MISSING, OUTBOX_UNUSABLE, WATCH_ACTIVE, MODEL_UNKNOWN,
            STATE_UNUSABLE, or why there is no server to ask for the model.
    """
    paths = find_paths()
    check_places(folder.inbox_path, folder.out_path)
    make_private_folder(paths.state)
    with Interrupts() as interrupts, ExitStack() as kept:
        settled = _Settled()
        watcher = make_watcher(folder, paths, recipe=recipe, looked=settled)
        try:
            _see_the_model(paths, recipe.model, json, interrupts)
        except KeyboardInterrupt:
            return Exit.CANCELLED
        kept.enter_context(log_to(paths, watcher.inbox))
        ledger = kept.enter_context(closing(Ledger(paths.watch_database)))
        follower = Follower(ledger, str(watcher.inbox))
        kept.callback(watcher.stop)
        watcher.start()
        screen = kept.enter_context(choose_screen(watcher.inbox, watcher.outbox, json=json))
        progress = kept.enter_context(closing(_Progress(paths)))
        try:
            codes = _follow(watcher, follower, screen, progress, interrupts, settled, once)
        except KeyboardInterrupt:
            watcher.stop()
            screen.stopped(follower.moment())
            return Exit.CANCELLED if once else Exit.DONE
    return max(codes, key=severity, default=Exit.DONE)


class _Settled:
    """Whether the last look found no file that is about to arrive. Told by another thread."""

    def __init__(self) -> None:
        self.value = False

    def __call__(self, settled: bool) -> None:
        self.value = settled


class _Progress:
    """Asks the server about the job in work; what it cannot tell now is left out."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._client: Client | None = None

    def of(self, moment: Moment) -> JobUpdate | None:
        job = moment.running.job_id if moment.running else None
        if job is None:
            return None
        try:
            self._client = self._client or Client(self._paths, start=False)
            return self._client.job(job).latest
        except StemliftError:
            # The watcher itself meets what is wrong; this is for the eyes only.
            self.close()
            return None

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _follow(
    watcher: Watcher,
    follower: Follower,
    screen: Screen,
    progress: _Progress,
    interrupts: Interrupts,
    settled: _Settled,
    once: bool,
) -> list[int]:
    """Show what happens; with `once` the exit codes of what failed, when nothing is left."""
    codes: list[int] = []
    while True:
        # Before the looks at the ledger: what a look finds is there before it is noted here.
        quiet = settled.value
        for entry in follower.news():
            if entry.state is FileState.FAILED:
                codes.append(worst([reason_of(entry.reason)]))
            screen.ended(entry)
        moment = follower.moment()
        if once and quiet and not moment.arriving:
            if not moment.to_do:
                return codes
            if left := follower.held_up():
                screen.left(left)
                return [*codes, worst([each.reason for each in left])]
        if once and not os.path.isdir(watcher.inbox):  # noqa: PTH112 - the path is text already
            raise _inbox_gone(watcher.inbox)
        screen.show(moment, progress.of(moment), time.time())
        watcher.wait(TICK_SECONDS)
        interrupts.check()


def _see_the_model(paths: Paths, name: str, json: bool, interrupts: Interrupts) -> None:
    """Refuse a wrong name at once; say what is fetched before the first song."""
    from stemlift.cli.songs import advise

    if name == "auto":
        return
    with Client(paths, on_wait=None if json else note, heartbeat=interrupts.check) as client:
        client.model(name)
        if not json:
            advise(client, name)
    interrupts.check()


def _inbox_gone(inbox: Path) -> StemliftError:
    return StemliftError(
        Reason.INBOX_MISSING,
        f"The inbox {inbox} went away.",
        "Connect its share or disk, and begin again: nothing is done twice.",
    )
