"""`stemlift watch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from stemlift.cli.groups import show_help
from stemlift.cli.reporting import note, print_json
from stemlift.cli.watch_group import FOLDER_COMMAND, InboxOrCommand
from stemlift.errors import Reason, StemliftError

if TYPE_CHECKING:
    from pydantic import BaseModel

_Model = TypeVar("_Model", bound="BaseModel")

app = typer.Typer(
    cls=InboxOrCommand,
    help="Watch a folder: stems of every song that is put into INBOX appear in OUTBOX.\n\n"
    "A folder that is called like a command is given as ./status.",
    rich_markup_mode=None,
)
app.callback(invoke_without_command=True)(show_help)

Json = Annotated[bool, typer.Option("--json", help="JSON objects on stdout, a line each.")]


@app.command(FOLDER_COMMAND, hidden=True)
def watch_folder(
    inbox: Annotated[str, typer.Argument(help="The folder to watch.", metavar="INBOX")],
    out: Annotated[
        str, typer.Option(help="Folder for the results, made when missing.", metavar="OUTBOX")
    ],
    model: Annotated[
        str, typer.Option(help="A name from `stemlift models list`, or auto.")
    ] = "auto",
    stems: Annotated[
        str | None,
        typer.Option(help="e.g. vocals,drums,instrumental. Default: every stem of the model."),
    ] = None,
    format: Annotated[str, typer.Option(help="wav or flac.")] = "wav",  # noqa: A002
    also: Annotated[
        str | None,
        typer.Option(help="What is written besides: flac, stem.mp4, dawproject, rpp."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Do what is there, then end.")] = False,
    poll: Annotated[
        bool, typer.Option("--poll", help="Look at intervals alone, as for network shares.")
    ] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="A message on the desktop when all is done.")
    ] = False,
    stable: Annotated[
        float,
        typer.Option(help="A file that did not change for so long is complete.", metavar="S"),
    ] = 3.0,
    give_up: Annotated[
        float,
        typer.Option(help="One that is no sound after so long is reported.", metavar="S"),
    ] = 30.0,
    json: Json = False,
) -> int:
    """Watch a folder."""
    from stemlift.cli.watch_run import run
    from stemlift.settings import WatchFolder
    from stemlift.watch.recipe import Recipe

    recipe = _checked(
        Recipe, {"model": model, "stems": _words(stems), "format": format, "also": _words(also)}
    )
    table = {
        # Absolute, since links in it are followed later, and only once it is there.
        "inbox": str(Path(inbox).absolute()),
        "out": str(Path(out).absolute()),
        "model": model,
        "stems": recipe.stems,
        "polling": True if poll else "auto",
        "notify": notify,
        "stable": stable,
        "give_up": give_up,
    }
    return run(_checked(WatchFolder, table), recipe, once=once, json=json)


@app.command("status")
def status(json: Json = False) -> int:
    """Show what waits, runs, is done and failed in each watched folder."""
    from stemlift.cli.watch_status import print_status
    from stemlift.paths import find_paths

    return print_status(find_paths(), json=json)


@app.command("retry")
def retry(
    songs: Annotated[
        list[str] | None,
        typer.Argument(help="Songs in an inbox. Default: all that failed.", metavar="[SONG]..."),
    ] = None,
    json: Json = False,
) -> int:
    """Try songs again that failed or wait for their next try."""
    from stemlift.paths import find_paths
    from stemlift.watch.status import ask_to_retry

    paths = find_paths()
    if songs:
        count = 0
        for song in songs:
            found = ask_to_retry(paths, [Path(song).absolute()])
            if not found:
                raise StemliftError(
                    Reason.ARGUMENT_INVALID,
                    f"{song} is no song of a watched folder that failed or waits for a try.",
                    "`stemlift watch status` lists them.",
                )
            count += found
    else:
        count = ask_to_retry(paths)
    if json:
        print_json({"retried": count})
    elif count:
        note(f"{count} song{'s' * (count != 1)} will be tried again, where the folder is watched.")
    else:
        note("There is nothing to try again.")
    return 0


@app.command("install-service")
def install(json: Json = False) -> int:
    """Have the system run `stemlift serve`, now and at each login, for the settings' folders."""
    from stemlift.paths import find_paths
    from stemlift.settings import load_settings
    from stemlift.watch.service import install_service, service_state

    paths = find_paths()
    folders = load_settings(paths.settings_file).watch
    changed = install_service(paths)
    place = service_state(paths).place
    if json:
        print_json({"service": place, "changed": changed, "folders": len(folders)})
        return 0
    note(f"The service is installed: {place}." if changed else f"It is there already: {place}.")
    if not folders:
        note(f"It has no folder to watch yet: add a [[watch]] table to {paths.settings_file}.")
    return 0


@app.command("uninstall-service")
def uninstall(json: Json = False) -> int:
    """End that service and remove it. Songs, stems and settings stay."""
    from stemlift.paths import find_paths
    from stemlift.watch.service import remove_service

    changed = remove_service(find_paths())
    if json:
        print_json({"changed": changed})
    else:
        note("The service is removed." if changed else "There was no service.")
    return 0


def _words(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(word.strip() for word in text.split(","))


def _checked(kind: type[_Model], values: dict[str, Any]) -> _Model:
    from pydantic import ValidationError

    try:
        return kind.model_validate(values)
    except ValidationError as error:
        from stemlift.watch.wrong_values import wrong_value

        field, what = wrong_value(error)
        option = f"--{field.partition('.')[0].replace('_', '-')}".replace("--inbox", "INBOX")
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{option} cannot be used: {what}.",
            "See `stemlift watch --help`.",
        ) from error
