from __future__ import annotations

import numpy as np
import pytest

from stemlift.quality.null import FLOOR_DB, null_dbfs

MIX = np.random.default_rng(4).uniform(-0.9, 0.9, (1000, 2))


def test_an_exact_null_is_the_floor() -> None:
    assert null_dbfs(MIX, [MIX / 4] * 4) == FLOOR_DB
    assert null_dbfs(np.zeros((0, 2)), []) == FLOOR_DB


@pytest.mark.parametrize(("error", "level"), [(1e-6, -120.0), (0.1, -20.0), (1.0, 0.0)])
def test_the_largest_error_counts(error: float, level: float) -> None:
    stem = MIX.copy()
    stem[17, 1] += error
    assert null_dbfs(MIX, [stem]) == pytest.approx(level, abs=1e-6)


def test_above_full_scale_it_is_relative_to_the_peak() -> None:
    loud = np.array([[16.0], [0.0]])
    assert null_dbfs(loud, [loud - 16e-6]) == pytest.approx(-120.0, abs=1e-6)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="stem"):
        null_dbfs(MIX, [MIX[:, :1]])
