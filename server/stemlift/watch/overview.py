"""All inboxes: those that were ever watched, and those that the settings name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stemlift.audio.problems import display_name
from stemlift.errors import StemliftError
from stemlift.paths import Paths
from stemlift.settings import WatchFolder
from stemlift.watch.hosting import last_scan, settings_recipe
from stemlift.watch.places import check_places
from stemlift.watch.status import InboxStatus, read_status

if TYPE_CHECKING:
    from stemlift.rpc.client import Client


@dataclass(frozen=True, slots=True)
class Overview:
    """An inbox.

    status: as the ledger has it; empty where it was never watched.
    in_settings: `stemlift serve` watches it, or tries to.
    last_scan: UNIX time, to a minute; None: never.
    problem: why it cannot be watched as the settings say.
    """

    status: InboxStatus
    in_settings: bool
    last_scan: float | None
    problem: StemliftError | None

    def to_json(self) -> dict[str, Any]:
        """As `stemlift watch status --json` prints it."""
        problem = self.problem and {
            "reason": str(self.problem.reason),
            "message": self.problem.message,
            "remedy": self.problem.remedy,
        }
        facts = {"in_settings": self.in_settings, "last_scan": self.last_scan, "problem": problem}
        return self.status.to_json() | facts


def overview(
    paths: Paths, folders: Sequence[WatchFolder], client: Client | None = None
) -> list[Overview]:
    """Those of the settings first. `client` as in `read_status`.

    Raises:
        StemliftError: STATE_UNUSABLE.
    """
    known = {status.inbox: status for status in read_status(paths, client)}
    found = []
    for folder in folders:
        name = display_name(Path(os.path.realpath(folder.inbox_path)))
        status = known.pop(name, None) or _never(name, folder)
        scanned = last_scan(paths, folder.inbox_path)
        found.append(Overview(status, True, scanned, _problem(folder)))
    found += [
        Overview(status, False, last_scan(paths, Path(status.inbox)), None)
        for status in known.values()
    ]
    return found


def _problem(folder: WatchFolder) -> StemliftError | None:
    try:
        check_places(folder.inbox_path, folder.out_path)
        settings_recipe(folder)
    except StemliftError as error:
        return error
    return None


def _never(inbox: str, folder: WatchFolder) -> InboxStatus:
    return InboxStatus(
        inbox=inbox,
        outbox=display_name(folder.out_path),
        running=False,
        arriving=0,
        waiting=0,
        working=0,
        done=0,
        failed=0,
        files=(),
        notices=(),
    )
