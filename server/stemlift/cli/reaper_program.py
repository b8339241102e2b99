"""The program `stemlift-reaper`: what the scripts in REAPER start.

`stemlift-reaperw` is the same without a window, for Windows. REAPER's scripts read no output
of a program they do not wait for, so commands that tell something can write it to a file.
"""

from __future__ import annotations

import contextlib
import json as encoder
import logging
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

from stemlift.cli.groups import show_help
from stemlift.cli.interrupts import Interrupts
from stemlift.cli.program import run_program
from stemlift.cli.reaper import ResourcePath
from stemlift.cli.reporting import print_json
from stemlift.errors import Exit, Reason, StemliftError
from stemlift.paths import HOME_VARIABLE, find_paths
from stemlift.rpc.results import error_to_json

app = typer.Typer(
    name="stemlift-reaper",
    help="The helper of the scripts in REAPER.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _use_home(home: str) -> str:
    if home:
        # REAPER's environment is not that of the shell in which it was installed.
        os.environ[HOME_VARIABLE] = home
    return home


Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", help="Write it to this file, whole or not at all.", metavar="FILE"
    ),
]
Home = Annotated[
    str,
    typer.Option(
        "--home", callback=_use_home, help="Stemlift's own folder, as STEMLIFT_HOME.", metavar="DIR"
    ),
]

app.callback(invoke_without_command=True)(show_help)


@app.command("run")
def run(
    folder: Annotated[str, typer.Argument(help="The job's folder.", metavar="FOLDER")],
    _home: Home = "",
) -> int:
    """Do the job in a folder; its status.json says how far it is."""
    from stemlift.reaper.folder import JobFolder
    from stemlift.reaper.run import run as run_job

    job = JobFolder(Path(folder).absolute())
    log = logging.FileHandler(job.log_file, encoding="utf-8", errors="replace", delay=True)
    log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("stemlift.reaper")
    logger.setLevel(logging.INFO)
    logger.addHandler(log)
    with Interrupts() as interrupts:
        return run_job(job, find_paths(), interrupts.check)


@app.command("forget")
def forget(
    folder: Annotated[str, typer.Argument(help="The job's folder.", metavar="FOLDER")],
    output: Output = None,
    _home: Home = "",
) -> int:
    """Take a job out of the queue, running or not; its stems stay."""
    from stemlift.reaper.folder import JobFolder
    from stemlift.reaper.forgetting import forget as forget_job

    path = Path(folder).absolute()
    _say({"folder": str(path), "gone": forget_job(JobFolder(path), find_paths())}, output)
    return Exit.DONE


@app.command("models")
def models(output: Output = None, _home: Home = "") -> int:
    """Tell the models that can separate, as one JSON list."""
    from stemlift.rpc.client import Client

    with Client() as client:
        listed = client.models()
    _say([_model(model.to_json(), model.auto_choice) for model in listed.models], output)
    return Exit.DONE


@app.command("doctor")
def doctor(
    resource_path: ResourcePath = None,
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    output: Output = None,
    _home: Home = "",
) -> int:
    """Look whether REAPER and Stemlift fit together."""
    from stemlift.cli import reaper_doctor
    from stemlift.cli.doctor import print_checks

    checks = reaper_doctor.examine(find_paths(), resource_path)
    if json:
        _say(reaper_doctor.to_json(checks), output)
    elif output is not None:
        _write(output, reaper_doctor.to_text(checks))
    else:
        print_checks(checks, sys.stdout)
    return reaper_doctor.exit_code(checks)


@app.command("bundle")
def bundle(
    target: Annotated[str, typer.Argument(help="The file to write.", metavar="TARGET.zip")],
    resource_path: ResourcePath = None,
    output: Output = None,
    _home: Home = "",
) -> int:
    """Collect what support needs: logs, versions, states of jobs. No audio and no token."""
    from stemlift.cli import reaper_doctor
    from stemlift.reaper.bundle import write_bundle

    paths = find_paths()
    checks = reaper_doctor.examine(paths, resource_path)
    reports = {
        "doctor.txt": reaper_doctor.to_text(checks),
        "doctor.json": encoder.dumps(reaper_doctor.to_json(checks), ensure_ascii=False, indent=1),
    }
    _say({"bundle": str(write_bundle(Path(target), paths, reports))}, output)
    return Exit.DONE


@app.command("plan")
def plan(
    request: Annotated[
        str, typer.Argument(help="Facts of a project; - for stdin.", metavar="IN.json")
    ],
    output: Output = None,
    _home: Home = "",
) -> int:
    """Say what would be separated and imported. Does nothing."""
    from stemlift.reaper.plan_command import plan_text

    text = plan_text(None if request == "-" else Path(request))
    if output is None:
        sys.stdout.write(text)
    else:
        _write(output, text)
    return Exit.DONE


@app.command("connect")
def connect(
    resource_path: ResourcePath = None,
    output: Output = None,
    _home: Home = "",
) -> int:
    """Tell the scripts in REAPER where this program is; copies and registers nothing."""
    from stemlift.reaper.install.places import find_places
    from stemlift.reaper.install.scripts import connect as connect_scripts

    paths = find_paths()
    records = [str(connect_scripts(place, paths)) for place in find_places(resource_path)]
    _say({"connected": records}, output)
    return Exit.DONE


@app.command("check")
def check(output: Output = None, _home: Home = "") -> int:
    """Say at once that the program works, and its version."""
    from stemlift import __version__
    from stemlift.reaper.facts import VERSION

    _say({"version": __version__, "schema": VERSION, "python": sys.version.split()[0]}, output)
    return Exit.DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code, see `stemlift.errors.Exit`."""
    arguments = list(sys.argv[1:] if argv is None else argv)

    def tell(error: StemliftError) -> None:
        output = _output_of(arguments)
        if output is not None and error.reason is not Reason.OUTPUT_UNWRITABLE:
            # The script waits for that file alone; where it cannot be written, all was said.
            with contextlib.suppress(StemliftError):
                _say({"error": error_to_json(error)}, output)

    return run_program(app, "stemlift-reaper", arguments, tell)


def _output_of(arguments: list[str]) -> str | None:
    for word, following in pairwise(arguments):
        if word in ("--output", "-o"):
            return following
    return None


def _say(value: Any, output: str | None) -> None:
    if output is None:
        print_json(value)
    else:
        _write(output, encoder.dumps(value, ensure_ascii=False) + "\n")


def _write(output: str, text: str) -> None:
    from stemlift.system.whole import write_whole

    path = Path(output).absolute()
    try:
        write_whole(path, text.encode(), sync=False)
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{path} cannot be written: {error.strerror or error}.",
            "Choose a folder that is there and writable.",
        ) from error


_SAID = (
    "name",
    "title",
    "stems",
    "installed",
    "download_bytes",
    "masks",
    "licence",
    "commercial_use",
    "speed",
    "network",
    "loaded",
)


def _model(said: dict[str, Any], auto: bool) -> dict[str, Any]:
    return {key: said[key] for key in _SAID} | {"auto": auto}
