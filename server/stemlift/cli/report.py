"""`stemlift report`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemlift.cli.reporting import console, note, plain, print_json
from stemlift.errors import Exit, Reason, StemliftError

if TYPE_CHECKING:
    from stemlift.quality.verdicts import Verdict
    from stemlift.report import Report
    from stemlift.rpc.results import SeparationResult

NAME = "report.html"


def report(
    stems: Annotated[
        Path, typer.Argument(help="Folder of stems.", metavar="STEMS_DIR", show_default=False)
    ],
    mix: Annotated[
        Path | None,
        typer.Option(
            help="The song. Default: the one that stems.json names, or beside the folder.",
            metavar="SONG",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help=f"The page. Default: {NAME} beside the stems.", metavar="FILE"
        ),
    ] = None,
    listen: Annotated[
        float,
        typer.Option(help="Seconds of each sound in the page; 0: none.", metavar="S", min=0.0),
    ] = 30.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is no report.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Measure stems, and write a page to look at them, to listen, and what to do."""
    from stemlift.cli.interrupts import Interrupts
    from stemlift.report import subject_of, write_report

    with Interrupts() as interrupts, _progress(shown=not json and not quiet) as show:

        def check(share: float) -> None:
            interrupts.check()
            show(share)

        try:
            subject = subject_of(stems, mix)
            written = write_report(
                subject, out or stems / NAME, listen=listen, overwrite=overwrite, check=check
            )
        except KeyboardInterrupt:
            note("Stopped. No report was written.")
            return Exit.CANCELLED
    if json:
        print_json({**written.facts, "report": str(written.path.absolute())})
    else:
        _tell(written, subject.notes)
    return Exit.DONE


def report_of(song: Path, result: SeparationResult, check: Callable[[], None]) -> Path:
    """Write the report of a finished separation beside its stems; returns its path.

    Raises:
        StemliftError: as `write_report`; INTERNAL for any other failure, since the stems are
            there, and their caller has to say so.
    """
    from stemlift.report import subject_of_stems, write_report

    name, first = next(iter(result.stems.items()))
    # As the stems are called: several songs may share a folder, and a long name is cut.
    out = first.with_name(f"{first.stem.removesuffix(f' - {name}')} - {NAME}")
    try:
        subject = subject_of_stems(
            song.stem,
            result.stems,
            song,
            result.start_frame,
            result.model,
            partial=result.null_dbfs is None,
        )
        return write_report(subject, out, check=lambda _: check()).path
    except StemliftError as error:
        if error.reason not in (
            Reason.OUTPUT_EXISTS,
            Reason.OUTPUT_UNWRITABLE,
            Reason.DISK_FULL,
        ):
            raise
        raise StemliftError(
            error.reason,
            error.message,
            "The stems are there. Make way for the page, or write it elsewhere with"
            " `stemlift report`.",
        ) from error
    except Exception as error:  # the stems are there, and their line must still be printed
        raise StemliftError(
            Reason.INTERNAL,
            f"The report failed in a way it should not: {type(error).__name__}: {error}.",
            "The stems are there. Please report it with what you did.",
        ) from error


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not shown or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("measuring"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _tell(written: Report, notes: Sequence[str]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    for place in range(4):
        table.add_column(no_wrap=place < 3)
    raised = [each for each in written.verdicts if each.level != "good"]
    for each in raised:
        table.add_row(plain(each.stem) or "all", each.metric, each.value, _words(each))
    if raised:
        console(sys.stdout).print(table)
    good = len(written.verdicts) - len(raised)
    lines = [f"{good} of {len(written.verdicts)} figures are good.", *map(plain, notes)]
    lines.append(f"Report: {plain(str(written.path))}")
    console(sys.stdout).print("\n".join(lines))


def _words(verdict: Verdict) -> str:
    return plain(f"{verdict.sentence} {verdict.advice}")
