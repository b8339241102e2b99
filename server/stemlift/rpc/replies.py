"""From the messages of the API to the dataclasses of `results`."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from stemlift.rpc.gen import job_pb2, separation_pb2
from stemlift.rpc.results import (
    JobState,
    JobUpdate,
    SeparationResult,
    ServerInfo,
    Stage,
    StemFile,
)
from stemlift.rpc.status import from_status

_STATES = {
    job_pb2.JOB_STATE_QUEUED: JobState.QUEUED,
    job_pb2.JOB_STATE_RUNNING: JobState.RUNNING,
    job_pb2.JOB_STATE_SUCCEEDED: JobState.SUCCEEDED,
    job_pb2.JOB_STATE_FAILED: JobState.FAILED,
    job_pb2.JOB_STATE_CANCELLED: JobState.CANCELLED,
}

_STAGES = {
    job_pb2.JOB_STAGE_DOWNLOADING: Stage.DOWNLOADING,
    job_pb2.JOB_STAGE_LOADING: Stage.LOADING,
    job_pb2.JOB_STAGE_ANALYSING: Stage.ANALYSING,
    job_pb2.JOB_STAGE_SEPARATING: Stage.SEPARATING,
    job_pb2.JOB_STAGE_WRITING: Stage.WRITING,
}

_PRECISIONS = {job_pb2.PRECISION_FP32: "fp32", job_pb2.PRECISION_BF16: "bf16"}

STATE_NUMBERS = {state: number for number, state in _STATES.items()}

_T = TypeVar("_T")


def read_job(job: job_pb2.Job) -> JobUpdate:
    """A job as sent, as Python users see it."""
    state = _STATES.get(job.state, JobState.QUEUED)
    error = from_status(job.error) if job.HasField("error") else None
    if error is not None:
        error.job_id = job.id
    return JobUpdate(
        id=job.id,
        state=state,
        stage=_STAGES.get(job.stage, Stage.WAITING),
        fraction=job.fraction,
        seconds_left=job.seconds_left if job.HasField("seconds_left") else None,
        device=job.device,
        device_reason=job.device_reason,
        warnings=tuple(job.warnings),
        error=error,
        result=_read_result(job) if state is JobState.SUCCEEDED else None,
        source=Path(job.spec.input.path),
        model=job.spec.model,
        stems=tuple(job.spec.stems),
        output_folder=Path(job.spec.output_folder),
        created=_read_time(job, "create_time"),
        started=_read_time(job, "start_time"),
        ended=_read_time(job, "end_time"),
        revision=job.revision,
    )


def _read_result(job: job_pb2.Job) -> SeparationResult:
    levels = {
        result.stem: StemFile(Path(result.path), result.peak_dbfs, result.rms_dbfs)
        for result in job.results
    }
    mix = job.mix
    return SeparationResult(
        job=job.id,
        model=job.spec.model,
        stems={name: stem.path for name, stem in levels.items()},
        levels=levels,
        sample_rate=mix.sample_rate,
        channels=mix.channels,
        frames=mix.frames,
        start_frame=mix.start_frame,
        null_dbfs=mix.null_dbfs if mix.HasField("null_dbfs") else None,
        encoding=mix.encoding,
        elapsed_s=job.elapsed_seconds,
        device=job.device,
        precision=_PRECISIONS.get(mix.precision, ""),
        warnings=tuple(job.warnings),
    )


def _read_time(job: job_pb2.Job, field: str) -> datetime | None:
    if not job.HasField(field):  # type: ignore[arg-type]
        return None
    stamp: Timestamp = getattr(job, field)
    return stamp.ToDatetime(tzinfo=UTC)


def read_server_info(reply: separation_pb2.GetServerInfoResponse) -> ServerInfo:
    """The server's account of itself as sent."""
    return _copy(reply, ServerInfo)


def _copy(message: Message, kind: type[_T]) -> _T:
    """A dataclass whose fields are named as the message's."""
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        value = getattr(message, field.name)
        plain = isinstance(value, str | int | float)
        values[field.name] = value if plain else tuple(value)
    return kind(**values)
