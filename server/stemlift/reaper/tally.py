"""How far all jobs of one script are together."""

from __future__ import annotations

from collections.abc import Sequence

from stemlift.reaper.facts import Request
from stemlift.reaper.plan import PlannedJob
from stemlift.rpc.results import JobState, JobUpdate, Stage

_WORDS = {
    Stage.WAITING: "Starting",
    Stage.LOADING: "Loading the model",
    Stage.ANALYSING: "Listening to the whole range",
    Stage.SEPARATING: "Separating",
    Stage.WRITING: "Writing the stems",
}


class Tally:
    """Adds up the jobs of a plan, each by its frames."""

    def __init__(self, weights: dict[str, float]) -> None:
        self._weights = weights
        self._total = sum(weights.values()) or 1.0
        self._fractions = dict.fromkeys(weights, 0.0)

    def note(self, key: str, update: JobUpdate) -> None:
        """Take in the newest of one job."""
        if update.state is JobState.SUCCEEDED:
            self._fractions[key] = 1.0
        elif update.stage is not Stage.DOWNLOADING:
            # While a model is fetched, the fraction is that of the download.
            self._fractions[key] = min(max(update.fraction, 0.0), 1.0)

    @property
    def fraction(self) -> float:
        done = sum(self._weights[key] * part for key, part in self._fractions.items())
        return min(done / self._total, 1.0)

    def seconds_left(self, key: str, update: JobUpdate) -> float | None:
        """Of all jobs, if the others go as fast as the one that runs; None: cannot be told."""
        left_here = self._weights[key] * (1.0 - self._fractions[key])
        if update.seconds_left is None or update.stage is Stage.DOWNLOADING:
            return None
        others = sum(
            self._weights[other] * (1.0 - part)
            for other, part in self._fractions.items()
            if other != key
        )
        if not others:
            return update.seconds_left
        return update.seconds_left * (1.0 + others / left_here) if left_here else None


def weigh(jobs: Sequence[PlannedJob], request: Request) -> dict[str, float]:
    """Frames of each job by its key; where it runs to the end, as long as the source says."""
    lengths = {
        item.source.path: (item.source.length or 0.0) * (item.source.sample_rate or 44100)
        for item in request.items
        if item.source is not None and item.source.path
    }
    return {
        job.key: float(job.frames or max(lengths.get(job.input, 0.0) - job.start_frame, 0.0) or 1)
        for job in jobs
    }


def in_words(update: JobUpdate) -> str:
    """What a job is doing, for the progress window."""
    if update.state is JobState.QUEUED:
        return "Waiting for its turn"
    if update.stage is Stage.DOWNLOADING:
        return f"Downloading the model, {update.fraction:.0%}"
    return _WORDS[update.stage]
