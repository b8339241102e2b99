"""How an analysis tells how far it is and learns that it shall stop."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Step(StrEnum):
    """What a running analysis is doing."""

    READING = "reading"
    BEATS = "beats"
    KEY = "key"
    SECTIONS = "sections"


class Control(Protocol):
    """The caller's side of a running analysis."""

    def report(self, step: Step, fraction: float) -> None:
        """What it is doing, and the share of all of it that is done, 0 to 1."""

    def check(self) -> None:
        """Raises StemliftError (CANCELLED) when the analysis shall stop."""


class Unattended:
    """Reports to nobody and never stops."""

    def report(self, step: Step, fraction: float) -> None:
        pass

    def check(self) -> None:
        pass
