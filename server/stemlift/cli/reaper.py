"""`stemlift reaper`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from stemlift.cli.groups import show_help
from stemlift.cli.reporting import note, print_json
from stemlift.errors import StemliftError

if TYPE_CHECKING:
    from stemlift.reaper.install.steps import Installed

app = typer.Typer(help="REAPER: its scripts, actions and menus.", rich_markup_mode=None)
app.callback(invoke_without_command=True)(show_help)

ResourcePath = Annotated[
    str | None,
    typer.Option(
        help="REAPER's resource path. Default: where REAPER has it for this user.", metavar="DIR"
    ),
]
Portable = Annotated[
    str | None, typer.Option(help="The folder of a portable REAPER instead.", metavar="DIR")
]
Force = Annotated[bool, typer.Option("--force", help="Even while REAPER runs.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.command("install")
def install(
    resource_path: ResourcePath = None,
    portable: Portable = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Put the scripts, their actions and the menu entry into REAPER, or bring them up to date."""
    from stemlift.paths import find_paths
    from stemlift.reaper.install import steps
    from stemlift.reaper.install.places import find_places

    paths = find_paths()
    done: list[Installed] = []
    refused: StemliftError | None = None
    for place in find_places(resource_path, portable):
        try:
            done.append(steps.install(place, paths, force=force))
        except StemliftError as error:
            # One REAPER that refuses keeps none of the others from theirs.
            refused = refused or error
            continue
        if not json:
            _tell(done[-1])
    if refused is not None:
        raise refused
    if json:
        print_json({"installed": [each.to_json() for each in done]})
    return 0


@app.command("uninstall")
def uninstall(
    resource_path: ResourcePath = None,
    portable: Portable = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Take all that out of REAPER again. Stems and projects stay."""
    from stemlift.reaper.install import steps
    from stemlift.reaper.install.places import find_places

    done = []
    refused: StemliftError | None = None
    for place in find_places(resource_path, portable):
        try:
            path, had = str(place.folder), steps.uninstall(place, force=force)
        except StemliftError as error:
            refused = refused or error
            continue
        done.append({"resource_path": path, "changed": had})
        if not json:
            note(f"Removed from {path}." if had else f"There was nothing in {path}.")
    if refused is not None:
        raise refused
    if json:
        print_json({"removed": done})
    return 0


@app.command("doctor")
def doctor(
    resource_path: ResourcePath = None, portable: Portable = None, json: Json = False
) -> int:
    """Look whether REAPER and Stemlift fit together. Changes nothing."""
    from stemlift.cli import reaper_doctor
    from stemlift.cli.doctor import print_checks
    from stemlift.paths import find_paths

    checks = reaper_doctor.examine(find_paths(), resource_path, portable)
    if json:
        print_json(reaper_doctor.to_json(checks))
    else:
        print_checks(checks, sys.stdout)
    return reaper_doctor.exit_code(checks)


def _tell(done: Installed) -> None:
    from stemlift.reaper.install.menu import Entry

    where = done.place.folder
    if done.changed:
        note(f"Installed in {where}: {done.actions} actions. Start REAPER to see them.")
    else:
        note(f"Everything is in place already in {where}.")
    if done.menu is Entry.THERE:
        note("A right click on an item has “Separate to tracks” now.")
    for backup in done.backups:
        note(f"Kept as it was: {backup}")
    for text in done.todo:
        note(f"To do: {text}")
