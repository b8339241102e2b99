"""The YAML file that lists the networks of a Demucs model. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.content import require_file
from stemlift.models.formats.nesting import require_shallow

LONGEST_SEGMENT = 300.0
"""Seconds. Far above any published model; a hostile file must not ask for all memory."""

_LONGEST_FILE = 64 * 1024

_Signature = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$")]
_Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Bag(BaseModel):
    """models: signatures, which name `<signature>.safetensors` beside the YAML.

    weights: one row per model, one column per stem; None means all ones.
    segment: seconds; replaces the networks' own.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    models: list[_Signature] = Field(min_length=1, max_length=32)
    weights: list[Annotated[list[_Weight], Field(max_length=64)]] | None = Field(
        default=None, max_length=32
    )
    segment: float | None = Field(default=None, gt=0, le=LONGEST_SEGMENT)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(f"{signature}.safetensors" for signature in self.models)


def read_bag(path: Path) -> Bag:
    """Read and check a bag.

    Raises:
        StemliftError: CHECKPOINT_INVALID, naming the file and the first wrong field.
        FileNotFoundError: there is no such file.
    """
    try:
        return Bag.model_validate(_load(path))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _invalid(path, f"{field}: {first['msg']}") from error
    # Beside YAMLError: ValueError for dates and digits that are none, RecursionError for depth.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid(
            path, f"it is not YAML ({(str(error).splitlines() or ['too deep'])[0]})"
        ) from error


def _load(path: Path) -> Any:
    require_file(path)
    with path.open("rb") as file:
        text = file.read(_LONGEST_FILE + 1)
    if len(text) > _LONGEST_FILE:
        raise ValueError(f"longer than {_LONGEST_FILE} bytes")
    require_shallow(text)
    # A few aliases of aliases stand for more than any memory holds.
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
        raise ValueError("it uses aliases")
    return yaml.safe_load(text)


def write_bag(bag: Bag, path: Path) -> None:
    """Write `bag` as `read_bag` reads it.

    Raises:
        OSError: the file cannot be written.
    """
    values = bag.model_dump(exclude_none=True)
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def stem_weights(bag: Bag, stems: tuple[str, ...], path: Path) -> tuple[tuple[float, ...], ...]:
    """One row per network: the share of each stem in the mean.

    Raises:
        StemliftError: CHECKPOINT_INVALID, for a matrix of another shape or a stem
            that no network gives.
    """
    if bag.weights is None:
        return tuple((1.0,) * len(stems) for _ in bag.models)
    rows = tuple(tuple(row) for row in bag.weights)
    if len(rows) != len(bag.models) or any(len(row) != len(stems) for row in rows):
        shape = f"{len(bag.models)} rows of {len(stems)}"
        raise _invalid(path, f"weights must be {shape}, one row a model, one column a stem")
    for column, stem in enumerate(stems):
        if not sum(row[column] for row in rows) > 0:
            raise _invalid(path, f"weights: no model gives “{stem}”")
    return rows


def _invalid(path: Path, what: str) -> StemliftError:
    return StemliftError(
        Reason.CHECKPOINT_INVALID,
        f"The model description {path} cannot be used: {what}.",
        "Delete the file and run the job again, so that it is fetched anew.",
    )
