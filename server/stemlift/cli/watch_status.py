"""`stemlift watch status`, and what `stemlift doctor` says of watched folders."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from rich.console import Console

from stemlift.cli.doctor import Check
from stemlift.cli.reporting import (
    console,
    duration,
    in_one_line,
    note,
    plain,
    print_error,
    print_error_json,
    print_json,
    sign,
)
from stemlift.errors import Exit, StemliftError
from stemlift.paths import Paths
from stemlift.settings import Settings, WatchFolder, load_settings
from stemlift.watch.entry import FileState
from stemlift.watch.overview import Overview, overview
from stemlift.watch.status import FileStatus

_BEGIN = "Start it: `stemlift serve`, or `stemlift watch install-service` for good."


def print_status(paths: Paths, *, json: bool) -> int:
    """Print all inboxes; returns the exit code, which tells whether the settings can be used.

    Raises:
        StemliftError: STATE_UNUSABLE.
    """
    broken: StemliftError | None = None
    folders: tuple[WatchFolder, ...] = ()
    try:
        folders = load_settings(paths.settings_file).watch
    except StemliftError as error:
        # What runs goes on with the settings that it has.
        broken = error
    found = _look(paths, folders)
    if json:
        for each in found:
            print_json(each.to_json())
    else:
        screen = console(sys.stdout)
        for each in found:
            _print(each, screen)
        if not found and broken is None:
            note("No folder is watched. `stemlift watch INBOX --out OUTBOX` begins.")
    if broken is None:
        return Exit.DONE
    (print_error_json if json else print_error)(broken)
    return broken.exit_code


def check_watched_folders(paths: Paths, settings: Settings) -> Iterator[Check]:
    """A check for each folder of the settings; nothing where there is none."""
    if not settings.watch:
        return
    try:
        found = [each for each in overview(paths, settings.watch) if each.in_settings]
    except StemliftError as error:
        yield Check("watch", False, f"{error.message} ({error.reason})", error.remedy)
        return
    for each in found:
        where = f"{each.status.inbox} {sign('→', '->', sys.stdout)} {each.status.outbox}"
        if each.problem is not None:
            detail = f"{where}: {each.problem.message} ({each.problem.reason})"
            yield Check("watch", False, detail, each.problem.remedy)
        elif not each.status.running:
            yield Check("watch", False, f"{where}: not watched now, {_looked(each)}", _BEGIN)
        else:
            failed = each.status.failed
            songs = f", {failed} song{'s' * (failed != 1)} failed" if failed else ""
            remedy = "`stemlift watch status` says why they failed." if failed else ""
            yield Check("watch", True, f"{where}: watched, {_looked(each)}{songs}", remedy)


def _look(paths: Paths, folders: tuple[WatchFolder, ...]) -> list[Overview]:
    from stemlift.rpc.client import Client

    with ExitStack() as kept:
        try:
            client: Client | None = kept.enter_context(Client(paths, start=False))
        except StemliftError:
            # Nobody to ask for progress, which is no reason not to tell the rest.
            client = None
        return overview(paths, folders, client)


def _print(each: Overview, screen: Console) -> None:
    status = each.status
    arrow = sign("→", "->", sys.stdout)
    state = "watched" if status.running else "not watched now"
    _line(screen, f"{status.inbox} {arrow} {status.outbox}: {state}, {_looked(each)}")
    counts = {
        "arriving": status.arriving if status.running else 0,
        "running" if status.running else "begun": status.working,
        "waiting": status.waiting,
        "done": status.done,
        "failed": status.failed,
    }
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    _line(screen, f"  {said or 'nothing yet'}")
    for file in status.files:
        _line(screen, f"  {_file(file, status.running)}")
        if file.remedy and file.state is FileState.FAILED:
            _line(screen, f"    {arrow} {file.remedy}")
    for notice in status.notices if status.running else ():
        _line(screen, f"  note: {notice}")
    if each.problem is not None:
        _line(screen, f"  {sign('✗', 'NO', sys.stdout)} {each.problem.message}")
        _line(screen, f"    {arrow} {each.problem.remedy}")
    elif each.in_settings and not status.running:
        _line(screen, f"    {arrow} {_BEGIN}")


def _file(file: FileStatus, watched: bool) -> str:
    name = in_one_line(file.path)
    if file.state is FileState.FAILED:
        return f"failed   {name}: {in_one_line(file.message)} ({file.reason})"
    if file.state is FileState.WAITING:
        if not file.reason:
            return f"waiting  {name}"
        if not watched:
            return f"waiting  {name}: {in_one_line(file.message)}"
        wait = duration(max(file.next_try - time.time(), 0.0))
        return f"waiting  {name}: {in_one_line(file.message)} Next try in {wait}."
    done = "" if file.fraction is None else f", {file.fraction:.0%}"
    left = "" if file.seconds_left is None else f", {duration(file.seconds_left)} left"
    # A server goes on with a song for which nobody waits at the moment.
    state = "running" if watched or file.fraction is not None else "begun"
    return f"{state:<7}  {name}{done}{left}"


def _looked(each: Overview) -> str:
    if each.last_scan is None:
        return "never looked at"
    passed = duration(max(time.time() - each.last_scan, 1.0))
    # The time is that of a look, but not of each: there may have been later ones.
    return f"looked at in the last {passed}" if each.status.running else f"looked at {passed} ago"


def _line(screen: Console, text: str) -> None:
    screen.print(plain(text), soft_wrap=True)
