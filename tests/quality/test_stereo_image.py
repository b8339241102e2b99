from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemlift.quality.mono import FLOOR_DB, Stereo, StereoMeter

SINE = np.sin(2 * np.pi * 10 * np.arange(1000) / 1000)
COSINE = np.cos(2 * np.pi * 10 * np.arange(1000) / 1000)


def measured(left: np.ndarray, right: np.ndarray, cuts: tuple[int, ...] = ()) -> Stereo:
    meter = StereoMeter()
    for block in np.split(np.stack((left, right), axis=1), cuts):
        meter.update(block)
    return meter.result()


@pytest.mark.parametrize(
    ("left", "right", "correlation", "side_mid"),
    [
        (SINE, SINE, 1.0, FLOOR_DB),
        (SINE, COSINE, 0.0, 0.0),
        (SINE, -SINE, -1.0, -FLOOR_DB),
        (SINE, 0.5 * SINE, 1.0, 20 * np.log10(0.25 / 0.75)),
        (SINE, 0 * SINE, 0.0, 0.0),
        (0 * SINE, 0 * SINE, 1.0, FLOOR_DB),
    ],
)
def test_correlation_and_width(
    left: np.ndarray, right: np.ndarray, correlation: float, side_mid: float
) -> None:
    found = measured(left, right)
    assert found.correlation == pytest.approx(correlation, abs=1e-9)
    assert found.side_mid_db == pytest.approx(side_mid, abs=1e-6)


@given(st.lists(st.integers(1, 999), max_size=4))
def test_blocks_do_not_matter(cuts: list[int]) -> None:
    once = measured(SINE, 0.3 * COSINE + 0.1 * SINE)
    again = measured(SINE, 0.3 * COSINE + 0.1 * SINE, tuple(sorted(cuts)))
    assert again.correlation == pytest.approx(once.correlation)
    assert again.side_mid_db == pytest.approx(once.side_mid_db)
    assert again.mono_change_db == pytest.approx(once.mono_change_db)
