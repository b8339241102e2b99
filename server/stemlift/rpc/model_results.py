"""Models, and what is done with them, as Python users see them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class CommercialUse(StrEnum):
    """Whether the licence of the weights lets music that is sold be made with them."""

    UNKNOWN = "unknown"
    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of weights, or of their configuration.

    address: where it is fetched from; empty for one of the model's repository.
    size_bytes: 0 where it is not known. sha256: in hexadecimal, or its first digits, or empty.
    member: path inside the zip archive at the address; then size and sums are the archive's.
    md5: in hexadecimal, where there is no sha256; or empty.
    """

    name: str
    address: str
    size_bytes: int
    sha256: str
    member: str = ""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the server offers; see stemlift.v1.Model.

    download_bytes: approximate size of its weights; 0 when it has none, or nobody knows.
    network: e.g. "demucs", "spectral" (no weights) or "ensemble" (made of other models).
    sdr: published signal-to-distortion ratios in dB by stem; sdr_source: by whom, on what.
    speed: "fast", "medium", "slow", compared with htdemucs; empty where nobody measured it.
    origin: "catalogue", "models.toml" or "imported".
    installed_bytes: what its files take on disk; 0 unless all are here.
    repository: on the hub, as "owner/name"; empty for models without one.
    segment_frames: length of a segment at `sample_rate`; 0: as its files say.
    overlap: share of a segment that the next one repeats; None: as its files say.
    sources: of an ensemble, for each stem the weight of each model; empty for all others.
    built_in: its weights are part of Stemlift: never fetched, and never removed.
    """

    name: str
    title: str
    stems: tuple[str, ...]
    sample_rate: int
    installed: bool
    download_bytes: int
    masks: tuple[str, ...]
    licence: str
    loaded: bool
    auto_choice: bool
    network: str = ""
    commercial_use: CommercialUse = CommercialUse.UNKNOWN
    sdr: dict[str, float] = field(default_factory=dict)
    sdr_source: str = ""
    speed: str = ""
    origin: str = ""
    installed_bytes: int = 0
    repository: str = ""
    files: tuple[ModelFile, ...] = ()
    segment_frames: int = 0
    overlap: float | None = None
    sources: dict[str, dict[str, float]] = field(default_factory=dict)
    built_in: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The models of an ensemble, each once; empty for all others."""
        return tuple(dict.fromkeys(name for weights in self.sources.values() for name in weights))

    @property
    def mean_sdr(self) -> float | None:
        """Mean of the published ratios in dB; None where a stem has none."""
        if not self.stems or not all(stem in self.sdr for stem in self.stems):
            return None
        return sum(self.sdr[stem] for stem in self.stems) / len(self.stems)

    def to_json(self) -> dict[str, Any]:
        """As `stemlift models list --json` prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ModelList:
    """The models, and in one line what a better one than auto's choice would need."""

    models: tuple[ModelInfo, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class ModelProgress:
    """How far a pull, an import or a check is.

    done, total: in bytes; total is 0 while it is not known.
    seconds_left: estimate, None while there is none.
    """

    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was found in a checkpoint.

    format: in words. network: as `ModelInfo.network`.
    segment_frames: length of a segment at `sample_rate`; 0: the network takes any.
    parameters: how many numbers the network has learnt. size_bytes: of its files.
    warnings: what a person should know before using it.
    """

    format: str
    network: str
    stems: tuple[str, ...]
    sample_rate: int
    segment_frames: int
    parameters: int
    size_bytes: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """model: the new one; None where the file was only looked at."""

    recognition: Recognition
    model: ModelInfo | None

    def to_json(self) -> dict[str, Any]:
        """As `stemlift models import --json` prints it."""
        return {
            "recognised": asdict(self.recognition),
            "model": None if self.model is None else self.model.to_json(),
        }


class FileState(StrEnum):
    """OK: the checksum is the published one. UNCHECKED: none was published."""

    OK = "ok"
    MISSING = "missing"
    DAMAGED = "damaged"
    UNCHECKED = "unchecked"

    @property
    def sound(self) -> bool:
        return self in (FileState.OK, FileState.UNCHECKED)


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What a check found out about one file. problem: a sentence; empty where there is none."""

    model: str
    path: Path
    state: FileState
    problem: str

    def to_json(self) -> dict[str, Any]:
        """As `stemlift models verify --json` prints it."""
        return {
            "model": self.model,
            "path": str(self.path),
            "state": str(self.state),
            "problem": self.problem,
        }
