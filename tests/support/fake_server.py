"""A server without an engine: real gRPC on a real socket, jobs that follow a script.

The name of the song is the script: "missing…" is refused, "full…" fails with
DISK_FULL, "slow…" runs until it is cancelled, "dies…" takes the server with it while
somebody watches, "leaves…" ends the stream in good order without an end of the job;
everything else succeeds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from pathlib import Path

import grpc
import grpc.aio
from fake_models import FakeModels

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths, find_paths
from stemlift.rpc.endpoint import Endpoint, write_endpoint
from stemlift.rpc.gen import job_pb2, separation_pb2, separation_pb2_grpc
from stemlift.rpc.status import to_status
from stemlift.rpc.tokens import authorization, ensure_token, same_token
from stemlift.system.private import choose_socket_path

STEMS = {"vocals": (-3.5, -18.25), "other": (-6.0, -300.0)}


class FakeService(separation_pb2_grpc.SeparationServiceServicer):
    def __init__(self, token: str) -> None:
        self.token = token
        self.jobs: dict[str, job_pb2.Job] = {}
        self.requests: list[separation_pb2.CreateJobRequest] = []
        self.by_request: dict[str, str] = {}
        self.changed = asyncio.Condition()
        self.stop = asyncio.Event()
        self.info_calls = 0
        self.torch_cuda = ""
        self.create_pause = 0.0
        self.models = FakeModels()

    async def _check(self, context) -> None:
        given = dict(context.invocation_metadata()).get("authorization", "")
        if not same_token(given, authorization(self.token)[1]):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong token")

    async def _fail(self, context, error: StemliftError):
        status = to_status(error)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        await context.abort(grpc.StatusCode[error.grpc_code], error.message)

    async def _find(self, job_id, context) -> job_pb2.Job:
        if job_id not in self.jobs:
            await self._fail(
                context,
                StemliftError(Reason.JOB_NOT_FOUND, f"There is no job {job_id}.", "List the jobs."),
            )
        return self.jobs[job_id]

    async def CreateJob(self, request, context):  # noqa: N802
        await self._check(context)
        self.requests.append(request)
        await asyncio.sleep(self.create_pause)
        song = Path(request.spec.input.path)
        if song.name.startswith("missing"):
            await self._fail(
                context,
                StemliftError(
                    Reason.FILE_NOT_FOUND, f"There is no file {song}.", "Check the path."
                ),
            )
        if request.request_id in self.by_request:
            return separation_pb2.CreateJobResponse(
                job=self.jobs[self.by_request[request.request_id]]
            )
        job_id = f"{0xA0 + len(self.jobs):02x}{len(self.jobs):014x}"
        self.by_request[request.request_id] = job_id
        job = job_pb2.Job(id=job_id, spec=request.spec, state=job_pb2.JOB_STATE_QUEUED)
        if job.spec.model == "auto":
            job.spec.model = "spectral"
        if not job.spec.output_folder:
            job.spec.output_folder = str(song.with_name(f"{song.stem} stems"))
        job.create_time.GetCurrentTime()
        self.jobs[job_id] = job
        return separation_pb2.CreateJobResponse(job=job)

    async def GetJob(self, request, context):  # noqa: N802
        await self._check(context)
        return separation_pb2.GetJobResponse(job=await self._find(request.id, context))

    async def ListJobs(self, request, context):  # noqa: N802
        await self._check(context)
        ids = sorted(self.jobs, reverse=True)
        if request.states:
            ids = [key for key in ids if self.jobs[key].state in request.states]
        start = int(request.page_token or 0)
        page = ids[start : start + 2]
        end = start + len(page)
        return separation_pb2.ListJobsResponse(
            jobs=[self.jobs[key] for key in page],
            next_page_token=str(end) if end < len(ids) else "",
        )

    async def CancelJob(self, request, context):  # noqa: N802
        await self._check(context)
        job = await self._find(request.id, context)
        if job.state in (job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING):
            self._end(
                job,
                job_pb2.JOB_STATE_CANCELLED,
                StemliftError(Reason.CANCELLED, "The job was cancelled."),
            )
            async with self.changed:
                self.changed.notify_all()
        return separation_pb2.CancelJobResponse(job=job)

    async def DeleteJob(self, request, context):  # noqa: N802
        await self._check(context)
        job = await self._find(request.id, context)
        if job.state in (job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING):
            await self._fail(
                context,
                StemliftError(Reason.JOB_ACTIVE, f"Job {job.id} has not ended.", "Cancel it."),
            )
        del self.jobs[job.id]
        return separation_pb2.DeleteJobResponse()

    async def WatchJob(self, request, context):  # noqa: N802
        await self._check(context)
        job = await self._find(request.id, context)
        name = Path(job.spec.input.path).name
        seen = job.state
        yield separation_pb2.WatchJobResponse(job=job)
        if seen > job_pb2.JOB_STATE_RUNNING:
            return
        if job.state > job_pb2.JOB_STATE_RUNNING:
            # It was cancelled while the first snapshot was on its way.
            yield separation_pb2.WatchJobResponse(job=job)
            return
        job.state, job.stage = job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STAGE_SEPARATING
        job.device, job.device_reason = "cpu", "There is no GPU."
        job.fraction, job.seconds_left = 0.5, 12.0
        yield separation_pb2.WatchJobResponse(job=job)
        if name.startswith("leaves"):
            return
        if name.startswith("dies"):
            self.stop.set()
            await asyncio.Event().wait()
        if name.startswith("slow"):
            async with self.changed:
                await self.changed.wait_for(lambda: job.state == job_pb2.JOB_STATE_CANCELLED)
        elif name.startswith("full"):
            self._end(
                job,
                job_pb2.JOB_STATE_FAILED,
                StemliftError(Reason.DISK_FULL, "The disk is full.", "Free some space."),
            )
        else:
            self._succeed(job)
        yield separation_pb2.WatchJobResponse(job=job)

    async def ListModels(self, request, context):  # noqa: N802
        await self._check(context)
        return separation_pb2.ListModelsResponse(
            models=self.models.models.values(), advice="htdemucs would do better: 84 MB."
        )

    async def GetModel(self, request, context):  # noqa: N802
        await self._check(context)
        try:
            return separation_pb2.GetModelResponse(model=self.models.get(request.name))
        except StemliftError as error:
            await self._fail(context, error)

    async def PullModel(self, request, context):  # noqa: N802
        await self._check(context)
        async for step in self._told(self.models.pull(request.name), context):
            yield step

    async def ImportModel(self, request, context):  # noqa: N802
        await self._check(context)
        async for step in self._told(self.models.import_model(request), context):
            yield step

    async def VerifyModel(self, request, context):  # noqa: N802
        await self._check(context)
        async for step in self._told(self.models.verify(request.name), context):
            yield step

    async def RemoveModel(self, request, context):  # noqa: N802
        await self._check(context)
        try:
            freed = self.models.remove(request.name)
        except StemliftError as error:
            await self._fail(context, error)
        return separation_pb2.RemoveModelResponse(freed_bytes=freed)

    async def _told(self, steps, context):
        try:
            async for step in steps:
                yield step
        except StemliftError as error:
            await self._fail(context, error)

    async def GetServerInfo(self, request, context):  # noqa: N802
        await self._check(context)
        self.info_calls += 1
        return separation_pb2.GetServerInfoResponse(
            version="0.1.0",
            pid=os.getpid(),
            uptime_seconds=61.0,
            device="cpu",
            device_reason="There is no GPU.",
            devices=["cpu"],
            torch_version="2.13.0+cpu",
            torch_cuda=self.torch_cuda,
            state_folder="/state",
            models_folder="/models",
            log_file="/logs/server.log",
            formats=["WAV", "FLAC"],
        )

    def _end(self, job, state, error) -> None:
        job.state, job.stage = state, job_pb2.JOB_STAGE_UNSPECIFIED
        job.error.CopyFrom(to_status(error))
        job.end_time.GetCurrentTime()

    def _succeed(self, job) -> None:
        job.state, job.stage, job.fraction = job_pb2.JOB_STATE_SUCCEEDED, 0, 1.0
        song, folder = Path(job.spec.input.path), Path(job.spec.output_folder)
        for stem in job.spec.stems or STEMS:
            peak, rms = STEMS.get(stem, (-1.0, -20.0))
            path = str(folder / f"{song.stem} - {stem}.wav")
            job.results.add(stem=stem, path=path, peak_dbfs=peak, rms_dbfs=rms)
        asked = job.spec.input
        start, frames = (asked.start_frame, asked.frames) if asked.frames else (100, 441000)
        job.mix.CopyFrom(
            job_pb2.MixResult(
                sample_rate=44100,
                channels=2,
                frames=frames,
                start_frame=start,
                null_dbfs=-300.0,
                encoding="PCM_24",
                precision=job_pb2.PRECISION_FP32,
            )
        )
        job.elapsed_seconds = 1.5
        job.warnings.append("A warning.")
        job.end_time.GetCurrentTime()


async def run(paths: Paths, ready=None, tcp: bool = False) -> None:
    token = ensure_token(paths)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    service = FakeService(token)
    separation_pb2_grpc.add_SeparationServiceServicer_to_server(service, server)
    if tcp:
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    else:
        path = choose_socket_path(paths.runtime, str(paths.state))
        path.unlink(missing_ok=True)
        address = f"unix:{path}"
        server.add_insecure_port(address)
    await server.start()
    write_endpoint(paths.endpoint, Endpoint.here(address))
    if ready is not None:
        ready(service)
    await service.stop.wait()
    await server.stop(0)


class FakeServer:
    """The service in a thread of this process."""

    service: FakeService

    def __init__(self, paths: Paths, tcp: bool = False) -> None:
        self.paths, self.tcp = paths, tcp
        self.started = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        async def main() -> None:
            self.loop = asyncio.get_running_loop()
            await run(self.paths, self._ready, self.tcp)

        asyncio.run(main())

    def _ready(self, service: FakeService) -> None:
        self.service = service
        self.started.set()

    def start(self) -> FakeServer:
        self.thread.start()
        assert self.started.wait(20)
        return self

    def stop(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.service.stop.set)
            self.thread.join(20)


if __name__ == "__main__":
    # As a process of its own, under the lock that a real server takes.
    import filelock

    found = find_paths()
    found.state.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(found.lock)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        error = {"reason": "SERVER_ALREADY_RUNNING", "message": "One runs.", "remedy": "Use it."}
        print(json.dumps({"error": error}))
        sys.exit(3)
    asyncio.run(run(found))
