"""Hints that something changed in an inbox. The scan is the truth; this only wakes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

Polling = Literal["auto"] | bool


class Hints:
    """Calls `wake` from a thread of its own whenever something may have changed.

    polling: True: never observe, the scan at intervals does it alone; False: always try;
        "auto": observe unless the inbox lies on a network share.
    notice: why nothing is observed, as one sentence; empty while it is.
    """

    def __init__(self, inbox: Path, polling: Polling, wake: Callable[[], None]) -> None:
        self._inbox = inbox
        self._polling = polling
        self._wake = wake
        self.notice = ""

    def start(self) -> None:
        """Observe, or say in `notice` why not. Raises nothing."""
        raise NotImplementedError

    def renew(self) -> None:
        """Start again where the inbox is another folder than the one observed (a share that
        was mounted anew). To be called with each scan; cheap when nothing changed."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ends the thread; may be called twice."""
        raise NotImplementedError
