"""Jobs and their results as Python users see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from stemlift.errors import StemliftError

# What the server gives as the level of digital silence, and as an exact null.
SILENCE_DBFS = -300.0


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class Stage(StrEnum):
    """What a running job is doing; WAITING before it runs and after it ended."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    LOADING = "loading"
    ANALYSING = "analysing"
    SEPARATING = "separating"
    WRITING = "writing"


@dataclass(frozen=True, slots=True)
class StemFile:
    """A written stem. Levels in dBFS, -300 for digital silence."""

    path: Path
    peak_dbfs: float
    rms_dbfs: float


@dataclass(frozen=True, slots=True)
class SeparationResult:
    """What a job wrote.

    job: its id.
    stems: the files by stem name, in the order they were asked for.
    levels: the same with their levels.
    sample_rate: of the stems and the source, in Hz.
    frames, start_frame: length of every stem and where it starts in the source.
    null_dbfs: peak of (mix - sum of stems) in dB relative to max(1, peak of the mix);
        -300 when every sample is exactly zero, None when the stems that were written
        are not meant to sum to the mix.
    encoding: "PCM_24", "PCM_32" or "FLOAT".
    elapsed_s: time the separation itself took in seconds.
    precision: "fp32" or "bf16", what the model was computed in; "" of jobs that were done
        before it was recorded.
    """

    job: str
    model: str
    stems: dict[str, Path]
    levels: dict[str, StemFile]
    sample_rate: int
    channels: int
    frames: int
    start_frame: int
    null_dbfs: float | None
    encoding: str
    elapsed_s: float
    device: str
    precision: str
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `stemlift separate --json` prints it."""
        return {
            "job": self.job,
            "model": self.model,
            "stems": {name: str(path) for name, path in self.stems.items()},
            "sample_rate": self.sample_rate,
            "frames": self.frames,
            "start_frame": self.start_frame,
            "null_dbfs": self.null_dbfs,
            "elapsed_s": self.elapsed_s,
            "channels": self.channels,
            "encoding": self.encoding,
            "levels": {
                name: {"peak_dbfs": stem.peak_dbfs, "rms_dbfs": stem.rms_dbfs}
                for name, stem in self.levels.items()
            },
            "device": self.device,
            "precision": self.precision,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """A job at one moment.

    source: the sound file. output_folder: where its stems go.
    stems: the names asked for; empty: every stem of the model.
    fraction: share of the whole job that is done, 0 to 1.
    seconds_left: estimate, None while there is none.
    device, device_reason: where it runs, and why there, as one sentence.
    error: why it failed or was cancelled; None in every other state.
    result: what it wrote, once it succeeded.
    revision: grows with every change while one server process lives.
    """

    id: str
    state: JobState
    stage: Stage
    fraction: float
    seconds_left: float | None
    device: str
    device_reason: str
    warnings: tuple[str, ...]
    error: StemliftError | None
    result: SeparationResult | None
    source: Path
    model: str
    stems: tuple[str, ...]
    output_folder: Path
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    revision: int

    def to_json(self) -> dict[str, Any]:
        """As `stemlift jobs … --json` prints it."""
        return {
            "job": self.id,
            "state": str(self.state),
            "stage": str(self.stage),
            "fraction": self.fraction,
            "seconds_left": self.seconds_left,
            "source": str(self.source),
            "model": self.model,
            "stems": list(self.stems),
            "out": str(self.output_folder),
            "device": self.device,
            "device_reason": self.device_reason,
            "created": _moment(self.created),
            "started": _moment(self.started),
            "ended": _moment(self.ended),
            "warnings": list(self.warnings),
            "error": None if self.error is None else error_to_json(self.error),
            "result": None if self.result is None else self.result.to_json(),
        }


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The running server; see stemlift.v1.GetServerInfoResponse."""

    version: str
    pid: int
    uptime_seconds: float
    device: str
    device_reason: str
    devices: tuple[str, ...]
    torch_version: str
    torch_cuda: str
    state_folder: str
    models_folder: str
    log_file: str
    jobs_queued: int
    jobs_running: int
    loaded_models: tuple[str, ...]
    model_loads: int
    idle_exit_seconds: float
    formats: tuple[str, ...]
    peak_memory_bytes: int


def error_to_json(error: StemliftError) -> dict[str, str]:
    """An error as every `--json` output shows it."""
    return {"reason": str(error.reason), "message": error.message, "remedy": error.remedy}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
