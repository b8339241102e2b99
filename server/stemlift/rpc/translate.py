"""Between the messages of the API and the jobs of the server. No decisions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import ValidationError

from stemlift.audio.channels import ChannelMode
from stemlift.errors import Reason, StemliftError
from stemlift.jobs.job import Job, JobSpec, JobState, Priority
from stemlift.models.spec import MaskKind
from stemlift.rpc.gen import job_pb2
from stemlift.rpc.status import to_status
from stemlift.separation.control import Stage
from stemlift.separation.options import OutputFormat, Precision, RemainderPolicy

CHANNEL_MODES = {
    job_pb2.CHANNEL_MODE_UNSPECIFIED: ChannelMode.ALL,
    job_pb2.CHANNEL_MODE_SWAP: ChannelMode.SWAP,
    job_pb2.CHANNEL_MODE_DOWNMIX: ChannelMode.DOWNMIX,
    job_pb2.CHANNEL_MODE_MONO: ChannelMode.MONO,
    job_pb2.CHANNEL_MODE_PAIR: ChannelMode.PAIR,
}
FORMATS = {
    job_pb2.OUTPUT_FORMAT_UNSPECIFIED: OutputFormat.WAV,
    job_pb2.OUTPUT_FORMAT_WAV: OutputFormat.WAV,
    job_pb2.OUTPUT_FORMAT_FLAC: OutputFormat.FLAC,
}
REMAINDERS = {
    job_pb2.REMAINDER_POLICY_UNSPECIFIED: RemainderPolicy.OTHER,
    job_pb2.REMAINDER_POLICY_OTHER: RemainderPolicy.OTHER,
    job_pb2.REMAINDER_POLICY_SEPARATE: RemainderPolicy.SEPARATE,
    job_pb2.REMAINDER_POLICY_OFF: RemainderPolicy.OFF,
}
MASKS = {
    job_pb2.MASK_KIND_UNSPECIFIED: None,
    job_pb2.MASK_KIND_BINARY: MaskKind.BINARY,
    job_pb2.MASK_KIND_RATIO: MaskKind.RATIO,
    job_pb2.MASK_KIND_COMPLEX: MaskKind.COMPLEX,
}
PRECISIONS = {
    job_pb2.PRECISION_UNSPECIFIED: Precision.AUTO,
    job_pb2.PRECISION_FP32: Precision.FP32,
    job_pb2.PRECISION_BF16: Precision.BF16,
}
PRIORITIES = {
    job_pb2.PRIORITY_UNSPECIFIED: Priority.INTERACTIVE,
    job_pb2.PRIORITY_INTERACTIVE: Priority.INTERACTIVE,
    job_pb2.PRIORITY_BACKGROUND: Priority.BACKGROUND,
}
STATES = {
    JobState.QUEUED: job_pb2.JOB_STATE_QUEUED,
    JobState.RUNNING: job_pb2.JOB_STATE_RUNNING,
    JobState.SUCCEEDED: job_pb2.JOB_STATE_SUCCEEDED,
    JobState.FAILED: job_pb2.JOB_STATE_FAILED,
    JobState.CANCELLED: job_pb2.JOB_STATE_CANCELLED,
}
STAGES = {
    Stage.DOWNLOADING: job_pb2.JOB_STAGE_DOWNLOADING,
    Stage.LOADING: job_pb2.JOB_STAGE_LOADING,
    Stage.ANALYSING: job_pb2.JOB_STAGE_ANALYSING,
    Stage.SEPARATING: job_pb2.JOB_STAGE_SEPARATING,
    Stage.WRITING: job_pb2.JOB_STAGE_WRITING,
}


def spec_from_message(message: job_pb2.JobSpec) -> JobSpec:
    """Raises StemliftError (ARGUMENT_INVALID) for the first field that makes no sense."""
    channels = message.input.channels
    try:
        return JobSpec(
            input=Path(_given("input.path", message.input.path)),
            start_frame=message.input.start_frame,
            frames=message.input.frames,
            start_seconds=message.input.start_seconds,
            duration_seconds=message.input.duration_seconds,
            channel_mode=_known("channels.mode", channels.mode, CHANNEL_MODES),
            channel_first=channels.first,
            channel_second=channels.second,
            model=_given("model", message.model),
            stems=tuple(message.stems),
            output_folder=Path(message.output_folder) if message.output_folder else None,
            format=_known("format", message.format, FORMATS),
            remainder=_known("remainder", message.remainder, REMAINDERS),
            mask=_known("mask", message.mask, MASKS),
            precision=_known("precision", message.precision, PRECISIONS),
            batch=message.batch,
            priority=_known("priority", message.priority, PRIORITIES),
            overwrite=message.overwrite,
            name_template=message.name_template or JobSpec.model_fields["name_template"].default,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise _invalid(str(first["loc"][0]), first["msg"]) from error


def states_from_message(values: list[int]) -> tuple[JobState, ...]:
    """Raises StemliftError (ARGUMENT_INVALID) for an unknown state."""
    states = {int(number): state for state, number in STATES.items()}
    return tuple(_known("states", value, states) for value in values)


def message_from_job(job: Job) -> job_pb2.Job:
    spec, progress = job.spec, job.progress
    message = job_pb2.Job(
        id=job.id,
        spec=_message_from_spec(spec),
        state=STATES[job.state],
        fraction=progress.fraction,
        device=job.device,
        device_reason=job.device_reason,
        warnings=job.warnings,
        create_time=_timestamp(job.created),
        start_time=_timestamp(job.started),
        end_time=_timestamp(job.ended),
        revision=progress.revision,
        elapsed_seconds=job.elapsed_seconds,
        batch=job.batch,
    )
    if progress.stage and job.state is JobState.RUNNING:
        message.stage = STAGES[progress.stage]
    if progress.seconds_left is not None:
        message.seconds_left = progress.seconds_left
    if job.error:
        error = StemliftError(job.error.reason, job.error.message, job.error.remedy, job_id=job.id)
        message.error.CopyFrom(to_status(error))
    if job.result and job.state is JobState.SUCCEEDED:
        message.results.extend(
            job_pb2.StemResult(
                stem=stem.stem,
                path=str(stem.path),
                peak_dbfs=stem.peak_dbfs,
                rms_dbfs=stem.rms_dbfs,
            )
            for stem in job.result.stems
        )
        message.mix.CopyFrom(
            job_pb2.MixResult(
                sample_rate=job.result.sample_rate,
                channels=job.result.channels,
                frames=job.result.frames,
                start_frame=job.result.start_frame,
                null_dbfs=job.result.null_dbfs,
                encoding=job.result.encoding,
                peak_dbfs=job.result.mix_peak_dbfs,
                precision=_number(job.result.precision or Precision.AUTO, PRECISIONS),
            )
        )
    return message


def _message_from_spec(spec: JobSpec) -> job_pb2.JobSpec:
    return job_pb2.JobSpec(
        input=job_pb2.Input(
            path=str(spec.input),
            start_frame=spec.start_frame,
            frames=spec.frames,
            start_seconds=spec.start_seconds,
            duration_seconds=spec.duration_seconds,
            channels=job_pb2.ChannelMap(
                mode=_number(spec.channel_mode, CHANNEL_MODES),
                first=spec.channel_first,
                second=spec.channel_second,
            ),
        ),
        model=spec.model,
        stems=spec.stems,
        output_folder=str(spec.output_folder or ""),
        format=_number(spec.format, FORMATS),
        remainder=_number(spec.remainder, REMAINDERS),
        mask=_number(spec.mask, MASKS),
        precision=_number(spec.precision, PRECISIONS),
        batch=spec.batch,
        priority=_number(spec.priority, PRIORITIES),
        overwrite=spec.overwrite,
        name_template=spec.name_template,
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _number(value: StrEnum | None, names: dict[Any, Any]) -> Any:
    """The enum number of a value; the named one where UNSPECIFIED means the same."""
    return max(number for number, each in names.items() if each == value)


def _known(field: str, number: int, names: dict[Any, Any]) -> Any:
    if number not in names:
        raise _invalid(field, f"there is no value {number}")
    return names[number]


def _given(field: str, text: str) -> str:
    if not text:
        raise _invalid(field, "it is empty")
    return text


def _invalid(field: str, why: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"The job's field {field} cannot be used: {why}.",
        "See the comments in proto/stemlift/v1/job.proto for what each field takes.",
    )
