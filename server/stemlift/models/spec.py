"""What is known of a model before its weights are loaded. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class MaskKind(StrEnum):
    """How a spectrogram model applies its estimates to the mix."""

    BINARY = "binary"
    RATIO = "ratio"
    COMPLEX = "complex"


class Network(StrEnum):
    """What kind of network a model is, and so which formats its weights come in."""

    SPECTRAL = "spectral"
    DEMUCS = "demucs"
    OPEN_UNMIX = "open_unmix"
    BAND_SPLIT_RNN = "band_split_rnn"
    BS_ROFORMER = "bs_roformer"
    MEL_BAND_ROFORMER = "mel_band_roformer"
    COMPACT = "compact"
    ENSEMBLE = "ensemble"


class Speed(StrEnum):
    """How long a song takes, compared with htdemucs: well under, about, well over."""

    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"


class Origin(StrEnum):
    """Where a model's entry was read: the shipped catalogue, models.toml, or an import."""

    CATALOGUE = "catalogue"
    USER = "models.toml"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of weights, or of their configuration.

    name: of the file; inside its hub repository it may lie in folders, with "/".
    address: where it is fetched from; None for a file of the entry's hub repository.
    member: name of the file within the zip archive at the address; None where the address
        gives the file itself. Several files may come from one archive: it is fetched once,
        and deleted when they are out.
    size: of what the address gives, so with `member` of the archive; in bytes; None where
        it is not known.
    sha256: of the same; lower-case hexadecimal; the first 8 digits or more, 64 where all
        are known.
    md5: of the same, where the publisher tells nothing better; all digits. It shows damage,
        and no forgery.
    """

    name: str
    address: str | None = None
    size: int | None = None
    sha256: str | None = None
    member: str | None = None
    md5: str | None = None

    @property
    def own_size(self) -> int | None:
        """Of the file itself; None where only its archive's is known."""
        return self.size if self.member is None else None

    @property
    def own_sha256(self) -> str | None:
        """Of the file itself; None where only its archive's is known."""
        return self.sha256 if self.member is None else None


@dataclass(frozen=True, slots=True)
class Part:
    """Another model's share in one stem of an ensemble: a weighted mean is taken."""

    model: str
    weight: float


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A catalogue entry.

    stems: in the order the model gives them.
    sample_rate: in Hz.
    masks: kinds it offers, its default first; empty for waveform models.
    rank: `auto` takes the highest among the installed; below 0 never.
    commercial_use: None where the publisher does not say.
    repository: hub repository; None for models without weights or fetched by address.
    bag: YAML in the repository that names the checkpoints of a Demucs model; None elsewhere.
    files: all files of a model that has no bag.
    folder: holds the files of an imported or a built-in model; None for all others.
    download_bytes: approximate size of the weights, 0 without, where it is not known, and
        where they ship with Stemlift.
    segment: length of a model input in samples at `sample_rate`; None: the checkpoint's own.
    overlap: share of a segment that the next one repeats; None: the checkpoint's own.
    rename: (name in the checkpoint, name in `stems`) for each stem that it calls otherwise.
    sdr: (stem, dB) as published; empty where nothing is.
    sdr_source: who measured them, on what.
    sources: of an ensemble, (stem, parts) for every stem; empty for all others.
    """

    name: str
    title: str
    network: Network
    stems: tuple[str, ...]
    sample_rate: int
    masks: tuple[MaskKind, ...]
    rank: int
    licence: str
    commercial_use: bool | None
    repository: str | None = None
    bag: str | None = None
    files: tuple[WeightFile, ...] = ()
    folder: Path | None = None
    download_bytes: int = 0
    segment: int | None = None
    overlap: float | None = None
    rename: tuple[tuple[str, str], ...] = ()
    sdr: tuple[tuple[str, float], ...] = ()
    sdr_source: str = ""
    speed: Speed | None = None
    sources: tuple[tuple[str, tuple[Part, ...]], ...] = ()
    origin: Origin = Origin.CATALOGUE

    @property
    def has_weights(self) -> bool:
        """Whether it needs files: fetched, imported or built in."""
        return self.bag is not None or bool(self.files)

    @property
    def built_in(self) -> bool:
        """Whether its files are part of Stemlift: never fetched, and never removed."""
        return self.folder is not None and self.origin is Origin.CATALOGUE

    @property
    def part_names(self) -> tuple[str, ...]:
        """The models of an ensemble, each once, in the order they are named."""
        return tuple(dict.fromkeys(part.model for _, parts in self.sources for part in parts))
