"""What a person sees while a job runs. All of it on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stemlift.cli.reporting import console, duration, note, plain, size
from stemlift.rpc.model_results import ModelProgress
from stemlift.rpc.results import JobState, JobUpdate, Stage

Show = Callable[[JobUpdate], None]
ShowModel = Callable[[ModelProgress], None]
ShowShare = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""

_WORDS = {
    Stage.WAITING: "starting",
    Stage.DOWNLOADING: "downloading the model",
    Stage.LOADING: "loading the model",
    Stage.ANALYSING: "listening to the whole song",
    Stage.SEPARATING: "separating",
    Stage.WRITING: "writing the stems",
}


def in_words(update: JobUpdate) -> str:
    """What a job is doing, in plain words."""
    if update.state is JobState.QUEUED:
        return "waiting for its turn"
    if update.state is JobState.RUNNING:
        return _WORDS[update.stage]
    return str(update.state)


@contextmanager
def show_progress(name: str, *, lines: bool) -> Iterator[Show]:
    """A bar on a terminal; elsewhere a line now and then, or nothing.

    Args:
        name: of the song.
        lines: whether lines are wanted where there is no terminal.
    """
    if sys.stderr.isatty():
        with _bar(name) as show:
            yield show
    elif lines:
        yield _Lines(name).show
    else:
        yield lambda _: None


@contextmanager
def _bar(name: str) -> Iterator[Show]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.fields[song]}", markup=False),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[left]}", markup=False),
    )
    # Gone when done: the table of stems takes its place.
    with Progress(*columns, console=console(sys.stderr), transient=True, expand=True) as bar:
        task = bar.add_task("asking the server", total=1.0, song=_short(plain(name)), left="")

        def show(update: JobUpdate) -> None:
            parts = []
            if update.seconds_left is not None:
                parts.append(f"{duration(update.seconds_left)} left")
            if update.device:
                parts.append(f"on {update.device}")
            bar.update(
                task,
                description=in_words(update),
                completed=update.fraction,
                left=", ".join(parts),
            )

        yield show


@contextmanager
def show_share(what: str, *, lines: bool) -> Iterator[ShowShare]:
    """A bar on a terminal; elsewhere a line at every tenth of the way, or nothing.

    Args:
        what: e.g. "rendering".
        lines: whether lines are wanted where there is no terminal.
    """
    if sys.stderr.isatty():
        with _share_bar(what) as show:
            yield show
    elif lines:
        yield _ShareLines(what).show
    else:
        yield lambda _: None


@contextmanager
def _share_bar(what: str) -> Iterator[ShowShare]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
    )
    with Progress(*columns, console=console(sys.stderr), transient=True, expand=True) as bar:
        task = bar.add_task(plain(what), total=1.0)
        yield lambda share: bar.update(task, completed=share)


class _ShareLines:
    """A line at every tenth of the way."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.last = -1

    def show(self, share: float) -> None:
        step = int(share * 10)
        if step != self.last:
            self.last = step
            note(f"{self.what}: {share:.0%}")


@contextmanager
def show_model_progress(what: str, *, lines: bool) -> Iterator[ShowModel]:
    """A bar on a terminal; elsewhere a line at every tenth of the way, or nothing.

    Args:
        what: e.g. "fetching htdemucs".
        lines: whether lines are wanted where there is no terminal.
    """
    if sys.stderr.isatty():
        with _model_bar(what) as show:
            yield show
    elif lines:
        yield _ModelLines(what).show
    else:
        yield lambda _: None


@contextmanager
def _model_bar(what: str) -> Iterator[ShowModel]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[amount]}", markup=False),
        TextColumn("{task.fields[left]}", markup=False),
    )
    with Progress(*columns, console=console(sys.stderr), transient=True, expand=True) as bar:
        task = bar.add_task(plain(what), total=None, amount="", left="")

        def show(progress: ModelProgress) -> None:
            bar.update(
                task,
                total=progress.total or None,
                completed=progress.done,
                amount=_amount(progress),
                left=_left(progress),
            )

        yield show


class _ModelLines:
    """A line at every tenth of the way."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.last = -1

    def show(self, progress: ModelProgress) -> None:
        step = int(progress.done / progress.total * 10) if progress.total else 0
        if step != self.last:
            self.last = step
            left = _left(progress)
            note(f"{self.what}: {_amount(progress)}{', ' if left else ''}{left}")


def _amount(progress: ModelProgress) -> str:
    if not progress.total:
        return size(progress.done)
    return f"{size(progress.done)} of {size(progress.total)}"


def _left(progress: ModelProgress) -> str:
    return "" if progress.seconds_left is None else f"{duration(progress.seconds_left)} left"


def _short(name: str) -> str:
    # The bar, the stage and the time left need the rest of the line.
    return name if len(name) <= 28 else f"{name[:25]}..."


class _Lines:
    """A line at every new stage and every tenth of the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last: tuple[str, int] | None = None

    def show(self, update: JobUpdate) -> None:
        words = in_words(update)
        step = (words, int(update.fraction * 10))
        if update.state.ended or step == self.last:
            return
        self.last = step
        left = "" if update.seconds_left is None else f", {duration(update.seconds_left)} left"
        device = f" on {update.device}" if update.device else ""
        note(f"{self.name}: {words}{device}, {update.fraction:.0%}{left}")
