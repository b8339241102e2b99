from __future__ import annotations

import numpy as np
import pytest

from stemlift.quality.mono import FLOOR_DB, mono_change_db

SINE = np.sin(2 * np.pi * 10 * np.arange(1000) / 1000)
COSINE = np.cos(2 * np.pi * 10 * np.arange(1000) / 1000)


@pytest.mark.parametrize(
    ("left", "right", "change"),
    [
        (SINE, SINE, 0.0),
        (SINE, COSINE, -3.0103),
        (SINE, 0 * SINE, -3.0103),
        (SINE, -SINE, FLOOR_DB),
        (0 * SINE, 0 * SINE, 0.0),
    ],
)
def test_level_of_the_mono_sum(left: np.ndarray, right: np.ndarray, change: float) -> None:
    audio = np.stack((left, right), axis=1)
    assert mono_change_db(audio) == pytest.approx(change, abs=1e-3)


def test_mono_does_not_change() -> None:
    assert mono_change_db(SINE[:, None]) == 0.0


def test_more_than_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="two channels"):
        mono_change_db(np.zeros((10, 6)))
