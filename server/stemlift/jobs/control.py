"""What a running separation tells the service, and how it learns that it shall stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.job import Progress
from stemlift.separation.control import Stage

# How the whole job's time divides: analysing, separating, writing.
_SPANS = {
    Stage.DOWNLOADING: (0.0, 0.0),
    Stage.LOADING: (0.0, 0.0),
    Stage.ANALYSING: (0.0, 0.04),
    Stage.SEPARATING: (0.04, 0.96),
    Stage.WRITING: (0.96, 1.0),
}
# An estimate from less than this is noise.
_LEAST_FRACTION = 0.02


def cancelled_error() -> StemliftError:
    return StemliftError(Reason.CANCELLED, "The job was cancelled.", "Start it again if needed.")


class JobControl:
    """The control of one running job; satisfies `separation.control.Control`.

    changed: called with every new progress.
    warn: called with every warning.
    """

    def __init__(self, changed: Callable[[Progress], None], warn: Callable[[str], None]) -> None:
        self.stop = threading.Event()
        self._changed = changed
        self._warn = warn
        self._stage: Stage | None = None
        self._stage_began = 0.0

    def report(self, stage: Stage, fraction: float) -> None:
        now = time.monotonic()
        if stage is not self._stage:
            self._stage, self._stage_began = stage, now
        low, high = _SPANS[stage]
        left = None
        if fraction >= _LEAST_FRACTION and stage in (Stage.DOWNLOADING, Stage.SEPARATING):
            left = (now - self._stage_began) / fraction * (1 - fraction)
        if stage is Stage.DOWNLOADING:
            # A download has its own bar; the job's own work has not begun.
            self._changed(Progress(stage, fraction, left))
        else:
            self._changed(Progress(stage, low + (high - low) * fraction, left))

    def warn(self, message: str) -> None:
        self._warn(message)

    def check(self) -> None:
        if self.stop.is_set():
            raise cancelled_error()
