"""The models that Stemlift knows, read from catalogue.toml beside this file. No torch."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stemlift.errors import Reason, StemliftError
from stemlift.models.spec import MaskKind, ModelSpec


@dataclass(frozen=True, slots=True)
class Catalogue:
    """models: the highest rank first."""

    models: tuple[ModelSpec, ...]

    def get(self, name: str) -> ModelSpec:
        """The model called `name`.

        Raises:
            StemliftError: MODEL_UNKNOWN; the remedy lists the names, the closest first.
        """
        for spec in self.models:
            if spec.name == name:
                return spec
        names = [spec.name for spec in self.models]
        close = difflib.get_close_matches(name.lower(), names, n=len(names), cutoff=0.4)
        ordered = close + [known for known in names if known not in close]
        raise StemliftError(
            Reason.MODEL_UNKNOWN,
            f"There is no model called “{name}”.",
            f"Choose one of: {', '.join(ordered)}; or auto.",
        )


def load_catalogue() -> Catalogue:
    """Read the catalogue that ships with the package."""
    text = files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return parse_catalogue(text)


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue in TOML.

    Raises:
        ValueError: it is not TOML (tomllib.TOMLDecodeError) or an entry is wrong
            (pydantic.ValidationError).
    """
    entries = _File.model_validate(tomllib.loads(text)).models
    specs = (entry.spec() for entry in entries)
    return Catalogue(tuple(sorted(specs, key=lambda spec: -spec.rank)))


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str = Field(min_length=1)
    network: Literal["spectral", "demucs"]
    stems: tuple[str, ...] = Field(min_length=2)
    sample_rate: int = Field(gt=0)
    masks: tuple[MaskKind, ...] = ()
    rank: int
    licence: str = Field(min_length=1)
    commercial_use: bool | None = None
    repository: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+$")
    bag: str | None = Field(default=None, pattern=r"^\w+\.yaml$")
    download_bytes: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _weights_belong_to_demucs(self) -> Self:
        has_weights = self.repository is not None and self.bag is not None
        if has_weights != (self.network == "demucs"):
            raise ValueError("a demucs model needs a repository and a bag, a spectral one neither")
        return self

    def spec(self) -> ModelSpec:
        return ModelSpec(**self.model_dump())


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    models: tuple[_Entry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_and_ranks_are_unique(self) -> Self:
        for field in ("name", "rank"):
            values = [getattr(entry, field) for entry in self.models]
            if len(set(values)) != len(values):
                raise ValueError(f"two models share a {field}")
        return self
