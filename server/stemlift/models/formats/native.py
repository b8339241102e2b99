"""Stemlift's own file: a checkpoint that has been read from any other format, as one file.

A safetensors file whose metadata hold "format": "stemlift", "version" and "checkpoint":
the fields of a `Checkpoint` but its tensors, as JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open

from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.tensors import InvalidCheckpointError, refusing, stored_in
from stemlift.models.formats.writing import write_safetensors
from stemlift.models.loaded import Seams
from stemlift.models.spec import Network

FORMAT = "stemlift"
VERSION = "1"

_LONGEST_JSON = 1024 * 1024

_Stem = Annotated[str, Field(min_length=1, max_length=64)]


class _Description(BaseModel):
    """A `Checkpoint` without its tensors."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    network: Network
    config: dict[str, Any]
    stems: tuple[_Stem, ...] = Field(default=(), max_length=64)
    complement: _Stem | None = None
    sample_rate: int | None = Field(default=None, gt=0, le=384_000)
    segment: int | None = Field(default=None, gt=0, le=2**26)
    overlap: float | None = Field(default=None, ge=0, lt=1)
    seams: Seams = Seams.TRIANGLE
    normalise: bool = False
    warnings: tuple[str, ...] = Field(default=(), max_length=256)


class _Metadata(BaseModel):
    format: Literal["stemlift"]
    version: Literal["1"]
    checkpoint: str = Field(max_length=_LONGEST_JSON)


def is_native(path: Path) -> bool:
    """Whether `path` says that it is such a file; a damaged one of any format is not.

    Raises:
        FileNotFoundError: there is no such file.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except SafetensorError:
        return False


def write_native(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint`, whole or not at all; numbers keep the precision they are stored in.

    Raises:
        InvalidCheckpointError: a tensor cannot be read, an argument is no plain value, or a
            length is none that a model has.
        OSError: the file cannot be written.
    """
    try:
        description = _describing(checkpoint)
        text = json.dumps(description.model_dump(mode="json"), allow_nan=False)
    except ValidationError as error:
        raise _misfit(error) from error
    except ValueError as error:
        raise InvalidCheckpointError(f"its arguments are no plain values ({error})") from error
    tensors = {name: stored.read() for name, stored in checkpoint.tensors.items()}
    metadata = {"format": FORMAT, "version": VERSION, "checkpoint": text}
    write_safetensors(path, tensors, metadata)


def _describing(checkpoint: Checkpoint) -> _Description:
    return _Description(
        network=checkpoint.network,
        config=dict(checkpoint.config),
        stems=checkpoint.stems,
        complement=checkpoint.complement,
        sample_rate=checkpoint.sample_rate,
        segment=checkpoint.segment,
        overlap=checkpoint.overlap,
        seams=checkpoint.seams,
        normalise=checkpoint.normalise,
        warnings=checkpoint.warnings,
    )


def read_native(path: Path) -> Checkpoint:
    """Read a file that `write_native` wrote; it stays open as long as its tensors are held.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first thing wrong.
        FileNotFoundError: there is no such file.
    """
    with refusing(path):
        # Closed with the last of its tensors: there may be more of them than memory.
        file: Any = safe_open(str(path), framework="pt")
        description = _described(file.metadata() or {})
        return Checkpoint(
            network=description.network,
            config=description.config,
            tensors={name: stored_in(file, name) for name in file.keys()},  # noqa: SIM118
            stems=description.stems,
            complement=description.complement,
            sample_rate=description.sample_rate,
            segment=description.segment,
            overlap=description.overlap,
            seams=description.seams,
            normalise=description.normalise,
            warnings=description.warnings,
        )


def _described(metadata: dict[str, str]) -> _Description:
    try:
        outer = _Metadata.model_validate(metadata)
        return _Description.model_validate_json(outer.checkpoint)
    except ValidationError as error:
        raise _misfit(error) from error


def _misfit(error: ValidationError) -> InvalidCheckpointError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "checkpoint"
    return InvalidCheckpointError(f"its description, “{where}”: {first['msg']}")
