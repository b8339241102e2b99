"""Whether two stems are the same sound."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray


def largest_correlation(stems: Mapping[str, NDArray[np.floating]]) -> float:
    """Largest absolute Pearson correlation between any two stems, 0 to 1.

    All channels of a stem are one series, each with its mean removed. A silent stem
    correlates with nothing; fewer than two stems give 0.

    Args:
        stems: by name, each (frames, channels) of one shape.
    """
    series = []
    for stem in stems.values():
        flat = (stem - stem.mean(axis=0, dtype=np.float64)).ravel()
        norm = float(np.linalg.norm(flat))
        series.append(flat / norm if norm > 0.0 else flat)
    pairs = (abs(float(np.vdot(one, two))) for one, two in combinations(series, 2))
    return max(pairs, default=0.0)
