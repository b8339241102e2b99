"""The client for Python programs: `with Client() as c: c.separate("song.wav").result()`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TypeVar, Unpack

import grpc

from stemlift.paths import Paths, find_paths
from stemlift.rpc.apart import BrokenStream, Stream, apart
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
_Stub = separation_pb2_grpc.SeparationServiceStub


class Client:
    """A connection to this user's server, which is started when none is running.

    One client can be used by several threads. A call whose connection breaks is
    repeated once, on a server started anew if need be; a watch is not.

    Args:
        paths: of the state folder; by default this user's, or those of STEMLIFT_HOME.
        address: of a server elsewhere on this machine, e.g. "127.0.0.1:4711"; then
            nothing is looked for or started.
        token: for that server; by default the state folder's.
        start: start a server when none is running.
        on_wait: called with a sentence for a person when something takes a while.
        heartbeat: called ten times a second while a job is waited for, and while a server
            starts; what it raises ends the waiting. A place to look for an interrupt.

    Raises:
        StemliftError: SERVER_START_FAILED, SERVER_LOST, TOKEN_REJECTED,
            SETTINGS_INVALID or STATE_UNUSABLE.
    """

    def __init__(
        self,
        paths: Paths | None = None,
        address: str | None = None,
        token: str | None = None,
        *,
        start: bool = True,
        on_wait: Callable[[str], None] | None = None,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> None:
        self._heartbeat = heartbeat
        self._paths = paths or find_paths()
        self._fixed = address is not None or not start
        self._start = start
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._connect(
            find_target(
                self._paths, address, token, start=start, on_wait=on_wait, heartbeat=heartbeat
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the server; its jobs go on."""
        self._channel.close()

    def separate(self, path: PathLike, **options: Unpack[SeparateOptions]) -> RemoteJob:
        """Queue a separation of the sound file `path`; see `SeparateOptions`.

        Raises:
            StemliftError: what is wrong with the file or the options, before any work.
        """
        return self.submit(build_request(path, **options))

    def submit(self, request: separation_pb2.CreateJobRequest) -> RemoteJob:
        """Queue a separation given as a message; see `requests.build_request`."""
        reply = self._call(
            lambda stub, **how: stub.CreateJob(request, **how), seconds=CREATE_SECONDS
        )
        return RemoteJob(self, read_job(reply.job))

    def job(self, id: str) -> RemoteJob:  # noqa: A002 - the word of the API
        """The job with this id.

        Raises:
            StemliftError: JOB_NOT_FOUND.
        """
        return RemoteJob(self, self._get(id))

    def jobs(self, states: Iterable[JobState] = ()) -> Iterator[RemoteJob]:
        """All jobs in these states, or in any; newest first, fetched page by page."""
        request = separation_pb2.ListJobsRequest(states=[STATE_NUMBERS[s] for s in states])
        while True:
            reply = self._call(lambda stub, **how: stub.ListJobs(request, **how))
            for job in reply.jobs:
                yield RemoteJob(self, read_job(job))
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token

    def delete(self, id: str) -> None:  # noqa: A002
        """Forget a job that has ended; its stems stay.

        Raises:
            StemliftError: JOB_NOT_FOUND, or JOB_ACTIVE while it has not ended.
        """
        request = separation_pb2.DeleteJobRequest(id=id)
        self._call(lambda stub, **how: stub.DeleteJob(request, **how), job_id=id)

    def models(self) -> ModelList:
        """The models, and what a better one than auto's choice would need."""
        request = separation_pb2.ListModelsRequest()
        return read_models(self._call(lambda stub, **how: stub.ListModels(request, **how)))

    def model(self, name: str) -> ModelInfo:
        """The model called `name`.

        Raises:
            StemliftError: MODEL_UNKNOWN.
        """
        request = separation_pb2.GetModelRequest(name=name)
        return read_model(self._call(lambda stub, **how: stub.GetModel(request, **how)).model)

    def pull(self, name: str, on_progress: OnProgress | None = None) -> ModelInfo:
        """Fetch the weights of a model, of an ensemble those of all its parts.

        Where they are here already, or none are needed, nothing is fetched. Leaving by an
        exception, from `on_progress` too, ends the transfer; what has come is kept, and the
        next pull goes on from there.

        Args:
            on_progress: called with a `ModelProgress`, at most ten times a second.

        Raises:
            StemliftError: MODEL_UNKNOWN, DOWNLOAD_FAILED, CHECKPOINT_INVALID where what came
                is not what was published, DISK_FULL, WRITE_FAILED or SERVER_LOST.
        """
        request = separation_pb2.PullModelRequest(name=name)
        reply = self._follow(lambda stub, how: stub.PullModel(request, **how), on_progress, "pull")
        return read_model(reply.model)

    def import_model(
        self,
        path: PathLike,
        name: str,
        on_progress: OnProgress | None = None,
        **options: Unpack[ImportOptions],
    ) -> ImportResult:
        """Make a model called `name` of a checkpoint of your own; see `ImportOptions`.

        The server keeps a copy in a format that holds no code. With `inspect_only` it only
        says what the file is, and `name` may be empty.

        Raises:
            StemliftError: FILE_NOT_FOUND; CHECKPOINT_UNKNOWN with what the file looks like;
                CHECKPOINT_REFUSED with what is wrong with it; ARGUMENT_INVALID; MODEL_EXISTS
                when a model was imported under that name before; DISK_FULL, WRITE_FAILED
                or SERVER_LOST.
        """
        request = build_import(path, name, **options)
        reply = self._follow(
            lambda stub, how: stub.ImportModel(request, **how), on_progress, "import"
        )
        return read_import(reply.result)

    def verify_model(
        self, name: str = "", on_progress: OnProgress | None = None
    ) -> tuple[FileCheck, ...]:
        """Compare a model's files with their checksums; without a name, those of all models.

        A damaged file is no error here: see `FileCheck.state`.

        Raises:
            StemliftError: MODEL_UNKNOWN; MODEL_NOT_INSTALLED when its files are not here;
                SERVER_LOST.
        """
        request = separation_pb2.VerifyModelRequest(name=name)
        reply = self._follow(
            lambda stub, how: stub.VerifyModel(request, **how), on_progress, "check"
        )
        return read_checks(reply.result)

    def remove_model(self, name: str) -> int:
        """Delete the files of a model that no other one needs; the bytes that are free again.

        An imported model is forgotten; every other one can be pulled again.

        Raises:
            StemliftError: MODEL_UNKNOWN; ARGUMENT_INVALID where it has no files of its own;
                MODEL_NOT_INSTALLED where they are not here; MODEL_BUSY while a job uses it or
                they are being fetched; WRITE_FAILED.
        """
        request = separation_pb2.RemoveModelRequest(name=name)
        reply = self._call(
            lambda stub, **how: stub.RemoveModel(request, **how), seconds=CREATE_SECONDS
        )
        freed: int = reply.freed_bytes
        return freed

    def server_info(self) -> ServerInfo:
        """What the server says of itself."""
        request = separation_pb2.GetServerInfoRequest()
        return read_server_info(self._call(lambda stub, **how: stub.GetServerInfo(request, **how)))

    @property
    def address(self) -> str:
        """The server's address as a gRPC target."""
        return self._target.address

    def _get(self, id: str) -> JobUpdate:  # noqa: A002
        request = separation_pb2.GetJobRequest(id=id)
        reply = self._call(lambda stub, **how: stub.GetJob(request, **how), job_id=id)
        return read_job(reply.job)

    def _cancel(self, id: str) -> JobUpdate:  # noqa: A002
        request = separation_pb2.CancelJobRequest(id=id)
        reply = self._call(lambda stub, **how: stub.CancelJob(request, **how), job_id=id)
        return read_job(reply.job)

    def _watch(self, id: str, timeout: float | None = None) -> Iterator[JobUpdate]:  # noqa: A002
        request = separation_pb2.WatchJobRequest(id=id)
        metadata = (self._target.authorization,)
        replies = apart(
            self._stub.WatchJob(request, timeout=timeout, metadata=metadata), self._heartbeat
        )
        try:
            with contextlib.closing(replies):
                for reply in replies:
                    update = read_job(reply.job)
                    yield update
                    if update.state.ended:
                        return
        except BrokenStream as error:
            if timeout is not None and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise still_running(id, timeout) from error
            raise from_rpc_error(error, job_id=id) from error
        # A server that leaves may end the stream in good order.
        raise lost_under(id)

    def _follow(
        self,
        begin: Callable[[_Stub, dict[str, Any]], Stream[Step]],
        on_progress: OnProgress | None,
        what: str,
    ) -> Step:
        """Read a stream about models to its last message, and give that."""
        target = self._target
        try:
            return self._read(begin, on_progress, what)
        except grpc.RpcError as error:
            found = from_rpc_error(error)
            if self._fixed or not is_broken(error):
                raise found from error
        # Safe to repeat: a pull finds what is here, and an import says that it was done.
        self._reconnect(target)
        try:
            return self._read(begin, on_progress, what)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    def _read(
        self,
        begin: Callable[[_Stub, dict[str, Any]], Stream[Step]],
        on_progress: OnProgress | None,
        what: str,
    ) -> Step:
        how = {"metadata": (self._target.authorization,)}
        with contextlib.closing(apart(begin(self._stub, how), self._heartbeat)) as steps:
            for step in steps:
                if take(step, on_progress):
                    return step
        raise broken_off(what)

    def _call(
        self,
        send: Callable[..., _Reply],
        *,
        job_id: str | None = None,
        seconds: float = CALL_SECONDS,
    ) -> _Reply:
        target = self._target
        try:
            return self._send(send, seconds)
        except grpc.RpcError as error:
            found = from_rpc_error(error, job_id=job_id)
            if self._fixed or not is_broken(error):
                raise found from error
        self._reconnect(target)
        try:
            return self._send(send, seconds)
        except grpc.RpcError as error:
            raise from_rpc_error(error, job_id=job_id) from error

    def _send(self, send: Callable[..., _Reply], seconds: float) -> _Reply:
        stub, target = self._stub, self._target
        return send(stub, timeout=seconds, metadata=(target.authorization,))

    def _connect(self, target: Target) -> None:
        self._target = target
        self._channel = grpc.insecure_channel(target.address, CHANNEL_OPTIONS)
        self._stub = _Stub(self._channel)

    def _reconnect(self, broken: Target) -> None:
        with self._lock:
            # Another thread may have done it while this one waited for the lock.
            if self._target is broken:
                old = self._channel
                endpoint = find_or_start(self._paths, self._on_wait, self._heartbeat)
                self._connect(find_target(self._paths, endpoint.address))
                old.close()


