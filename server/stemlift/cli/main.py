"""The command `stemlift`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from stemlift.cli import (
    bench,
    doctor,
    evaluate,
    jobs,
    models,
    reaper,
    report,
    separate,
    serve,
    session,
    train,
    watch,
)
from stemlift.cli.groups import show_help
from stemlift.cli.program import run_program

app = typer.Typer(
    name="stemlift",
    help="Turns a mix back into tracks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("separate")(separate.separate)
app.command("serve")(serve.serve)
app.add_typer(jobs.app, name="jobs")
app.add_typer(models.app, name="models")
app.add_typer(reaper.app, name="reaper")
app.add_typer(watch.app, name="watch")
app.add_typer(session.app, name="session")
app.add_typer(train.app, name="train")
app.command("evaluate")(evaluate.evaluate)
app.command("report")(report.report)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        from stemlift import __version__

        typer.echo(f"stemlift {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    show_help(context)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code, see `stemlift.errors.Exit`."""
    return run_program(app, "stemlift", argv)
