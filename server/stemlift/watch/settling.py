"""When a file is complete: nothing changes it any more, and it opens as sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from stemlift.errors import StemliftError
from stemlift.watch.scan import Seen


class Verdict(StrEnum):
    """What a problem with a file that no longer changes means.

    BROKEN: it does not open as sound; after `give_up` it is reported as unreadable.
    DOUBTFUL: it opens, but may still be written; after `give_up` it is taken as it is.
    AWAY: it cannot be looked at just now, which says nothing about it; it waits on.
    """

    BROKEN = "broken"
    DOUBTFUL = "doubtful"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Problem:
    verdict: Verdict
    error: StemliftError


@dataclass(frozen=True, slots=True)
class Unreadable:
    seen: Seen
    error: StemliftError


@dataclass(frozen=True, slots=True)
class Waiting:
    """problem: why it is not complete though it no longer changes; None while it may change."""

    seen: Seen
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look found; each state of a file is reported once, as one or the other.

    waiting: files that are neither yet.
    next_look_in: seconds until a look can find out more; None: nothing waits.
    """

    complete: tuple[Seen, ...]
    unreadable: tuple[Unreadable, ...]
    waiting: tuple[Waiting, ...]
    next_look_in: float | None


class Settling:
    """Remembers how long each file has been the same. Times in seconds."""

    def __init__(self, *, stable: float = 3.0, give_up: float = 30.0) -> None:
        self._stable = stable
        self._give_up = give_up

    def look(
        self, seen: Iterable[Seen], now: float, opens: Callable[[Seen], Problem | None]
    ) -> Looked:
        """Take note of all files that are there `now`, on a monotonic clock.

        `opens` is asked only for files that hold still. Files that are not in `seen` are
        forgotten.
        """
        raise NotImplementedError
