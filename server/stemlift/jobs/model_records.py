"""What is asked about models, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stemlift.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A model as a user sees it.

    installed_bytes: what its files take on disk; of an ensemble, its parts that are here.
    """

    spec: ModelSpec
    installed: bool
    loaded: bool
    auto_choice: bool
    installed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A user's own checkpoint, and what is to be known of it.

    path, config: absolute; config is None where none was named.
    name: may be empty where `inspect_only` is set.
    title, licence: empty where not given. commercial_use: None where not stated.
    """

    path: Path
    config: Path | None = None
    name: str = ""
    title: str = ""
    licence: str = ""
    commercial_use: bool | None = None
    inspect_only: bool = False


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was found in a checkpoint.

    format: in words. network: see `spec.Network`.
    segment: in samples at `sample_rate`; 0 where the network takes any length.
    parameters: how many numbers the network has learnt. size: of its files in bytes.
    warnings: what a person should know before using it.
    """

    format: str
    network: str
    stems: tuple[str, ...]
    sample_rate: int
    segment: int
    parameters: int
    size: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """state: "ok", "missing", "damaged" or "unchecked". problem: a sentence, or empty."""

    model: str
    path: Path
    state: str
    problem: str = ""
