"""Tells the user when a batch of songs has ended. Nothing here can stop the watch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from stemlift.system import notification

_log = logging.getLogger("stemlift.watch")

Show = Callable[[str, str], str | None]
_MOST_NAMES = 3


@dataclass(slots=True)
class Tally:
    """How many songs, and the names of the first few."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < _MOST_NAMES:
            self.names.append(name)


class BatchNotices:
    """Counts the songs of a batch and shows one message when it has ended.

    A batch lasts from the first song to the moment when none is waiting. Where no message
    can be shown, the log says so once.
    """

    def __init__(self, show: Show = notification.show) -> None:
        """`show` takes title and text, and returns why it could not show them, or None."""
        self._show = show
        self._done, self._failed = Tally(), Tally()
        self._silent = False

    def song_ended(self, name: str, *, failed: bool = False) -> None:
        """Count a song, by the name that the user knows it by."""
        (self._failed if failed else self._done).add(name)

    def none_waiting(self) -> None:
        """Show what was counted, if anything was; the next batch starts."""
        done, failed = self._done, self._failed
        self._done, self._failed = Tally(), Tally()
        if not done.count and not failed.count:
            return
        title, text = batch_message(done, failed)
        try:
            problem = self._show(title, text)
        except Exception as error:  # noqa: BLE001 - a message is never worth a song
            problem = str(error)
        if problem and not self._silent:
            self._silent = True
            _log.warning("No desktop notification could be shown: %s", problem)


def batch_message(done: Tally, failed: Tally) -> tuple[str, str]:
    """Title and text for a batch: how many, and the first names, failures first."""
    title = "Stems are ready" if done.count else "No stems"
    if done.count and failed.count:
        title = "Stems are ready, with failures"
    said = [_said(failed, "failed"), _said(done, "done")]
    return title, " ".join(part for part in said if part)


def _said(songs: Tally, how: str) -> str:
    if not songs.count:
        return ""
    many = "1 song" if songs.count == 1 else f"{songs.count} songs"
    more = songs.count - len(songs.names)
    names = ", ".join(songs.names) + (f" and {more} more" if more else "")
    return f"{many} {how}: {names}."
