"""The Demucs networks, from the `demucs` package, by the names in published checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from torch import nn


def _htdemucs() -> type[nn.Module]:
    from demucs.htdemucs import HTDemucs

    return HTDemucs  # type: ignore[no-any-return]


def _hdemucs() -> type[nn.Module]:
    from demucs.hdemucs import HDemucs

    return HDemucs  # type: ignore[no-any-return]


def _demucs() -> type[nn.Module]:
    from demucs.demucs import Demucs

    return Demucs  # type: ignore[no-any-return]


CLASSES: dict[str, Callable[[], type[nn.Module]]] = {
    "demucs.htdemucs.HTDemucs": _htdemucs,
    "demucs.hdemucs.HDemucs": _hdemucs,
    "demucs.demucs.Demucs": _demucs,
}
"""The only classes a checkpoint may name; each value imports its class when called."""


def is_hybrid_transformer(network: nn.Module) -> bool:
    """Whether `network` is an HTDemucs, whose segment is a hard limit."""
    return isinstance(network, _htdemucs())


def segment_seconds(network: nn.Module, wanted: float | None) -> float | Fraction | None:
    """Length of an input in seconds, where a bag may ask for another than the network's own.

    The transformer takes no more than it was trained on: `demucs.apply.BagOfModels`.

    Returns:
        None for a network whose own is no positive number.
    """
    own = getattr(network, "segment", None)
    if isinstance(own, bool) or not isinstance(own, int | float | Fraction) or not own > 0:
        return None
    if wanted is None or (is_hybrid_transformer(network) and wanted > own):
        return own
    return wanted
