"""When a file is complete: nothing changes it any more, and it opens as sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stemlift.audio import problems
from stemlift.errors import StemliftError
from stemlift.watch.scan import Seen

_SHORTEST_PACE = 1.0
_SHORTEST_WAIT = 0.05


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


@dataclass(slots=True)
class _Watched:
    """quiet: seconds for which the file has been seen to be the same, as far as they count.

    next_try: how quiet it must have been before it is opened, once more or for the first time.
    """

    seen: Seen
    next_try: float
    quiet: float = 0.0
    problem: Problem | None = None
    reported: bool = False


class Settling:
    """Remembers how long each file has been the same. Times in seconds.

    Only time between two looks that found the same counts, and of a long gap only a part: a
    machine that slept, or a clock that jumped, has not seen the file hold still. So a file
    is looked at three times at least before it is complete (unless `stable` is 0).
    """

    def __init__(self, *, stable: float = 3.0, give_up: float = 30.0) -> None:
        self._stable = stable
        self._give_up = max(give_up, stable)
        # How often a file that does not open is tried, and how much of a gap counts then.
        self._pace = max(stable, _SHORTEST_PACE)
        self._watched: dict[str, _Watched] = {}
        self._last: float | None = None

    def look(
        self, seen: Iterable[Seen], now: float, opens: Callable[[Seen], Problem | None]
    ) -> Looked:
        """Take note of all files that are there `now`, on a monotonic clock.

        `opens` is asked only about files that have bytes and hold still, from time to time
        until it finds nothing wrong. Files that are not in `seen` are forgotten.
        """
        gap = 0.0 if self._last is None else max(now - self._last, 0.0)
        self._last = now
        watched: dict[str, _Watched] = {}
        complete: list[Seen] = []
        unreadable: list[Unreadable] = []
        for file in seen:
            entry = self._watched.get(file.relative)
            if entry is None or entry.seen.state != file.state:
                entry = _Watched(file, next_try=self._stable)
            else:
                entry.quiet += self._counted(gap, entry.quiet)
            watched[file.relative] = entry
            if entry.reported or entry.quiet < entry.next_try:
                continue
            problem = _empty(file) if file.size == 0 else opens(file)
            given_up = entry.quiet >= self._give_up
            if problem is None or (problem.verdict is Verdict.DOUBTFUL and given_up):
                entry.reported = True
                complete.append(file)
            elif problem.verdict is Verdict.BROKEN and given_up:
                entry.reported = True
                unreadable.append(Unreadable(file, problem.error))
            else:
                entry.problem = problem
                later = entry.quiet + self._pace
                entry.next_try = later if given_up else min(later, self._give_up)
        self._watched = watched
        waiting = [entry for entry in watched.values() if not entry.reported]
        return Looked(
            tuple(complete),
            tuple(unreadable),
            tuple(Waiting(entry.seen, entry.problem) for entry in waiting),
            min(map(self._next_look, waiting), default=None),
        )

    def _counted(self, gap: float, quiet: float) -> float:
        return min(gap, self._pace if quiet >= self._stable else self._stable / 2)

    def _next_look(self, entry: _Watched) -> float:
        left = max(entry.next_try - entry.quiet, _SHORTEST_WAIT)
        return left if entry.quiet >= self._stable else min(left, self._stable / 2)


def _empty(file: Seen) -> Problem:
    error = problems.empty(Path(file.relative), "it has no bytes")
    return Problem(Verdict.BROKEN, error)
