"""How far stems sum to their mix."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

FLOOR_DB = -300.0
"""What an exact null is reported as."""


def null_dbfs(mix: NDArray[np.floating], stems: Iterable[NDArray[np.floating]]) -> float:
    """Peak of (mix − Σ stems) in dB relative to max(1, peak of the mix).

    Relative to the peak above full scale, since float32 cannot resolve −120 dBFS there.
    Sums in float64.

    Args:
        mix: (frames, channels), 1.0 is full scale.
        stems: each of the shape of mix; taken one at a time.

    Returns:
        dB; FLOOR_DB for an exact null or an empty mix.

    Raises:
        ValueError: the shape of a stem differs.
    """
    residual = mix.astype(np.float64)
    peak = float(np.abs(residual).max(initial=0.0))
    for stem in stems:
        if stem.shape != mix.shape:
            raise ValueError(f"the mix is {mix.shape}, a stem {stem.shape}")
        residual -= stem
    left = float(np.abs(residual).max(initial=0.0))
    if left == 0.0:
        return FLOOR_DB
    return max(FLOOR_DB, 20.0 * math.log10(left / max(1.0, peak)))
