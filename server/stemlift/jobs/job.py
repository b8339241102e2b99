"""A job: one separation with its state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from stemlift.audio.channels import ChannelMode
from stemlift.errors import Reason, StemliftError
from stemlift.models.spec import MaskKind
from stemlift.separation.control import Stage
from stemlift.separation.options import OutputFormat, Precision, RemainderPolicy

AUTO = "auto"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Priority(StrEnum):
    INTERACTIVE = "interactive"
    BACKGROUND = "background"


class JobSpec(BaseModel):
    """What a job shall do; kept in the store, so it only ever grows fields with defaults.

    input: absolute path. start_frame, frames: at the file's rate, frames 0 runs to the end;
    start_seconds, duration_seconds: used where the frames are 0.
    output_folder: absolute, empty for the default beside the song.
    batch: segments per forward pass, 0 lets the server choose.
    input_size, input_modified_ns: of the file when the job was made; 0 before that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Path
    start_frame: int = Field(default=0, ge=0)
    frames: int = Field(default=0, ge=0)
    start_seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    duration_seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    channel_mode: ChannelMode = ChannelMode.ALL
    channel_first: int = Field(default=0, ge=0)
    channel_second: int = Field(default=1, ge=0)
    model: str = AUTO
    stems: tuple[str, ...] = ()
    output_folder: Path | None = None
    format: OutputFormat = OutputFormat.WAV
    remainder: RemainderPolicy = RemainderPolicy.OTHER
    mask: MaskKind | None = None
    precision: Precision = Precision.AUTO
    batch: int = Field(default=0, ge=0, le=64)
    priority: Priority = Priority.INTERACTIVE
    overwrite: bool = False
    name_template: str = "{song} - {stem}"
    input_size: int = 0
    input_modified_ns: int = 0


class StemRecord(BaseModel):
    """One written stem; levels in dBFS, -300 for digital silence."""

    stem: str
    path: Path
    peak_dbfs: float
    rms_dbfs: float


class JobResult(BaseModel):
    """What a job gave; see `separation.separate.Separation`.

    precision: None of jobs from before it was recorded.
    """

    stems: tuple[StemRecord, ...]
    sample_rate: int
    channels: int
    frames: int
    start_frame: int
    null_dbfs: float | None
    encoding: str
    mix_peak_dbfs: float
    precision: Precision | None = None


class JobError(BaseModel):
    """Why a job failed."""

    reason: Reason
    message: str
    remedy: str = ""

    @classmethod
    def of(cls, error: StemliftError) -> JobError:
        return cls(reason=error.reason, message=error.message, remedy=error.remedy)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running job is doing; kept in memory only.

    fraction: share of the whole job that is done. seconds_left: None without an estimate.
    """

    stage: Stage | None = None
    fraction: float = 0.0
    seconds_left: float | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands. Times are UTC; elapsed_seconds leaves waiting out.

    crashes: how often a server died while it ran this job.
    publishing: the stems are complete and on their way to their final names; `result` tells
        which they are.
    cancelling: it shall stop as soon as it can.
    made_folders: folders that did not exist before this job, innermost first.
    """

    id: str
    request_id: str | None
    spec: JobSpec
    state: JobState
    created: datetime
    started: datetime | None
    ended: datetime | None
    elapsed_seconds: float
    device: str
    device_reason: str
    batch: int
    warnings: tuple[str, ...]
    result: JobResult | None
    error: JobError | None
    crashes: int
    publishing: bool
    cancelling: bool
    made_folders: tuple[Path, ...]
    progress: Progress = Progress()
