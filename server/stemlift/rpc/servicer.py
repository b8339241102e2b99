"""The gRPC front of the job service: it translates and delegates, and decides nothing."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from stemlift import __version__
from stemlift.audio.formats import readable_formats
from stemlift.errors import Reason, StemliftError
from stemlift.jobs.faults import explain
from stemlift.jobs.job import JobState
from stemlift.jobs.model_records import ModelListing, Recognition
from stemlift.jobs.models import Cancelled, Report
from stemlift.jobs.progress import ModelProgress
from stemlift.jobs.service import JobService
from stemlift.paths import Paths
from stemlift.rpc.abort import Context, abort
from stemlift.rpc.gen import separation_pb2 as api
from stemlift.rpc.gen.separation_pb2_grpc import SeparationServiceServicer
from stemlift.rpc.long_calls import Finished, Work, follow
from stemlift.rpc.model_translate import (
    import_from_message,
    message_from_checks,
    message_from_import,
    message_from_model,
    message_from_progress,
)
from stemlift.rpc.translate import (
    message_from_job,
    spec_from_message,
    states_from_message,
)
from stemlift.system.memory import peak_memory

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
# At most ten snapshots of a job a second.
WATCH_PAUSE = 0.1

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What GetServerInfo tells that the job service does not know."""

    paths: Paths
    started: float
    idle_exit: float


