"""A watcher that leaves a note of its looks, for whoever asks later whether it still looks."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.settings import WatchFolder
from stemlift.watch.connection import Connect
from stemlift.watch.recipe import Recipe
from stemlift.watch.watcher import Watcher, lock_file
from stemlift.watch.wrong_values import wrong_value

# A disk that sleeps is not to be woken with each look.
_NOTE_SECONDS = 60.0


def make_watcher(
    folder: WatchFolder,
    paths: Paths,
    *,
    recipe: Recipe | None = None,
    connect: Connect | None = None,
    looked: Callable[[bool], None] = lambda _settled: None,
) -> Watcher:
    """A watcher of `folder`, not started yet; for arguments and errors see `Watcher`.

    Raises:
        StemliftError: SETTINGS_INVALID where `folder` says a model or stems that cannot be.
    """
    inbox = Path(os.path.realpath(folder.inbox_path))
    looks = _Looks(scan_file(paths, inbox), looked)
    recipe = recipe or settings_recipe(folder)
    return Watcher(folder, paths, recipe=recipe, connect=connect, looked=looks)


def settings_recipe(folder: WatchFolder) -> Recipe:
    """What a [[watch]] table says of songs that nothing else says more about.

    Raises:
        StemliftError: SETTINGS_INVALID.
    """
    try:
        return Recipe(model=folder.model, stems=folder.stems)
    except ValidationError as error:
        field, what = wrong_value(error)
        raise StemliftError(
            Reason.SETTINGS_INVALID,
            f"The settings of the inbox {display_name(folder.inbox_path)} cannot be used:"
            f" {field}: {what}.",
            "Mend that line of its [[watch]] table, and start the server anew.",
        ) from error


def scan_file(paths: Paths, inbox: Path) -> Path:
    """The file whose time is that of the last look at an inbox, whose real path is given."""
    return lock_file(paths, inbox).with_suffix(".seen")


def last_scan(paths: Paths, inbox: Path) -> float | None:
    """When the inbox was looked at last, UNIX time, to a minute; None: never."""
    try:
        return scan_file(paths, Path(os.path.realpath(inbox))).stat().st_mtime
    except OSError:
        return None


class _Looks:
    """Called after each look; notes its time now and then."""

    def __init__(self, file: Path, then: Callable[[bool], None]) -> None:
        self._file = file
        self._then = then
        self._noted: float | None = None

    def __call__(self, settled: bool) -> None:
        now = time.monotonic()
        if self._noted is None or now - self._noted >= _NOTE_SECONDS:
            # It is for people only; a full disk is told elsewhere.
            with contextlib.suppress(OSError):
                self._file.touch()
            self._noted = now
        self._then(settled)
