"""`stemlift jobs`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from stemlift.cli.groups import show_help
from stemlift.cli.interrupts import Interrupts
from stemlift.cli.reporting import console, note, plain, print_error, print_json
from stemlift.errors import Exit, Reason, StemliftError

if TYPE_CHECKING:
    from stemlift.rpc.client import Client, RemoteJob
    from stemlift.rpc.results import JobUpdate

app = typer.Typer(help="Jobs of the server, past and present.", rich_markup_mode=None)
app.callback(invoke_without_command=True)(show_help)

Id = Annotated[str, typer.Argument(help="The job's id, or its first signs.", metavar="JOB")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a job, a line each.")]


@app.command("list")
def list_jobs(json: Json = False) -> int:
    """List all jobs, newest first."""
    with _connect(json) as client:
        updates = (job.latest for job in client.jobs())
        if json:
            for update in updates:
                print_json(update.to_json())
            return 0
        from rich import box
        from rich.table import Table

        from stemlift.cli.progress import in_words

        table = Table(box=box.SIMPLE_HEAD)
        for heading in ("job", "state", "done", "model", "made", "song"):
            table.add_column(heading, no_wrap=heading != "song", overflow="fold")
        for update in updates:
            made = update.created.astimezone().strftime("%Y-%m-%d %H:%M") if update.created else ""
            table.add_row(
                update.id,
                in_words(update),
                f"{update.fraction:.0%}",
                plain(update.model),
                made,
                plain(str(update.source)),
            )
    if table.row_count:
        console(sys.stdout).print(table)
    else:
        note("There are no jobs.")
    return 0


@app.command("show")
def show_job(job: Id, json: Json = False) -> int:
    """Show one job."""
    with _connect(json) as client:
        _print(find_job(client, job).latest, json)
    return 0


@app.command("watch")
def watch_job(job: Id, json: Json = False) -> int:
    """Follow a job to its end. Ctrl-C leaves it running."""
    from stemlift.cli.progress import show_progress

    with Interrupts() as interrupts, _connect(json, interrupts.check) as client:
        found = find_job(client, job)
        try:
            with show_progress(found.latest.source.name, lines=not json) as show:
                for update in found:
                    show(update)
                    if json:
                        print_json(update.to_json())
        except KeyboardInterrupt:
            note(f"Job {found.id} goes on.")
            return Exit.CANCELLED
    if not json:
        _print(found.latest, json)
    return _code(found.latest)


@app.command("cancel")
def cancel_job(job: Id, json: Json = False) -> int:
    """Stop a job; no output remains. A job that has ended stays as it is."""
    with _connect(json) as client:
        update = find_job(client, job).cancel()
    if json:
        print_json(update.to_json())
    elif update.state.ended:
        note(f"Job {update.id}: {update.state}.")
    else:
        note(f"Job {update.id} stops at the end of its batch.")
    return 0


@app.command("delete")
def delete_job(job: Id, json: Json = False) -> int:
    """Forget a job that has ended. Its stems stay."""
    with _connect(json) as client:
        found = find_job(client, job)
        client.delete(found.id)
    if json:
        print_json({"job": found.id, "deleted": True})
    else:
        note(f"Job {found.id} is forgotten; its stems stay.")
    return 0


def find_job(client: Client, start: str) -> RemoteJob:
    """The one job whose id is `start` or begins with it.

    Raises:
        StemliftError: JOB_NOT_FOUND, or ARGUMENT_INVALID when it fits several.
    """
    if not start.isascii():
        raise StemliftError(
            Reason.JOB_NOT_FOUND,
            f"There is no job {start!a}.",
            "List the jobs with `stemlift jobs list`.",
        )
    try:
        return client.job(start)
    except StemliftError as error:
        if error.reason is not Reason.JOB_NOT_FOUND or not start:
            raise
        found = [job for job in client.jobs() if job.id.startswith(start)]
        if not found:
            raise
    if len(found) > 1:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{len(found)} jobs begin with {start}.",
            f"Give more of the id: {', '.join(job.id for job in found[:5])}.",
        )
    return found[0]


def _connect(json: bool, heartbeat: Callable[[], None] = lambda: None) -> Client:
    from stemlift.rpc.client import Client

    return Client(on_wait=None if json else note, heartbeat=heartbeat)


def _code(update: JobUpdate) -> int:
    if update.error is not None:
        return update.error.exit_code
    return Exit.CANCELLED if str(update.state) == "cancelled" else Exit.DONE


def _print(update: JobUpdate, json: bool) -> None:
    if json:
        print_json(update.to_json())
        return
    from stemlift.cli.progress import in_words
    from stemlift.cli.summary import print_summary

    if update.result is not None:
        print_summary(update.source.name, update.result)
        return
    lines = {
        "job": update.id,
        "song": str(update.source),
        "state": f"{in_words(update)}, {update.fraction:.0%}",
        "model": update.model,
        "stems": ", ".join(update.stems) or "all",
        "folder": str(update.output_folder),
        "device": f"{update.device}: {update.device_reason}" if update.device else "",
    }
    screen = console(sys.stdout)
    for name, value in lines.items():
        if value:
            screen.print(f"{name:>7}  {plain(value)}", soft_wrap=True)
    for warning in update.warnings:
        note(f"note: {warning}")
    if update.error is not None:
        print_error(update.error)
