"""The live display of a watcher: what runs, with a bar; what waits; what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stemlift.audio.problems import display_name
from stemlift.cli.progress import in_words
from stemlift.cli.reporting import console, duration, in_one_line, note, plain, sign
from stemlift.cli.watch_show import (
    done_in_words,
    failed_in_words,
    farewell,
    trouble_in_words,
    trouble_when,
)
from stemlift.watch.entry import Entry, FileState
from stemlift.watch.following import Moment, Trouble

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stemlift.rpc.results import JobUpdate

_TROUBLES = 3


class LiveScreen:
    """Redrawn with each `show`; what ended stays above it. Gone when left."""

    def __init__(self, inbox: Path, outbox: Path) -> None:
        self.inbox, self.outbox = inbox, outbox
        self._done = self._failed = 0
        self._live = Live(
            console=console(sys.stderr),
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        arrow = sign("→", "->", sys.stderr)
        self._head = f"Watching {display_name(inbox)} {arrow} {display_name(outbox)}"

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def show(self, moment: Moment, update: JobUpdate | None, now: float) -> None:
        done = self._done, self._failed
        self._live.update(picture(self._head, moment, update, done, now), refresh=True)

    def ended(self, entry: Entry) -> None:
        if entry.state is FileState.FAILED:
            self._failed += 1
            self._above(failed_in_words(entry, sys.stderr))
            return
        self._done += 1
        if sys.stdout.isatty():
            self._above(done_in_words(entry, self.outbox, sys.stdout))
        else:
            sys.stdout.write(done_in_words(entry, self.outbox, sys.stdout) + "\n")
            sys.stdout.flush()

    def left(self, troubles: Sequence[Trouble]) -> None:
        for each in troubles:
            self._above(plain(f"left for later: {trouble_in_words(each)} ({each.reason})"))

    def stopped(self, moment: Moment) -> None:
        self._live.stop()
        note(farewell(moment))

    def _above(self, text: str) -> None:
        # Whole, so that a path can be copied.
        self._live.console.print(text, soft_wrap=True)


def picture(
    head: str, moment: Moment, update: JobUpdate | None, ended: tuple[int, int], now: float
) -> RenderableType:
    """The display at one moment. ended: how many songs were done, and how many failed."""
    parts: list[RenderableType] = [_line(head, "bold")]
    if moment.running is not None:
        parts.append(_running(moment.running, update))
    done, failed = ended
    counts = {
        "arriving": moment.arriving,
        "waiting": moment.waiting,
        "done": done,
        "failed": failed,
    }
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    parts.append(_line(f"  {said or 'nothing to do'}. Ctrl-C stops."))
    for trouble in moment.troubles[:_TROUBLES]:
        text = f"  {trouble_in_words(trouble)}{trouble_when(trouble, now)}"
        parts.append(_line(text, "yellow"))
    parts += [_line(f"  {text}", "yellow") for text in moment.notices]
    return Group(*parts)


def _line(text: str, style: str = "") -> Text:
    return Text(in_one_line(text), style=style, no_wrap=True, overflow="ellipsis")


def _running(entry: Entry, update: JobUpdate | None) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True, justify="right")
    song = Text(f"  {in_one_line(display_name(Path(entry.path)))}")
    if update is None:
        grid.add_row(song, "taken", "", "")
        return grid
    left = "" if update.seconds_left is None else f"{duration(update.seconds_left)} left"
    grid.add_row(
        song,
        in_words(update),
        ProgressBar(total=1.0, completed=update.fraction),
        f"{update.fraction:.0%} {left}".rstrip(),
    )
    return grid
