"""The client for asyncio: `async with AsyncClient() as c: await (await c.separate(…)).result()`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Self, TypeAlias, TypeVar, Unpack

import grpc
import grpc.aio

from stemlift.paths import Paths, find_paths
from stemlift.rpc.channels import CALL_SECONDS, CHANNEL_OPTIONS, CREATE_SECONDS
from stemlift.rpc.gen import separation_pb2, separation_pb2_grpc
from stemlift.rpc.locate import find_or_start
from stemlift.rpc.model_replies import (
    OnProgress,
    Step,
    broken_off,
    read_checks,
    read_import,
    read_model,
    read_models,
    take,
)
from stemlift.rpc.model_requests import ImportOptions, build_import
from stemlift.rpc.model_results import FileCheck, ImportResult, ModelInfo, ModelList
from stemlift.rpc.replies import STATE_NUMBERS, read_job, read_server_info
from stemlift.rpc.requests import PathLike, SeparateOptions, build_request
from stemlift.rpc.results import JobState, JobUpdate, SeparationResult, ServerInfo
from stemlift.rpc.status import from_rpc_error, is_broken
from stemlift.rpc.target import Target, find_target
from stemlift.rpc.verdicts import lost_under, outcome, still_running

_Reply = TypeVar("_Reply")
# A stub for types alone: at run time the one class serves both kinds of channel.
_Stub: TypeAlias = "separation_pb2_grpc.SeparationServiceAsyncStub"


class AsyncClient:
    """`stemlift.Client` for asyncio: the same calls, awaited.

    It connects, and starts a server where needed, on entering `async with`.
    """

    def __init__(
        self,
        paths: Paths | None = None,
        address: str | None = None,
        token: str | None = None,
        *,
        start: bool = True,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._paths = paths or find_paths()
        self._address, self._token = address, token
        self._fixed = address is not None or not start
        self._start = start
        self._on_wait = on_wait
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        # Looking and starting block; the loop has other things to do.
        target = await asyncio.to_thread(
            find_target,
            self._paths,
            self._address,
            self._token,
            start=self._start,
            on_wait=self._on_wait,
        )
        self._connect(target)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave the server; its jobs go on."""
        await self._channel.close()

    async def separate(self, path: PathLike, **options: Unpack[SeparateOptions]) -> AsyncJob:
        """Queue a separation of the sound file `path`; see `SeparateOptions`."""
        return await self.submit(build_request(path, **options))

    async def submit(self, request: separation_pb2.CreateJobRequest) -> AsyncJob:
        """Queue a separation given as a message; see `requests.build_request`."""
        reply = await self._call(
            lambda stub, **how: stub.CreateJob(request, **how), seconds=CREATE_SECONDS
        )
        return AsyncJob(self, read_job(reply.job))

    async def job(self, id: str) -> AsyncJob:  # noqa: A002 - the word of the API
        """The job with this id.

        Raises:
            StemliftError: JOB_NOT_FOUND.
        """
        return AsyncJob(self, await self._get(id))

    async def jobs(self, states: Iterable[JobState] = ()) -> AsyncIterator[AsyncJob]:
        """All jobs in these states, or in any; newest first, fetched page by page."""
        request = separation_pb2.ListJobsRequest(states=[STATE_NUMBERS[s] for s in states])
        while True:
            reply = await self._call(lambda stub, **how: stub.ListJobs(request, **how))
            for job in reply.jobs:
                yield AsyncJob(self, read_job(job))
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token

    async def delete(self, id: str) -> None:  # noqa: A002
        """Forget a job that has ended; its stems stay.

        Raises:
            StemliftError: JOB_NOT_FOUND, or JOB_ACTIVE while it has not ended.
        """
        request = separation_pb2.DeleteJobRequest(id=id)
        await self._call(lambda stub, **how: stub.DeleteJob(request, **how), job_id=id)

    async def models(self) -> ModelList:
        """The models, and what a better one than auto's choice would need."""
        request = separation_pb2.ListModelsRequest()
        return read_models(await self._call(lambda stub, **how: stub.ListModels(request, **how)))

    async def model(self, name: str) -> ModelInfo:
        """See `Client.model`."""
        request = separation_pb2.GetModelRequest(name=name)
        reply = await self._call(lambda stub, **how: stub.GetModel(request, **how))
        return read_model(reply.model)

    async def pull(self, name: str, on_progress: OnProgress | None = None) -> ModelInfo:
        """See `Client.pull`; cancelling the task ends the transfer."""
        request = separation_pb2.PullModelRequest(name=name)
        reply = await self._follow(
            lambda stub, how: stub.PullModel(request, **how), on_progress, "pull"
        )
        return read_model(reply.model)

    async def import_model(
        self,
        path: PathLike,
        name: str,
        on_progress: OnProgress | None = None,
        **options: Unpack[ImportOptions],
    ) -> ImportResult:
        """See `Client.import_model`; cancelling the task ends the import."""
        request = build_import(path, name, **options)
        reply = await self._follow(
            lambda stub, how: stub.ImportModel(request, **how), on_progress, "import"
        )
        return read_import(reply.result)

    async def verify_model(
        self, name: str = "", on_progress: OnProgress | None = None
    ) -> tuple[FileCheck, ...]:
        """See `Client.verify_model`."""
        request = separation_pb2.VerifyModelRequest(name=name)
        reply = await self._follow(
            lambda stub, how: stub.VerifyModel(request, **how), on_progress, "check"
        )
        return read_checks(reply.result)

    async def remove_model(self, name: str) -> int:
        """See `Client.remove_model`."""
        request = separation_pb2.RemoveModelRequest(name=name)
        reply = await self._call(
            lambda stub, **how: stub.RemoveModel(request, **how), seconds=CREATE_SECONDS
        )
        freed: int = reply.freed_bytes
        return freed

    async def server_info(self) -> ServerInfo:
        """What the server says of itself."""
        request = separation_pb2.GetServerInfoRequest()
        return read_server_info(
            await self._call(lambda stub, **how: stub.GetServerInfo(request, **how))
        )

    @property
    def address(self) -> str:
        """The server's address as a gRPC target."""
        return self._target.address

    async def _get(self, id: str) -> JobUpdate:  # noqa: A002
        request = separation_pb2.GetJobRequest(id=id)
        reply = await self._call(lambda stub, **how: stub.GetJob(request, **how), job_id=id)
        return read_job(reply.job)

    async def _cancel(self, id: str) -> JobUpdate:  # noqa: A002
        request = separation_pb2.CancelJobRequest(id=id)
        reply = await self._call(lambda stub, **how: stub.CancelJob(request, **how), job_id=id)
        return read_job(reply.job)

    async def _watch(self, id: str) -> AsyncIterator[JobUpdate]:  # noqa: A002
        request = separation_pb2.WatchJobRequest(id=id)
        call = self._stub.WatchJob(request, metadata=(self._target.authorization,))
        try:
            async for reply in call:
                update = read_job(reply.job)
                yield update
                if update.state.ended:
                    return
        except grpc.RpcError as error:
            raise from_rpc_error(error, job_id=id) from error
        finally:
            call.cancel()
        # A server that leaves may end the stream in good order.
        raise lost_under(id)

    async def _follow(
        self,
        begin: Callable[[_Stub, dict[str, Any]], grpc.aio.UnaryStreamCall[Any, Step]],
        on_progress: OnProgress | None,
        what: str,
    ) -> Step:
        """Read a stream about models to its last message, and give that."""
        target = self._target
        try:
            return await self._read(begin, on_progress, what)
        except grpc.RpcError as error:
            found = from_rpc_error(error)
            if self._fixed or not is_broken(error):
                raise found from error
        # Safe to repeat: a pull finds what is here, and an import says that it was done.
        await self._reconnect(target)
        try:
            return await self._read(begin, on_progress, what)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    async def _read(
        self,
        begin: Callable[[_Stub, dict[str, Any]], grpc.aio.UnaryStreamCall[Any, Step]],
        on_progress: OnProgress | None,
        what: str,
    ) -> Step:
        call = begin(self._stub, {"metadata": (self._target.authorization,)})
        try:
            async for step in call:
                if take(step, on_progress):
                    return step
        finally:
            call.cancel()
        raise broken_off(what)

    async def _call(
        self,
        send: Callable[..., Awaitable[_Reply]],
        *,
        job_id: str | None = None,
        seconds: float = CALL_SECONDS,
    ) -> _Reply:
        target = self._target
        try:
            return await self._send(send, seconds)
        except grpc.RpcError as error:
            found = from_rpc_error(error, job_id=job_id)
            if self._fixed or not is_broken(error):
                raise found from error
        await self._reconnect(target)
        try:
            return await self._send(send, seconds)
        except grpc.RpcError as error:
            raise from_rpc_error(error, job_id=job_id) from error

    async def _send(self, send: Callable[..., Awaitable[_Reply]], seconds: float) -> _Reply:
        stub, target = self._stub, self._target
        return await send(stub, timeout=seconds, metadata=(target.authorization,))

    def _connect(self, target: Target) -> None:
        self._target = target
        self._channel = grpc.aio.insecure_channel(target.address, CHANNEL_OPTIONS)
        self._stub: _Stub = separation_pb2_grpc.SeparationServiceStub(self._channel)  # type: ignore[assignment]

    async def _reconnect(self, broken: Target) -> None:
        async with self._lock:
            # Another task may have done it while this one waited for the lock.
            if self._target is broken:
                old = self._channel
                endpoint = await asyncio.to_thread(find_or_start, self._paths, self._on_wait)
                self._connect(find_target(self._paths, endpoint.address))
                await old.close()


