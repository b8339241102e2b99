from __future__ import annotations

import numpy as np
import pytest

from stemlift.quality.correlation import largest_correlation

TIME = np.arange(4800)[:, None] / 4800
SINE = np.sin(2 * np.pi * 20 * TIME)
COSINE = np.cos(2 * np.pi * 20 * TIME)


def test_orthogonal_stems_do_not_correlate() -> None:
    assert largest_correlation({"a": SINE, "b": COSINE}) == pytest.approx(0.0, abs=1e-12)


def test_the_angle_between_two_sines_is_their_correlation() -> None:
    tilted = np.cos(0.3) * SINE + np.sin(0.3) * COSINE + 0.25
    assert largest_correlation({"a": SINE, "b": COSINE, "c": -3 * tilted}) == pytest.approx(
        np.cos(0.3), abs=1e-12
    )


def test_silence_and_single_stems_correlate_with_nothing() -> None:
    assert largest_correlation({"a": SINE, "b": np.zeros_like(SINE)}) == 0.0
    assert largest_correlation({"a": SINE}) == 0.0
