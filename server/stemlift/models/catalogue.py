"""The models that Stemlift knows, by name. No torch."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stemlift.errors import Reason, StemliftError
from stemlift.models.entry import ModelEntry
from stemlift.models.spec import MaskKind, ModelSpec, Network, Origin

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

BUILT_IN = Path(__file__).with_name("builtin")
"""Holds the weights that ship with the package."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """models: the highest rank first.

    broken: why a model that was imported cannot be used, by its name.
    """

    models: tuple[ModelSpec, ...]
    broken: Mapping[str, StemliftError] = field(default_factory=dict)

    def get(self, name: str) -> ModelSpec:
        """The model called `name`.

        Raises:
            StemliftError: MODEL_UNKNOWN; the remedy lists the names, the closest first.
                CHECKPOINT_INVALID for an import whose entry is damaged.
        """
        if name in self.broken:
            raise self.broken[name]
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

    def parts(self, spec: ModelSpec) -> tuple[ModelSpec, ...]:
        """The models that `spec` is made of: itself, or those of an ensemble.

        Raises:
            StemliftError: MODEL_UNKNOWN where a part is not in this catalogue;
                SETTINGS_INVALID where it does not fit into the ensemble.
        """
        if spec.network is not Network.ENSEMBLE:
            return (spec,)
        known = {each.name: each for each in self.models}
        for stem, parts in spec.sources:
            for part in parts:
                if part.model not in known:
                    raise StemliftError(
                        Reason.MODEL_UNKNOWN,
                        f"The ensemble {spec.name} needs the model “{part.model}”, "
                        "which is not here.",
                        f"Import it again under that name, or mend the entry of {spec.name}.",
                    )
                self._check_part(spec, stem, known[part.model])
        return tuple(known[name] for name in spec.part_names)

    def _check_part(self, spec: ModelSpec, stem: str, part: ModelSpec) -> None:
        if part.network is Network.ENSEMBLE:
            wrong = f"“{part.name}” is an ensemble itself"
        elif part.sample_rate != spec.sample_rate:
            wrong = f"“{part.name}” has another sample rate, {part.sample_rate} Hz"
        elif stem not in part.stems:
            wrong = f"“{part.name}” gives no stem “{stem}”"
        else:
            return
        raise StemliftError(
            Reason.SETTINGS_INVALID,
            f"The ensemble {spec.name} cannot be used: {wrong}.",
            "Mend its entry in models.toml.",
        )


def load_catalogue() -> Catalogue:
    """Read the catalogue that ships with the package."""
    text = files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return parse_catalogue(text)


def parse_catalogue(text: str, built_in: Path = BUILT_IN) -> Catalogue:
    """Read a catalogue in TOML that stands by itself.

    Args:
        built_in: holds the files of models that ship with their weights.

    Raises:
        ValueError: it is not TOML (tomllib.TOMLDecodeError) or an entry is wrong
            (pydantic.ValidationError).
    """
    entries = _Shipped.model_validate(tomllib.loads(text)).models
    return catalogue_of(
        entry.spec(Origin.CATALOGUE, built_in if entry.built_in else None) for entry in entries
    )


def read_user_models(path: Path) -> tuple[ModelSpec, ...]:
    """The entries of the user's models.toml; none where there is no such file.

    Raises:
        StemliftError: SETTINGS_INVALID, naming the file and the first wrong entry.
    """
    try:
        # A pipe or a device would keep whoever reads it.
        if path.exists() and not path.is_file():
            raise _unusable(path, "it is no plain file")
        with path.open("rb") as stream:
            text = stream.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    if len(text) > _LARGEST_FILE:
        raise _unusable(path, "it is far too large")
    try:
        content = tomllib.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _unusable(path, "it is not in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise _unusable(path, f"it is not TOML: {error}") from error
    try:
        entries = _Users.model_validate(content).models
    except ValidationError as error:
        raise _unusable(path, _first(error, content)) from error
    return tuple(entry.spec(Origin.USER) for entry in entries)


def catalogue_of(
    specs: Iterable[ModelSpec], broken: Mapping[str, StemliftError] | None = None
) -> Catalogue:
    """A catalogue of these entries, with what ensembles have from their parts filled in."""
    by_name = {spec.name: spec for spec in specs}
    whole = [_completed(spec, by_name) for spec in by_name.values()]
    return Catalogue(tuple(sorted(whole, key=lambda spec: -spec.rank)), broken or {})


def _unusable(path: Path, what: str) -> StemliftError:
    """What a broken file of entries is reported as."""
    return StemliftError(
        Reason.SETTINGS_INVALID,
        f"The models file {path} cannot be used: {what}.",
        "Mend it, or move the file away; the page on models shows what an entry holds.",
    )


def _completed(spec: ModelSpec, by_name: dict[str, ModelSpec]) -> ModelSpec:
    """An ensemble with the masks that all its spectrogram parts offer, and its size."""
    if spec.network is not Network.ENSEMBLE:
        return spec
    # A part may be missing, since imported models come and go; `parts` says so when asked.
    parts = [by_name[name] for name in spec.part_names if name in by_name]
    offers = [part.masks for part in parts if part.masks]
    masks = tuple(kind for kind in _MASK_ORDER if offers and all(kind in each for each in offers))
    known = [part.download_bytes for part in parts if part.has_weights and not part.built_in]
    return replace(spec, masks=masks, download_bytes=sum(known) if all(known) else 0)


def _first(error: ValidationError, content: Mapping[str, Any]) -> str:
    """The first fault, by the name of its entry, in words for a person."""
    # A misspelt field is also a missing one; the misspelling is what helps.
    errors = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    fault = errors[0]
    where, field = _place(fault["loc"], content)
    return where + _words(fault, field)


def _place(loc: Sequence[str | int], content: Mapping[str, Any]) -> tuple[str, str]:
    if len(loc) < 2 or loc[0] != "models" or not isinstance(loc[1], int):
        return "", ".".join(str(part) for part in loc)
    entry = content["models"][loc[1]]
    name = entry.get("name") if isinstance(entry, dict) else None
    called = f"the entry “{name}”" if isinstance(name, str) else f"entry {loc[1] + 1}"
    return f"{called}: ", ".".join(str(part) for part in loc[2:])


def _words(fault: ErrorDetails, field: str) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return f"there is no field “{field}”"
        case "missing":
            return f"the field “{field}” is missing"
        case "string_pattern_mismatch":
            return f"“{field}” cannot be {str(fault['input'])[:80]!r}"
        case "tuple_type":
            return f"“{field}” must be a list in [ ]"
        case "dict_type" | "model_type":
            return f"“{field}” must be a table in {{ }}"
        case "value_error":
            said = fault["msg"].removeprefix("Value error, ")
            return f"{field}: {said}" if field else said
    said = fault["msg"][0].lower() + fault["msg"][1:]
    return f"“{field}”: {said}"


_LARGEST_FILE = 2**20
"""Bytes; thousands of entries."""

_MASK_ORDER = (MaskKind.COMPLEX, MaskKind.RATIO, MaskKind.BINARY)


class _Users(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    models: tuple[ModelEntry, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [entry.name for entry in self.models]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two models share the name “{name}”")
        return self


class _ShippedEntry(ModelEntry):
    """built_in: its files are part of the package."""

    built_in: bool = False

    @model_validator(mode="after")
    def _built_in_is_known_whole(self) -> Self:
        if self.built_in and (self.repository is not None or not self.files):
            raise ValueError("a built-in model has files, and no repository")
        for file in self.files if self.built_in else ():
            if file.address is not None or file.size is None or len(file.sha256 or "") != 64:
                raise ValueError("a built-in file has a size, a whole sha256 and no address")
        return self


class _Shipped(_Users):
    models: tuple[_ShippedEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ranks_are_unique(self) -> Self:
        ranks = [entry.rank for entry in self.models if entry.rank >= 0]
        if len(set(ranks)) != len(ranks):
            raise ValueError("two models share a rank")
        return self