class RemoteJob:
    """A job of the server. Iterating gives its updates until it ends.

    Attributes:
        id: of the job.
        latest: the last update that was seen.
    """

    def __init__(self, client: Client, latest: JobUpdate) -> None:
        self._client = client
        self.id = latest.id
        self.latest = latest

    def __iter__(self) -> Iterator[JobUpdate]:
        """A full snapshot first, then one at every change, the last when it has ended.

        Leaving the loop does not cancel the job.

        Raises:
            StemliftError: SERVER_LOST, with the job's id, when the server went away.
        """
        return self._updates()

    def result(self, timeout: float | None = None) -> SeparationResult:
        """Wait for the end and give what was written.

        Raises:
            StemliftError: why the job failed, CANCELLED, or SERVER_LOST.
            TimeoutError: not ended after `timeout` seconds; the job goes on.
        """
        if not self.latest.state.ended:
            for _ in self._updates(timeout):
                pass
        return outcome(self.latest)

    def state(self) -> JobUpdate:
        """The job as it is now."""
        self.latest = self._client._get(self.id)
        return self.latest

    def cancel(self) -> JobUpdate:
        """Ask the server to stop it; a job that has ended stays as it is."""
        self.latest = self._client._cancel(self.id)
        return self.latest

    def _updates(self, timeout: float | None = None) -> Iterator[JobUpdate]:
        for update in self._client._watch(self.id, timeout):
            self.latest = update
            yield update
