from __future__ import annotations

import numpy as np
import pytest
from measured_sounds import common_of, gate, noise

from stemlift.quality.phase import DELAY, HIGH, LOW, ripple

A = gate(noise(12, seed=1), 2.0, 1.2)
B = gate(noise(12, seed=2), 3.0, 1.5)


def comb(share: float) -> float:
    """Ripple in dB of x·(1 − share) + share·x late, every octave counting alike, smoothed."""
    step = 0.5
    frequencies = np.arange(LOW - 100, HIGH + 100, step)
    turn = np.exp(-2j * np.pi * frequencies * DELAY)
    power = np.square(np.abs(1 - share + share * turn))
    box = np.ones(round(100 / step)) * step / 100
    inside = (frequencies >= LOW) & (frequencies <= HIGH)
    levels = 10 * np.log10(np.convolve(power, box, "same")[inside])
    weights = 1 / frequencies[inside]
    weights /= weights.sum()
    mean = weights @ levels
    return float(np.sqrt(weights @ np.square(levels - mean)))


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_parts_of_one_sound_comb_when_one_is_late(share: float) -> None:
    found = ripple(common_of([(1 - share) * A, share * A]))
    assert found.plain_db == 0.0
    assert found.shifted_db["B"] == pytest.approx(comb(share), rel=0.1, abs=0.02)


def test_half_and_half_is_what_the_page_says() -> None:
    assert comb(0.5) == pytest.approx(5.6, abs=0.15)


def test_stems_with_nothing_in_common_can_be_moved() -> None:
    found = ripple(common_of([A, B]))
    assert max(found.shifted_db.values()) < 0.15


def test_bleed_colours_less_the_less_there_is() -> None:
    found = [ripple(common_of([A, B + g * A])).shifted_db["A"] for g in (0.0, 0.1, 0.3)]
    assert found[0] < found[1] < found[2]
    assert found[1] == pytest.approx(0.3, abs=0.1)


def test_a_stem_that_is_missing_shows_in_the_sum_as_it_is() -> None:
    common = common_of([A])
    spectrum = common_of([A + B]).powers["A"].sum(axis=0)
    assert ripple(common, spectrum).plain_db < 0.5
    # A steep filter on what is there.
    high = np.fft.rfft(A, axis=0)
    high[: len(high) // 4] *= 0.1
    filtered = np.fft.irfft(high, n=len(A), axis=0)
    whole = common_of([A]).powers["A"].sum(axis=0)
    assert ripple(common_of([filtered]), whole).plain_db > 5


def test_what_is_missing_is_no_matter_of_phase() -> None:
    spectrum = common_of([A + B]).powers["A"].sum(axis=0)
    high = np.fft.rfft(A, axis=0)
    high[: len(high) // 4] *= 0.1
    alone = common_of([np.fft.irfft(high, n=len(A), axis=0)])
    found = ripple(alone, spectrum)
    assert found.plain_db > 3
    assert found.shifted_db["A"] == 0.0


def test_silence_has_no_ripple() -> None:
    assert ripple(common_of([0 * A, 0 * A])).plain_db == 0.0
