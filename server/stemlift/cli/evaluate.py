"""`stemlift evaluate`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemlift.cli.reporting import (
    console,
    duration,
    in_one_line,
    note,
    plain,
    print_error,
    print_json,
)
from stemlift.errors import Exit, Reason, StemliftError, severity

if TYPE_CHECKING:
    from stemlift.evaluation.run import Order, Scored, Step
    from stemlift.evaluation.scoring import Metric
    from stemlift.rpc.client import Client

CSV, JSON, PLOT = "results.csv", "summary.json", "boxplot.svg"


def evaluate(
    reference: Annotated[
        Path, typer.Option(help="Songs with their true stems.", metavar="DIR", show_default=False)
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="A name from `stemlift models list`, or auto. Several times: several."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="mixture (the mix as every stem) or oracle (the ideal ratio mask)."),
    ] = None,
    metric: Annotated[str, typer.Option(help="sdr, or bss: BSS Eval v4.")] = "sdr",
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", metavar="DIR")
    ] = Path("evaluation"),
    songs: Annotated[
        int | None, typer.Option(help="Only the first N songs.", metavar="N", min=1)
    ] = None,
    remainder: Annotated[
        str, typer.Option(help="As for `stemlift separate`: other, or off for the bare model.")
    ] = "other",
    precision: Annotated[
        str | None, typer.Option(help="auto, fp32 or bf16. Default: the settings', else auto.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no advice.")] = False,
) -> int:
    """Measure models on songs whose stems are known. What is done is not done again."""
    from stemlift.cli.interrupts import Interrupts
    from stemlift.evaluation.entrants import Baseline, entrants
    from stemlift.evaluation.layouts import find_songs
    from stemlift.evaluation.run import Order
    from stemlift.evaluation.run import evaluate as run
    from stemlift.evaluation.scoring import Metric
    from stemlift.paths import find_paths
    from stemlift.rpc.requests import PRECISIONS
    from stemlift.settings import load_settings

    measured = Metric(_chosen("metric", metric, tuple(Metric)))
    bases = [Baseline(_chosen("baseline", each, tuple(Baseline))) for each in baseline or ()]
    _chosen("remainder", remainder, ("other", "off"))
    # Told to each job: what is there already must be known by it when the settings change.
    told = load_settings(find_paths().settings_file).precision if precision is None else precision
    _chosen("precision", told, tuple(PRECISIONS))
    found = find_songs(reference)[:songs]
    results: list[Scored] = []
    left_out: dict[str, StemliftError] = {}
    with Interrupts() as interrupts, _connection(interrupts.check, json) as client:
        try:
            given = entrants(model or (), bases, client)
            if not json and not quiet:
                _advise(model or (), client)
            order = Order(found, given, measured, out, remainder, told)
            with _progress(lines=not json and not quiet) as show:
                leave_out = left_out.__setitem__
                results += run(order, client, show, interrupts.check, leave_out)
        except KeyboardInterrupt:
            note("Stopped. The same command goes on where it was.")
            return Exit.CANCELLED
    told_of_all = _told(results, order, left_out)
    if results:
        _write(results, order, told_of_all)
    if json:
        print_json(told_of_all | (_files(out) if results else {}))
    else:
        if results:
            _print(results, measured)
            before = sum(result.again for result in results)
            if before:
                note(f"{before} of {len(results)} results were there already.")
            note(f"Every figure: {out / CSV}; a picture: {out / PLOT}")
        for song, error in left_out.items():
            note(f"{in_one_line(song)} was left out:")
            print_error(error)
    return max((each.exit_code for each in left_out.values()), key=severity, default=Exit.DONE)


def _chosen(option: str, value: str, accepted: Sequence[str]) -> str:
    if value in accepted:
        return value
    *most, last = map(str, accepted)
    raise StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{option} cannot be {value!r}.",
        f"Accepted: {', '.join(most)} or {last}.",
    )


@contextmanager
def _connection(check: Callable[[], None], json: bool) -> Iterator[Callable[[], Client]]:
    """Gives the client when it is first asked for: baselines need no server."""
    from contextlib import ExitStack

    with ExitStack() as kept:
        made: list[Client] = []

        def client() -> Client:
            if not made:
                from stemlift.rpc.client import Client

                on_wait = None if json else note
                made.append(kept.enter_context(Client(on_wait=on_wait, heartbeat=check)))
            return made[0]

        yield client


def _advise(models: Sequence[str], client: Callable[[], Client]) -> None:
    from stemlift.cli.songs import advise

    for name in models:
        advise(client(), name)


@contextmanager
def _progress(*, lines: bool) -> Iterator[Callable[[Step], None]]:
    """A bar on a terminal; elsewhere a line for each song and model, or nothing."""
    if sys.stderr.isatty():
        with _bar() as show:
            yield show
    elif lines:
        yield _Lines().show
    else:
        yield lambda _: None


@contextmanager
def _bar() -> Iterator[Callable[[Step], None]]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[left]}", markup=False),
    )
    with Progress(*columns, console=console(sys.stderr), transient=True, expand=True) as bar:
        task = bar.add_task("beginning", total=1.0, left="")

        def show(step: Step) -> None:
            name = plain(step.song.rpartition("/")[2])
            short = name if len(name) <= 24 else f"{name[:21]}..."
            words = f"{short}, {plain(step.entrant)}: {step.words}"
            bar.update(task, description=words, completed=step.share, left=_left(step))

        yield show


class _Lines:
    """A line whenever another song or model begins."""

    def __init__(self) -> None:
        self.last = ("", "")

    def show(self, step: Step) -> None:
        if (step.song, step.entrant) != self.last:
            self.last = (step.song, step.entrant)
            left = _left(step)
            song = in_one_line(step.song)
            note(f"{song}, {step.entrant}: {step.share:.0%}{', ' if left else ''}{left}")


def _left(step: Step) -> str:
    return "" if step.seconds_left is None else f"{duration(step.seconds_left)} left"


def _told(
    results: Sequence[Scored], order: Order, left_out: Mapping[str, StemliftError]
) -> dict[str, object]:
    from stemlift.evaluation.table import as_json

    options = {"remainder": order.remainder, "precision": order.precision}
    errors = {
        song: {"reason": str(error.reason), "message": error.message, "remedy": error.remedy}
        for song, error in left_out.items()
    }
    return as_json(results, order.metric, options) | {"errors": errors}


def _files(out: Path) -> dict[str, object]:
    places = {"csv": CSV, "json": JSON, "picture": PLOT}
    return {"files": {name: str((out / file).absolute()) for name, file in places.items()}}


def _write(results: Sequence[Scored], order: Order, told: Mapping[str, object]) -> None:
    import json

    from stemlift.evaluation.boxplot import box_plot
    from stemlift.evaluation.records import write_text
    from stemlift.evaluation.table import NAMES, as_csv, figures

    leading = order.metric.figures[0]
    groups: dict[str, dict[str, tuple[float, ...]]] = {}
    for figure in figures(results, order.metric):
        if figure.name == leading:
            groups.setdefault(figure.stem, {})[figure.model] = figure.values
    count = len({result.song for result in results})
    title = f"{NAMES[leading]} of {count} song{'s' * (count != 1)}"
    write_text(order.out / CSV, as_csv(results, order.metric))
    write_text(order.out / JSON, json.dumps(told, indent=1) + "\n")
    write_text(order.out / PLOT, box_plot(title, "dB", groups))


def _print(results: Sequence[Scored], metric: Metric) -> None:
    """Of the leading figure the mean and the median over the songs, of the others the median."""
    from rich import box
    from rich.table import Table

    from stemlift.evaluation.table import NAMES, figures, mean_of_stems

    table = Table(box=box.SIMPLE_HEAD)
    leading, *others = metric.figures
    table.add_column("model", no_wrap=True)
    table.add_column("stem", no_wrap=True)
    heads = ("songs", f"{NAMES[leading]} mean", "median", *(f"{NAMES[o]} median" for o in others))
    for head in heads:
        table.add_column(head, justify="right")
    found = figures(results, metric)
    for name in dict.fromkeys(figure.model for figure in found):
        rows: dict[str, list[str]] = {}
        for figure in found:
            if figure.model == name:
                row = rows.setdefault(figure.stem, [])
                if figure.name == leading:
                    row += [str(len(figure.values)), _decibels(figure.mean)]
                row.append(_decibels(figure.median))
        over = [mean_of_stems(found, name, each) for each in metric.figures]
        for stem, cells in rows.items():
            table.add_row(plain(name), plain(stem), *cells)
        if over[0] is not None:
            medians = [_decibels(each.median if each else None) for each in over]
            table.add_row(plain(name), "(mean)", "", _decibels(over[0].mean), *medians)
    console(sys.stdout).print(table)


def _decibels(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
