"""Installing and removing, in an order in which it may be broken off anywhere.

Scripts come before the actions that name them, and actions before the menu that names those;
removal goes the other way. What was done is found done when it is run again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.reaper.install import keymap, menu
from stemlift.reaper.install.lines import Lines, read_lines, restore, save
from stemlift.reaper.install.menu import Entry
from stemlift.reaper.install.places import Place, running_on
from stemlift.reaper.install.sandbox import ALLOW, may_leave
from stemlift.reaper.install.scripts import (
    MAIN,
    Script,
    action_id,
    copy_scripts,
    make_record,
    read_record,
    recorded_files,
    remove_scripts,
    shipped_scripts,
)

Running = Callable[[Place], int | None]


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation did in one place.

    changed: whether anything was written.
    menu: whether the context menu of items has our entry now.
    backups: files kept as they were before.
    todo: what the user has to do, a sentence each.
    """

    place: Place
    changed: bool
    actions: int
    menu: Entry
    backups: tuple[Path, ...]
    todo: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "resource_path": str(self.place.folder),
            "changed": self.changed,
            "actions": self.actions,
            "menu": str(self.menu),
            "backups": [str(path) for path in self.backups],
            "todo": list(self.todo),
        }


def install(
    place: Place,
    paths: Paths,
    *,
    force: bool = False,
    platform: str = sys.platform,
    running: Running = running_on,
    scripts: list[Script] | None = None,
) -> Installed:
    """Put the scripts, their actions and the menu entry into one REAPER.

    Args:
        paths: of the Stemlift that the scripts shall use.
        force: even while REAPER runs, which then may write its own files over ours.
        platform: as `sys.platform`.
        running: tells the process of a REAPER that uses the place.
        scripts: what to install; by default what ships with this Stemlift.

    Raises:
        StemliftError: REAPER_RUNNING; FILE_NOT_FOUND, FILE_UNREADABLE, OUTPUT_UNWRITABLE or
            DISK_FULL.
    """
    if not force:
        _refuse_while_running(place, running)
    wanted = shipped_scripts() if scripts is None else scripts
    keys, menus = read_lines(place.keymap), read_lines(place.menu)
    former = {action_id(name) for name in recorded_files(read_record(place))}
    changed = copy_scripts(place, wanted, make_record(paths, place, wanted))
    ours = {script.action for script in wanted}
    plain_keys, plain_menus = read_lines(place.keymap), read_lines(place.menu)
    keymap.unregister(plain_keys, former | ours)
    menu.remove(plain_menus, action_id(MAIN))
    keymap.unregister(keys, former - ours)
    keymap.register(keys, wanted, platform)
    if any(script.name == MAIN for script in wanted):
        menu.add(menus, action_id(MAIN))
    changed |= keys.changed or menus.changed
    saved = save(keys, plain_keys.data), save(menus, plain_menus.data)
    backups = tuple(path for path in saved if path is not None)
    entry = menu.look(menus, action_id(MAIN))
    return Installed(
        place,
        changed,
        sum(1 for script in wanted if script.is_action),
        entry,
        backups,
        tuple(_todo(place, entry)),
    )


def uninstall(
    place: Place,
    *,
    force: bool = False,
    running: Running = running_on,
    scripts: list[Script] | None = None,
) -> bool:
    """Take it all out again; whether there was anything. What the user changed since stays.

    Raises:
        StemliftError: as `install`.
    """
    if not force:
        _refuse_while_running(place, running)
    known = shipped_scripts() if scripts is None else scripts
    names = {*recorded_files(read_record(place)), *(script.name for script in known), MAIN}
    keys, menus = read_lines(place.keymap), read_lines(place.menu)
    menu.remove(menus, action_id(MAIN))
    keymap.unregister(keys, {action_id(name) for name in names})
    changed = _restore(menus) | _restore(keys)
    return remove_scripts(place, known) or changed


def _restore(file: Lines) -> bool:
    changed = file.changed
    restore(file)
    return changed


def _refuse_while_running(place: Place, running: Running) -> None:
    pid = running(place)
    if pid is not None:
        raise StemliftError(
            Reason.REAPER_RUNNING,
            f"REAPER is running (process {pid}) and would write over the changes when it ends.",
            "Close REAPER, then try again; or use --force and start REAPER again afterwards.",
        )


def _todo(place: Place, entry: Entry) -> list[str]:
    todo = []
    if place.flatpak and not may_leave():
        todo.append(f"Let REAPER start programs outside its sandbox, once: {ALLOW}")
    if entry is Entry.NO_MENU:
        todo.append(
            "For the right-click menu of items, REAPER wants four clicks once:\n" + menu.by_hand()
        )
    return todo
