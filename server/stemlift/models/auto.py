"""What `auto` means: the best model whose weights are already here. Never downloads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stemlift.models.catalogue import Catalogue
from stemlift.models.spec import ModelSpec

LIGHT_DOWNLOAD = 100_000_000
"""Bytes. A first suggestion should be one that a user agrees to readily."""


@dataclass(frozen=True, slots=True)
class AutoChoice:
    """advice: one line on what a better model would need; "" when the best is in use."""

    spec: ModelSpec
    advice: str


def choose_auto(catalogue: Catalogue, installed: Callable[[ModelSpec], bool]) -> AutoChoice:
    """The highest-ranked model that needs no download.

    A built-in model counts as here even where its file is gone: that is told when it is
    used, for a worse one in its place would go unnoticed.

    Raises:
        ValueError: `catalogue` holds no model that is installed.
    """
    here = [spec for spec in catalogue.models if spec.built_in or installed(spec)]
    if not here:
        raise ValueError("no model of the catalogue is installed")
    chosen = max(here, key=lambda spec: spec.rank)
    better = [spec for spec in catalogue.models if spec.rank > chosen.rank]
    light = [spec for spec in better if 0 < spec.download_bytes <= LIGHT_DOWNLOAD]
    suggested = max(light or better, key=lambda spec: spec.rank, default=None)
    return AutoChoice(chosen, "" if suggested is None else _advise(suggested))


def _advise(spec: ModelSpec) -> str:
    size = f", {spec.download_bytes / 1e6:.0f} MB" if spec.download_bytes else ""
    return (
        f"{spec.name} separates better: `stemlift separate --model {spec.name} SONG` "
        f"downloads its weights once{size} (their licence: `stemlift models info {spec.name}`)."
    )
