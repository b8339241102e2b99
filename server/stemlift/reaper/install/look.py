"""How things stand in one REAPER: what `doctor` says of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stemlift import __version__
from stemlift.errors import StemliftError
from stemlift.reaper.install import keymap, menu
from stemlift.reaper.install.lines import read_lines
from stemlift.reaper.install.menu import Entry
from stemlift.reaper.install.places import Place, running_on
from stemlift.reaper.install.sandbox import ALLOW, may_leave
from stemlift.reaper.install.scripts import (
    MAIN,
    Script,
    action_id,
    find_program,
    is_current,
    read_record,
    shipped_scripts,
)
from stemlift.reaper.install.steps import Running

_PATIENCE = 60
"""Seconds for a program to say its version."""

_INSTALL = "Close REAPER and run: stemlift reaper install"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. remedy: empty where nothing is to be done."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def look_at(
    place: Place, *, running: Running = running_on, scripts: list[Script] | None = None
) -> Iterator[Finding]:
    """Everything that the installation should have left in `place`. Changes nothing.

    Raises:
        StemliftError: FILE_NOT_FOUND where this Stemlift itself is incomplete.
    """
    wanted = shipped_scripts() if scripts is None else scripts
    pid = running(place)
    now = f", in use by process {pid}" if pid is not None else ""
    yield Finding("REAPER", True, f"{place.folder}{now}")
    yield _scripts(place, wanted)
    yield from _program(place)
    try:
        keys, menus = read_lines(place.keymap), read_lines(place.menu)
    except StemliftError as error:
        yield Finding("actions", False, error.message, error.remedy)
        return
    missing = [
        script.name
        for script in wanted
        if script.is_action and script.action not in keymap.registered(keys)
    ]
    if missing:
        yield Finding("actions", False, f"not registered: {', '.join(missing)}", _INSTALL)
    else:
        yield Finding("actions", True, "all are registered")
    yield _menu(menu.look(menus, action_id(MAIN)))


def _scripts(place: Place, wanted: list[Script]) -> Finding:
    record = read_record(place)
    if not record:
        return Finding("scripts", False, f"none in {place.scripts}", _INSTALL)
    version = record.get("version")
    if version != __version__:
        detail = f"of version {version}, while this is Stemlift {__version__}"
        return Finding("scripts", False, detail, _INSTALL)
    if not is_current(place, wanted):
        return Finding("scripts", False, f"{place.scripts} differs from what ships", _INSTALL)
    return Finding("scripts", True, f"version {version} in {place.scripts}")


def _program(place: Place) -> Iterator[Finding]:
    record = read_record(place)
    program = record.get("program")
    if not isinstance(program, str):
        return
    fault = _fault_of(program)
    if fault:
        yield Finding("program", False, f"{program} {fault}", _INSTALL)
    else:
        yield Finding("program", True, program)
    if place.flatpak and may_leave():
        yield Finding("sandbox", True, "REAPER runs in Flatpak and may start programs outside")
    elif place.flatpak:
        detail = "REAPER runs in Flatpak and may not start programs outside"
        yield Finding("sandbox", False, detail, f"Allow it once, then start REAPER again: {ALLOW}")


def _fault_of(program: str) -> str:
    """Why the scripts cannot use that program; "" where they can."""
    if not Path(program).is_file():
        return "is gone"
    with contextlib.suppress(StemliftError):
        if Path(program) == find_program():
            # Of this Stemlift, which runs.
            return ""
    try:
        done = subprocess.run(
            [program, "check"], capture_output=True, check=True, timeout=_PATIENCE
        )
        version = json.loads(done.stdout)["version"]
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return "is there and does not start"
    if version != __version__:
        return f"is of version {version}, while this is Stemlift {__version__}"
    return ""


def _menu(entry: Entry) -> Finding:
    if entry is Entry.THERE:
        return Finding("menu", True, "items have “Separate to tracks” in their context menu")
    if entry is Entry.MISSING:
        return Finding("menu", False, "the context menu of items has no entry", _INSTALL)
    detail = "the context menu of items was never changed, so no program can add to it"
    return Finding("menu", False, detail, menu.by_hand())
