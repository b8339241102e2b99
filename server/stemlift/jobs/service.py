"""The service that owns the jobs: creates, runs, cancels, forgets and announces them.

Every decision is made here; the gRPC servicer only translates. One job runs at a time, so
that it has the device and its memory to itself and gives the same bytes whatever else waits.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.board import Board, Listener
from stemlift.jobs.control import JobControl, cancelled_error
from stemlift.jobs.faults import explain
from stemlift.jobs.job import Job, JobError, JobResult, JobSpec, JobState
from stemlift.jobs.models import ModelDesk
from stemlift.jobs.prepare import Prepared, check_free, prepare
from stemlift.jobs.publication import can_go_on, publish_job, withdraw
from stemlift.jobs.store import JobStore
from stemlift.jobs.worker import Worker
from stemlift.models.library import Library
from stemlift.models.store import ModelStore
from stemlift.paths import Paths
from stemlift.separation.outputs import remove_work, work_folder
from stemlift.settings import Settings

logger = logging.getLogger(__name__)

LONGEST_REQUEST_ID = 128
_LONGEST_WAIT = 30.0
_RETRY = 5.0
# How many of the latest jobs are looked at for traces of a server that died.
_SWEEP = 50
_ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


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
        self._library = Library(paths)
        self._settings = settings
        self._worker = Worker(self._models, settings)
        self.desk = ModelDesk(self._library, self._models, self._worker.cache)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._board = Board()
        self._controls: dict[str, JobControl] = {}
        self._thread = threading.Thread(target=self._run, name="stemlift-jobs")

    def start(self) -> None:
        """Take up the jobs a former server left behind and begin to run jobs."""
        for job in self._store.recover():
            error = cancelled_error() if job.cancelling else _crashed(job)
            logger.error("job %s is given up: %s", job.id, error.message)
            self._give_up(job, error)
        for job in self._store.page(limit=_SWEEP, before=None, states=_ENDED)[0]:
            self._sweep(job)
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """Requeue the running job and stop; False if that took longer than `patience` s."""
        self._stopping.set()
        self._wake.set()
        for control in list(self._controls.values()):
            control.stop.set()
        self._thread.join(patience)
        if self._thread.is_alive():
            for job_id in list(self._controls):
                self._store.requeue(job_id)
            return False
        self._worker.close()
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
        prepared = self._prepare(asked)
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
        return self._board.show(self._store.get(job_id))

    def page(
        self, limit: int, before: int | None, states: tuple[JobState, ...]
    ) -> tuple[list[Job], int | None]:
        """Newest first; the second value is `before` for the next page, None on the last."""
        jobs, following = self._store.page(limit=limit, before=before, states=states)
        return [self._board.show(job) for job in jobs], following

    def counts(self) -> dict[JobState, int]:
        return self._store.counts()

    def cancel(self, job_id: str) -> Job:
        """Stop a job; one that has ended stays as it is.

        A running job takes until the end of its batch. Raises StemliftError (JOB_NOT_FOUND).
        """
        with self._lock:
            control = self._controls.get(job_id)
            if control:
                # Before the store is asked: a full disk must not keep the job running.
                control.stop.set()
            job = self._store.ask_to_cancel(job_id)
        if not control and not job.state.ended:
            job = self._give_up(job, cancelled_error())
        self._board.post(job_id)
        return self._board.show(job)

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended. Raises StemliftError (JOB_NOT_FOUND, JOB_ACTIVE)."""
        self._store.delete(job_id)
        self._board.post(job_id)
        self._board.forget(job_id)

    def listening(self, job_id: str, listener: Listener) -> AbstractContextManager[None]:
        """Have `listener` called, from any thread, whenever the job changes."""
        return self._board.listening(job_id, listener)

    def loaded_models(self) -> tuple[str, ...]:
        return tuple(self._worker.cache.loaded_names())

    @property
    def worker(self) -> Worker:
        return self._worker

    def _prepare(self, spec: JobSpec) -> Prepared:
        catalogue = self._library.catalogue()
        return prepare(spec, catalogue, lambda model: self.desk.installed(model, catalogue))

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
        return self._board.show(job)

    def _run(self) -> None:
        while True:
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                if self._run_next():
                    continue
                self._worker.cache.unload_idle(time.monotonic(), self._settings.model_idle)
                self._wake.wait(min(_LONGEST_WAIT, self._settings.model_idle))
            except Exception as failure:  # noqa: BLE001 - this thread must outlive a bad disk
                logger.error("%s", explain(failure, "running jobs").message)
                self._stopping.wait(_RETRY)

    def _run_next(self) -> bool:
        """Run the next job to its end; False where none waits."""
        with self._lock:
            job = self._store.start_next()
            if job is None:
                return False
            control = self._control(job.id)
            self._controls[job.id] = control
        try:
            self._board.post(job.id)
            ended = self._run_one(job, control)
            if ended:
                logger.info("job %s %s", job.id, ended.state)
        finally:
            self._controls.pop(job.id, None)
            self._board.post(job.id)
        return True

    def _run_one(self, job: Job, control: JobControl) -> Job | None:
        began = time.monotonic()
        try:
            self._separate(job, control)
        except Exception as failure:  # noqa: BLE001 - no failure of one job may end the others
            error = explain(failure, f"job {job.id}")
            return self._end(job, error, time.monotonic() - began)
        ended = self._insist(lambda: self._store.succeed(job.id))
        self._sweep(job)
        return ended

    def _separate(self, job: Job, control: JobControl) -> None:
        """Run a job until its stems have their final names."""
        if job.publishing and job.result:
            if can_go_on(job):
                logger.info("job %s goes on giving its stems their names", job.id)
                publish_job(job.id, job.spec, job.result)
                return
            withdraw(job)
            self._store.separate_again(job.id)

        def begin_publishing(result: JobResult, device: str, batch: int, elapsed: float) -> None:
            recorded = self._insist(
                lambda: self._store.begin_publishing(job.id, result, device, batch, elapsed)
            )
            if recorded is None:
                raise cancelled_error()

        device = self._worker.device
        self._store.note_device(job.id, device.name, device.reason)
        prepared = self._prepare(job.spec)
        self._worker.run(job, prepared, control, begin_publishing)

    def _end(self, job: Job, error: StemliftError, elapsed: float) -> Job | None:
        job = self._insist(lambda: self._store.get(job.id)) or job
        leaving = error.reason is Reason.CANCELLED and self._stopping.is_set()
        if leaving and not job.cancelling:
            self._sweep(job)
            return self._insist(lambda: self._store.requeue(job.id))
        logger.warning("job %s failed: %s: %s", job.id, error.reason, error.message)
        return self._insist(lambda: self._give_up(job, error, elapsed))

    def _give_up(self, job: Job, error: StemliftError, elapsed: float = 0.0) -> Job:
        """End a job without a result; nothing of it remains.

        Final files are taken back while the hidden folder still tells which are the job's.
        """
        withdraw(job)
        ended = self._store.fail(job.id, JobError.of(error), elapsed)
        self._sweep(job)
        return ended

    def _sweep(self, job: Job) -> None:
        """Remove the unfinished files of a job, and the folders it made if they are empty."""
        if job.spec.output_folder is None:
            return
        remove_work(work_folder(job.spec.output_folder, job.id))
        for folder in job.made_folders:
            try:
                folder.rmdir()
            except OSError:
                # Not there, or somebody put something into it: either way it stays.
                return

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

    def _control(self, job_id: str) -> JobControl:
        def warn(message: str) -> None:
            logger.warning("job %s: %s", job_id, message)
            self._store.warn(job_id, message)
            self._board.post(job_id)

        return JobControl(lambda progress: self._board.post(job_id, progress), warn)


def _crashed(job: Job) -> StemliftError:
    return StemliftError(
        Reason.SERVER_CRASHED,
        f"The server died {job.crashes} times while it ran this job.",
        "Try a smaller model or --batch 1, and look into the server's log "
        "(`stemlift doctor` names it).",
    )