class AsyncJob:
    """A job of the server. Iterating gives its updates until it ends.

    Attributes:
        id: of the job.
        latest: the last update that was seen.
    """

    def __init__(self, client: AsyncClient, latest: JobUpdate) -> None:
        self._client = client
        self.id = latest.id
        self.latest = latest

    async def __aiter__(self) -> AsyncIterator[JobUpdate]:
        """A full snapshot first, then one at every change, the last when it has ended.

        Leaving the loop does not cancel the job.

        Raises:
            StemliftError: SERVER_LOST, with the job's id, when the server went away.
        """
        async for update in self._client._watch(self.id):
            self.latest = update
            yield update

    async def result(self, timeout: float | None = None) -> SeparationResult:
        """Wait for the end and give what was written.

        Raises:
            StemliftError: why the job failed, CANCELLED, or SERVER_LOST.
            TimeoutError: not ended after `timeout` seconds; the job goes on.
        """
        try:
            async with asyncio.timeout(timeout) as limit:
                if not self.latest.state.ended:
                    async for _ in self:
                        pass
        except TimeoutError as error:
            if timeout is None or not limit.expired():
                raise
            raise still_running(self.id, timeout) from error
        return outcome(self.latest)

    async def state(self) -> JobUpdate:
        """The job as it is now."""
        self.latest = await self._client._get(self.id)
        return self.latest

    async def cancel(self) -> JobUpdate:
        """Ask the server to stop it; a job that has ended stays as it is."""
        self.latest = await self._client._cancel(self.id)
        return self.latest
