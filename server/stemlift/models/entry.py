"""One model's entry, as catalogue.toml, the user's models.toml and imports write it. No torch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stemlift.models.spec import MaskKind, ModelSpec, Network, Origin, Part, Speed, WeightFile

NAME = r"^[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9_-])?$"
"""Models are named in commands, folders and recipes: nothing in a name needs quoting. Windows
takes no notice of a dot at the end, and would mix two models up."""

REST = "rest"
"""In an ensemble's `sources`: all stems that are not named."""

_RESERVED = {"auto", REST}
_DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?")
"""No folder on Windows can be called that."""

_REMAINDER = "remainder"
_ALWAYS = "spectral"
_STEM = r"^[\w][\w +-]{0,31}$"
_FILE = r"^[\w][\w .+()-]*(/[\w][\w .+()-]*)*$"
_SPECTROGRAM = (MaskKind.COMPLEX, MaskKind.RATIO, MaskKind.BINARY)
MASKS: dict[Network, tuple[MaskKind, ...]] = {
    Network.SPECTRAL: (MaskKind.RATIO, MaskKind.BINARY, MaskKind.COMPLEX),
    Network.OPEN_UNMIX: _SPECTROGRAM,
    Network.BAND_SPLIT_RNN: _SPECTROGRAM,
    Network.BS_ROFORMER: _SPECTROGRAM,
    Network.MEL_BAND_ROFORMER: _SPECTROGRAM,
    Network.COMPACT: _SPECTROGRAM,
    Network.DEMUCS: (),
    Network.ENSEMBLE: (),
}
"""Kinds that each network offers, its default first; an ensemble has those of its parts."""

_Stem = Annotated[str, Field(pattern=_STEM)]
_Share = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]


class FileEntry(BaseModel):
    """See `spec.WeightFile`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_FILE, max_length=255)
    address: str | None = Field(default=None, pattern=r"^https?://\S+$")
    size: int | None = Field(default=None, gt=0)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{8,64}$")
    member: str | None = Field(default=None, pattern=_FILE, max_length=255)
    md5: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.address is None and (self.member is not None or self.md5 is not None):
            raise ValueError("member and md5 belong to a file with an address")
        return self

    def file(self) -> WeightFile:
        return WeightFile(self.name, self.address, self.size, self.sha256, self.member, self.md5)


class ModelEntry(BaseModel):
    """See `spec.ModelSpec`.

    sources: of an ensemble. A stem, or "rest", with the name of a model, or with the weight
        of each of several models.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    title: str = ""
    network: Network
    stems: tuple[_Stem, ...] = Field(min_length=1, max_length=64)
    sample_rate: int = Field(default=44100, ge=8000, le=384000)
    rank: int = -1
    licence: str = Field(default="Not stated", min_length=1)
    commercial_use: bool | None = None
    repository: str | None = Field(default=None, pattern=r"^[\w-][\w.-]*/[\w-][\w.-]*$")
    bag: str | None = Field(default=None, pattern=r"^[\w-]+\.yaml$")
    files: tuple[FileEntry, ...] = Field(default=(), max_length=64)
    download_bytes: int = Field(default=0, ge=0)
    segment: int | None = Field(default=None, gt=0, le=2**26)
    overlap: float | None = Field(default=None, ge=0, le=0.95)
    rename: dict[str, _Stem] = Field(default_factory=dict)
    sdr: dict[_Stem, float] = Field(default_factory=dict)
    sdr_source: str = ""
    speed: Speed | None = None
    sources: dict[_Stem, dict[str, _Share]] = Field(default_factory=dict)

    @field_validator("sources", mode="before")
    @classmethod
    def _one_model_is_a_mean_of_one(cls, sources: Any) -> Any:
        if not isinstance(sources, dict):
            return sources
        return {
            stem: {parts: 1.0} if isinstance(parts, str) else parts
            for stem, parts in sources.items()
        }

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in _RESERVED:
            raise ValueError(f"“{name}” means something else")
        if _DEVICES.fullmatch(name):
            raise ValueError(f"“{name}” is a device of Windows")
        return name

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len(set(self.stems)) != len(self.stems):
            raise ValueError("a stem is named twice")
        if _REMAINDER in self.stems:
            raise ValueError(f"“{_REMAINDER}” is what the model leaves, not what it gives")
        if len({file.name.rpartition("/")[2] for file in self.files}) != len(self.files):
            raise ValueError("two files have the same name")
        archives = {(f.address, f.size, f.sha256, f.md5) for f in self.files if f.member}
        if len({address for address, *_ in archives}) != len(archives):
            raise ValueError("files of one archive tell different sizes or checksums of it")
        weights = self.bag is not None or bool(self.files)
        if self.name == _ALWAYS and self.network is not Network.SPECTRAL:
            raise ValueError(f"“{_ALWAYS}” is the model that is always there, and no other")
        if self.network in (Network.SPECTRAL, Network.ENSEMBLE):
            if weights or self.repository is not None:
                raise ValueError(f"a model of the network {self.network} has no files")
        elif not weights:
            raise ValueError("a bag or files are missing")
        if self.bag is not None and (self.network is not Network.DEMUCS or self.files):
            raise ValueError("a bag belongs to demucs, and stands for the files")
        if self.bag is not None and self.repository is None:
            raise ValueError("a bag needs its repository")
        if self.sdr and not self.sdr_source:
            raise ValueError("sdr needs an sdr_source")
        self._check_sources()
        return self

    def _check_sources(self) -> None:
        if (self.network is Network.ENSEMBLE) != bool(self.sources):
            raise ValueError("sources belong to an ensemble, and only to that")
        for stem in self.sources:
            if stem not in (*self.stems, REST):
                raise ValueError(f"sources: the stem “{stem}” is not among the stems")
        for stem in self.stems if self.sources else ():
            if stem not in self.sources and REST not in self.sources:
                raise ValueError(f"sources: no model for the stem “{stem}”")
        for stem, parts in self.sources.items():
            if not parts:
                raise ValueError(f"sources: no model for the stem “{stem}”")

    def spec(self, origin: Origin, folder: Path | None = None) -> ModelSpec:
        """The entry as the engine knows it.

        Args:
            folder: where the files of an imported or a built-in model lie.
        """
        files = tuple(file.file() for file in self.files)
        built_in = folder is not None and origin is Origin.CATALOGUE
        return ModelSpec(
            name=self.name,
            title=self.title,
            network=self.network,
            stems=self.stems,
            sample_rate=self.sample_rate,
            masks=MASKS[self.network],
            rank=self.rank,
            licence=self.licence,
            commercial_use=self.commercial_use,
            repository=self.repository,
            bag=self.bag,
            files=files,
            folder=folder,
            download_bytes=0 if built_in else self.download_bytes or _whole_size(files),
            segment=self.segment,
            overlap=self.overlap,
            rename=tuple(self.rename.items()),
            sdr=tuple(self.sdr.items()),
            sdr_source=self.sdr_source,
            speed=self.speed,
            sources=tuple((stem, self._parts(stem)) for stem in self.stems if self.sources),
            origin=origin,
        )

    def _parts(self, stem: str) -> tuple[Part, ...]:
        named = self.sources[stem] if stem in self.sources else self.sources[REST]
        return tuple(Part(model, weight) for model, weight in named.items())


def _whole_size(files: tuple[WeightFile, ...]) -> int:
    """Archives once; 0 where the size of one is not known: a part would mislead."""
    sizes = {file.address if file.member else file.name: file.size for file in files}
    known = [size for size in sizes.values() if size is not None]
    return sum(known) if len(known) == len(sizes) else 0
