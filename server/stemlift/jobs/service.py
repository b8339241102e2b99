"""The service that owns the jobs: creates, runs, cancels, forgets and announces them.

Every decision is made here; the gRPC servicer only translates. One job runs at a time, so
that it has the device and its memory to itself and gives the same bytes whatever else waits.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.control import JobControl, cancelled_error
from stemlift.jobs.faults import explain
from stemlift.jobs.job import Job, JobError, JobSpec, JobState, Progress
from stemlift.jobs.prepare import check_free, prepare
from stemlift.jobs.store import JobStore
from stemlift.jobs.worker import Worker
from stemlift.models.auto import AutoChoice, choose_auto
from stemlift.models.catalogue import load_catalogue
from stemlift.models.hub import ModelStore
from stemlift.models.spec import ModelSpec
from stemlift.paths import Paths
from stemlift.separation.outputs import remove_work, work_folder
from stemlift.settings import Settings

logger = logging.getLogger(__name__)

Listener = Callable[[], None]

LONGEST_REQUEST_ID = 128
_LONGEST_WAIT = 30.0
_RETRY = 5.0


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A model as a user sees it."""

    spec: ModelSpec
    installed: bool
    loaded: bool
    auto_choice: bool


class JobService:
    """Call `start` once, `stop` once. All other methods are safe from any thread."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        """Open the store and settle the device.

        Raises:
            StemliftError: STATE_UNUSABLE; DEVICE_UNAVAILABLE or ARGUMENT_INVALID for the device
                of the settings.
        """
        self._store = JobStore(paths.database)
        self._models = ModelStore.from_settings(paths.models, settings)
        self._catalogue = load_catalogue()
        self._settings = settings
        self._worker = Worker(self._models, settings.device)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._progress: dict[str, Progress] = {}
        self._controls: dict[str, JobControl] = {}
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._thread = threading.Thread(target=self._run, name="stemlift-jobs")

    def start(self) -> None:
        """Take up the jobs a former server left behind and begin to run jobs."""
        for job in self._store.recover():
            self._clean(job)
            logger.error("job %s was given up after %d crashes", job.id, job.crashes)
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """Requeue the running job and stop; False if that took longer than `patience` s."""
        self._stopping.set()
        self._wake.set()
        with self._lock:
            for control in self._controls.values():
                control.stop.set()
        self._thread.join(patience)
        if self._thread.is_alive():
            for job_id in list(self._controls):
                self._store.requeue(job_id)
            return False
        self._store.close()
        return True

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        counts = self._store.counts()
        return bool(counts.get(JobState.RUNNING) or counts.get(JobState.QUEUED))

    def create(self, asked: JobSpec, request_id: str = "") -> Job:
        """Check and queue a job; with a request id that was used before, find that job.

        Raises:
            StemliftError: every reason that bad input has; REQUEST_CONFLICT where the
                request id was used for something else.
        """
        if len(request_id) > LONGEST_REQUEST_ID:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"The request id has more than {LONGEST_REQUEST_ID} characters.",
                "Use a shorter one, such as a UUID.",
            )
        known = self._known(asked, request_id)
        if known:
            return known
        prepared = prepare(asked, self._catalogue, self._models.installed)
        if not asked.overwrite:
            check_free(prepared.finals)
        with self._lock:
            known = self._known(asked, request_id)
            if known:
                return known
            job = self._store.add(
                secrets.token_hex(8),
                request_id or None,
                asked,
                prepared.spec,
                prepared.finals.values(),
                prepared.missing_folders,
                prepared.warnings,
            )
        logger.info("job %s queued: %s by %s", job.id, job.spec.input, job.spec.model)
        self._wake.set()
        return job

    def get(self, job_id: str) -> Job:
        """Raises StemliftError (JOB_NOT_FOUND)."""
        return self._with_progress(self._store.get(job_id))

    def page(
        self, limit: int, before: int | None, states: tuple[JobState, ...]
    ) -> tuple[list[Job], int | None]:
        """Newest first; the second value is `before` for the next page, None on the last."""
        jobs, following = self._store.page(limit=limit, before=before, states=states)
        return [self._with_progress(job) for job in jobs], following

    def counts(self) -> dict[JobState, int]:
        return self._store.counts()

    def cancel(self, job_id: str) -> Job:
        """Stop a job; one that has ended stays as it is.

        A running job takes until the end of its batch. Raises StemliftError (JOB_NOT_FOUND).
        """
        with self._lock:
            job = self._store.get(job_id)
            control = self._controls.get(job_id)
            if control:
                control.stop.set()
            elif not job.state.ended:
                job = self._store.fail(job_id, JobError.of(cancelled_error()))
                self._clean(job)
        self._announce(job_id)
        return self._with_progress(job)

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended. Raises StemliftError (JOB_NOT_FOUND, JOB_ACTIVE)."""
        self._store.delete(job_id)
        self._announce(job_id)
        self._progress.pop(job_id, None)

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

    def models(self) -> tuple[list[ModelListing], AutoChoice]:
        """Every model of the catalogue, and what `auto` takes."""
        installed = {spec.name: self._models.installed(spec) for spec in self._catalogue.models}
        auto = choose_auto(self._catalogue, lambda spec: installed[spec.name])
        loaded = self.loaded_models()
        listings = [
            ModelListing(
                spec, installed[spec.name], spec.name in loaded, spec.name == auto.spec.name
            )
            for spec in self._catalogue.models
        ]
        return listings, auto

    def loaded_models(self) -> tuple[str, ...]:
        return tuple(self._worker.cache.loaded_names())

    @property
    def worker(self) -> Worker:
        return self._worker

    def _known(self, asked: JobSpec, request_id: str) -> Job | None:
        found = self._store.by_request(request_id) if request_id else None
        if found is None:
            return None
        job, former = found
        if former != asked:
            raise StemliftError(
                Reason.REQUEST_CONFLICT,
                f"The request id {request_id!r} was used for another job, {job.id}.",
                "Use a new request id for each job.",
            )
        return self._with_progress(job)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                with self._lock:
                    job = self._store.start_next()
                    if job:
                        control = self._control(job.id)
                        self._controls[job.id] = control
            except StemliftError as error:
                logger.error("%s %s", error.message, error.remedy)
                self._stopping.wait(_RETRY)
                continue
            if job:
                self._run_one(job, control)
                continue
            self._worker.cache.unload_idle(time.monotonic(), self._settings.model_idle)
            self._wake.wait(min(_LONGEST_WAIT, self._settings.model_idle))

    def _run_one(self, job: Job, control: JobControl) -> None:
        began = time.monotonic()
        self._announce(job.id)
        ended: Job | None
        try:
            prepared = prepare(job.spec, self._catalogue, self._models.installed)
            ended = self._worker.run(job, prepared, self._store, control)
        except Exception as failure:  # noqa: BLE001 - no failure of one job may end the others
            ended = self._end(job, explain(failure, f"job {job.id}"), time.monotonic() - began)
        if ended:
            logger.info("job %s %s", job.id, ended.state)
        with self._lock:
            self._controls.pop(job.id, None)
        self._announce(job.id)

    def _end(self, job: Job, error: StemliftError, elapsed: float) -> Job | None:
        if error.reason is Reason.CANCELLED and self._stopping.is_set():
            return self._insist(lambda: self._store.requeue(job.id))
        logger.warning("job %s failed: %s: %s", job.id, error.reason, error.message)
        self._clean(job)
        return self._insist(lambda: self._store.fail(job.id, JobError.of(error), elapsed))

    def _insist(self, action: Callable[[], Job]) -> Job | None:
        """Do something with the store; where its disk is full or away, wait and try again.

        Gives up only when the server stops: what is not recorded then is taken up at the
        next start.
        """
        while True:
            try:
                return action()
            except StemliftError as error:
                if error.reason is not Reason.STATE_UNUSABLE:
                    raise
                logger.error("%s %s", error.message, error.remedy)
                if self._stopping.wait(_RETRY):
                    return None

    def _clean(self, job: Job) -> None:
        """Remove what an ended job without result may have left in its output folder."""
        if job.spec.output_folder is None:
            return
        remove_work(work_folder(job.spec.output_folder, job.id))
        for folder in job.made_folders:
            try:
                folder.rmdir()
            except OSError:
                # Not there, or somebody put something into it: either way it stays.
                return

    def _control(self, job_id: str) -> JobControl:
        def changed(progress: Progress) -> None:
            former = self._progress.get(job_id, Progress())
            self._progress[job_id] = replace(progress, revision=former.revision)
            self._announce(job_id)

        def warn(message: str) -> None:
            logger.warning("job %s: %s", job_id, message)
            self._store.warn(job_id, message)
            self._announce(job_id)

        return JobControl(changed, warn)

    def _announce(self, job_id: str) -> None:
        former = self._progress.get(job_id, Progress())
        self._progress[job_id] = replace(former, revision=former.revision + 1)
        with self._lock:
            listeners = list(self._listeners.get(job_id, ()))
        for listener in listeners:
            listener()

    def _with_progress(self, job: Job) -> Job:
        progress = self._progress.get(job.id, Progress())
        if job.state is JobState.SUCCEEDED:
            progress = replace(progress, fraction=1.0, seconds_left=None)
        elif job.state is not JobState.RUNNING:
            progress = Progress(revision=progress.revision)
        return replace(job, progress=progress)