class Servicer(SeparationServiceServicer):
    """Runs the service's blocking methods in threads, so that a slow disk stalls no other call.

    touch: called with every call, so that a busy server does not count as idle.
    threads: where the service's methods run.
    """

    def __init__(
        self,
        service: JobService,
        facts: ServerFacts,
        touch: Callable[[], None],
        threads: Executor,
    ) -> None:
        self._service = service
        self._facts = facts
        self._touch = touch
        self._threads = threads
        self.watchers = 0

    async def CreateJob(  # noqa: N802
        self, request: api.CreateJobRequest, context: Context
    ) -> api.CreateJobResponse:
        def create() -> api.CreateJobResponse:
            job = self._service.create(spec_from_message(request.spec), request.request_id)
            return api.CreateJobResponse(job=message_from_job(job))

        return await self._answer(context, create)

    async def GetJob(  # noqa: N802
        self, request: api.GetJobRequest, context: Context
    ) -> api.GetJobResponse:
        return await self._answer(
            context,
            lambda: api.GetJobResponse(job=message_from_job(self._service.get(request.id))),
        )

    async def ListJobs(  # noqa: N802
        self, request: api.ListJobsRequest, context: Context
    ) -> api.ListJobsResponse:
        def page() -> api.ListJobsResponse:
            jobs, following = self._service.page(
                _page_size(request.page_size),
                _page_start(request.page_token),
                states_from_message(list(request.states)),
            )
            return api.ListJobsResponse(
                jobs=[message_from_job(job) for job in jobs],
                next_page_token=str(following or ""),
            )

        return await self._answer(context, page)

    async def CancelJob(  # noqa: N802
        self, request: api.CancelJobRequest, context: Context
    ) -> api.CancelJobResponse:
        return await self._answer(
            context,
            lambda: api.CancelJobResponse(job=message_from_job(self._service.cancel(request.id))),
        )

    async def DeleteJob(  # noqa: N802
        self, request: api.DeleteJobRequest, context: Context
    ) -> api.DeleteJobResponse:
        def delete() -> api.DeleteJobResponse:
            self._service.delete(request.id)
            return api.DeleteJobResponse()

        return await self._answer(context, delete)

    async def WatchJob(  # noqa: N802
        self, request: api.WatchJobRequest, context: Context
    ) -> AsyncIterator[api.WatchJobResponse]:
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def notify() -> None:
            loop.call_soon_threadsafe(changed.set)

        self.watchers += 1
        try:
            with self._service.listening(request.id, notify):
                seen = -1
                while True:
                    changed.clear()
                    job = await self._answer(context, lambda: self._service.get(request.id))
                    # An ended job is always told, even where its revision is not new: the
                    # store knows of the end a moment before the revision rises.
                    if job.state.ended or job.progress.revision != seen:
                        seen = job.progress.revision
                        yield api.WatchJobResponse(job=message_from_job(job))
                    if job.state.ended:
                        return
                    await changed.wait()
                    await asyncio.sleep(WATCH_PAUSE)
        finally:
            self.watchers -= 1
            self._touch()

    async def ListModels(  # noqa: N802
        self, _request: api.ListModelsRequest, context: Context
    ) -> api.ListModelsResponse:
        def models() -> api.ListModelsResponse:
            listings, auto = self._service.desk.listings()
            return api.ListModelsResponse(
                models=[message_from_model(listing) for listing in listings], advice=auto.advice
            )

        return await self._answer(context, models)

    async def GetModel(  # noqa: N802
        self, request: api.GetModelRequest, context: Context
    ) -> api.GetModelResponse:
        def model() -> api.GetModelResponse:
            listing = self._service.desk.get(request.name)
            return api.GetModelResponse(model=message_from_model(listing))

        return await self._answer(context, model)

    async def PullModel(  # noqa: N802
        self, request: api.PullModelRequest, context: Context
    ) -> AsyncIterator[api.PullModelResponse]:
        desk = self._service.desk
        async for step in self._stream(context, partial(desk.pull, request.name)):
            if isinstance(step, Finished):
                yield api.PullModelResponse(model=message_from_model(step.result))
            else:
                yield api.PullModelResponse(progress=message_from_progress(step))

    async def ImportModel(  # noqa: N802
        self, request: api.ImportModelRequest, context: Context
    ) -> AsyncIterator[api.ImportModelResponse]:
        def work(report: Report, cancelled: Cancelled) -> tuple[Recognition, ModelListing | None]:
            asked = import_from_message(request)
            return self._service.desk.import_model(asked, report, cancelled)

        async for step in self._stream(context, work):
            if isinstance(step, Finished):
                yield api.ImportModelResponse(result=message_from_import(step.result))
            else:
                yield api.ImportModelResponse(progress=message_from_progress(step))

    async def VerifyModel(  # noqa: N802
        self, request: api.VerifyModelRequest, context: Context
    ) -> AsyncIterator[api.VerifyModelResponse]:
        desk = self._service.desk
        async for step in self._stream(context, partial(desk.verify, request.name)):
            if isinstance(step, Finished):
                yield api.VerifyModelResponse(result=message_from_checks(step.result))
            else:
                yield api.VerifyModelResponse(progress=message_from_progress(step))

    async def RemoveModel(  # noqa: N802
        self, request: api.RemoveModelRequest, context: Context
    ) -> api.RemoveModelResponse:
        def remove() -> api.RemoveModelResponse:
            return api.RemoveModelResponse(freed_bytes=self._service.desk.remove(request.name))

        return await self._answer(context, remove)

    async def GetServerInfo(  # noqa: N802
        self, _request: api.GetServerInfoRequest, context: Context
    ) -> api.GetServerInfoResponse:
        def info() -> api.GetServerInfoResponse:
            worker, counts = self._service.worker, self._service.counts()
            facts = self._facts
            return api.GetServerInfoResponse(
                version=__version__,
                pid=os.getpid(),
                uptime_seconds=time.monotonic() - facts.started,
                device=worker.device.name,
                device_reason=worker.device.reason,
                devices=worker.devices,
                torch_version=worker.torch_version,
                torch_cuda=worker.torch_cuda,
                state_folder=str(facts.paths.state),
                models_folder=str(facts.paths.models),
                log_file=str(facts.paths.log),
                jobs_queued=counts.get(JobState.QUEUED, 0),
                jobs_running=counts.get(JobState.RUNNING, 0),
                loaded_models=self._service.loaded_models(),
                model_loads=worker.cache.loads,
                idle_exit_seconds=facts.idle_exit,
                formats=readable_formats(),
                peak_memory_bytes=peak_memory(),
            )

        return await self._answer(context, info)

    async def _stream(
        self, context: Context, work: Work[ModelProgress, _T]
    ) -> AsyncIterator[ModelProgress | Finished[_T]]:
        """Not in the threads of the short calls, which it would hold for minutes."""
        self.watchers += 1
        self._touch()
        try:
            async with aclosing(follow(work, WATCH_PAUSE)) as steps:
                async for step in steps:
                    yield step
        except Exception as failure:
            await abort(context, explain(failure, "a call"))
            raise
        finally:
            self.watchers -= 1
            self._touch()

    async def _answer(self, context: Context, work: Callable[[], _T]) -> _T:
        self._touch()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Exception as failure:
            await abort(context, explain(failure, "a call"))
            raise


def _page_size(asked: int) -> int:
    if asked < 0 or asked > LARGEST_PAGE:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"A page cannot hold {asked} jobs.",
            f"Ask for 1 to {LARGEST_PAGE}.",
        )
    return asked or DEFAULT_PAGE


def _page_start(token: str) -> int | None:
    if not token:
        return None
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The page token {token!r} is not one of this server's.",
            "Start again from the first page.",
        )
    return int(token)
