"""What is known of a model before its weights are loaded. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MaskKind(StrEnum):
    """How a spectrogram model applies its estimates to the mix."""

    BINARY = "binary"
    RATIO = "ratio"
    COMPLEX = "complex"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A catalogue entry.

    network: which loader builds it: "spectral" or "demucs".
    stems: in the order the model gives them.
    sample_rate: in Hz.
    masks: kinds it offers, its default first; empty for waveform models.
    rank: `auto` takes the highest among the installed.
    repository, bag: hub repository and the bag's YAML in it; None without weights.
    download_bytes: approximate size of the weights, 0 without.
    commercial_use: None where the publisher does not say.
    """

    name: str
    title: str
    network: str
    stems: tuple[str, ...]
    sample_rate: int
    masks: tuple[MaskKind, ...]
    rank: int
    licence: str
    commercial_use: bool | None
    repository: str | None = None
    bag: str | None = None
    download_bytes: int = 0
