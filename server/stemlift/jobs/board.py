"""What running jobs are doing, kept in memory, and who wants to know."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from stemlift.jobs.job import Job, JobState, Progress

Listener = Callable[[], None]


class Board:
    """Live progress and listeners by job. Safe to use from any thread; never waits for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: dict[str, Progress] = {}
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)

    def post(self, job_id: str, progress: Progress | None = None) -> None:
        """Tell that a job changed, with its new progress where there is one."""
        with self._lock:
            former = self._progress.get(job_id, Progress())
            revision = former.revision + 1
            self._progress[job_id] = replace(progress or former, revision=revision)
            listeners = list(self._listeners.get(job_id, ()))
        for listener in listeners:
            listener()

    def forget(self, job_id: str) -> None:
        with self._lock:
            self._progress.pop(job_id, None)

    def show(self, job: Job) -> Job:
        """The job with what the board knows of it."""
        with self._lock:
            progress = self._progress.get(job.id, Progress())
        if job.state is JobState.SUCCEEDED:
            progress = replace(progress, fraction=1.0, seconds_left=None)
        elif job.state is not JobState.RUNNING:
            progress = Progress(revision=progress.revision)
        return replace(job, progress=progress)

    @contextmanager
    def listening(self, job_id: str, listener: Listener) -> Iterator[None]:
        """Have `listener` called, from any thread, whenever the job changes."""
        with self._lock:
            self._listeners[job_id].add(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners[job_id].discard(listener)
                if not self._listeners[job_id]:
                    del self._listeners[job_id]
