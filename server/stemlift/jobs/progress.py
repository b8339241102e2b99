"""How far work on a model's files is, and how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# An estimate from a shorter time, or from less of the work, is noise.
_LEAST_SECONDS = 1.0
_LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class ModelProgress:
    """done, total: in bytes; total is 0 while it is not known.

    seconds_left: None while there is no estimate.
    """

    done: int
    total: int
    seconds_left: float | None = None


class Estimate:
    """Takes (done, total) and passes it on with the time that is left.

    What was done before the first call, by an earlier transfer, says nothing about speed.
    """

    def __init__(
        self,
        report: Callable[[ModelProgress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._clock = clock
        self._began: tuple[float, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if self._began is None or done < self._began[1]:
            self._began = now, done
        since, first = self._began
        left = None
        if now - since >= _LEAST_SECONDS and done - first >= max(1, total * _LEAST_SHARE):
            left = (now - since) / (done - first) * max(0, total - done)
        self._report(ModelProgress(done, total, left))


class Sum:
    """The progress of several transfers, one after another, as that of one.

    sizes: what each is expected to come to in bytes; its own reports know better.
    """

    def __init__(self, sizes: Sequence[int], report: Callable[[int, int], None]) -> None:
        self._sizes = list(sizes)
        self._done = [0] * len(self._sizes)
        self._report = report

    def of(self, index: int) -> Callable[[int, int], None]:
        """What the transfer `index` reports to."""

        def report(done: int, total: int) -> None:
            self._done[index], self._sizes[index] = done, total
            self._report(sum(self._done), sum(self._sizes))

        return report
