"""How a separation tells what it is doing and learns that it shall stop. No torch."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """What a running separation is doing."""

    DOWNLOADING = "downloading"
    LOADING = "loading"
    ANALYSING = "analysing"
    SEPARATING = "separating"
    WRITING = "writing"


class Control(Protocol):
    """The caller's side of a running separation."""

    def report(self, stage: Stage, fraction: float) -> None:
        """The stage and the share of it that is done, 0 to 1."""

    def warn(self, message: str) -> None:
        """Something the user should know that does not stop the separation."""

    def check(self) -> None:
        """Raises StemliftError (CANCELLED) when the separation shall stop."""
