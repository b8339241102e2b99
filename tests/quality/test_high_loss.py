from __future__ import annotations

import numpy as np
import pytest
from measured_sounds import noise

from stemlift.quality.highs import cutoff_hz, high_loss_db

RATE = 44100
WHITE = noise(4, 1, seed=1, rate=RATE)[:, 0]


def spectrum(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean power of windows of 2048, and the frequencies."""
    windows = sound[: len(sound) // 2048 * 2048].reshape(-1, 2048) * np.hanning(2048)
    power = np.square(np.abs(np.fft.rfft(windows, axis=1))).sum(axis=0)
    return power, np.arange(1025) * (RATE / 2048)


def low_passed(sound: np.ndarray, edge: float, gain: float = 0.0) -> np.ndarray:
    bins = np.fft.rfft(sound)
    bins[np.fft.rfftfreq(len(sound), 1 / RATE) > edge] *= gain
    return np.fft.irfft(bins, n=len(sound))


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.1])
def test_the_loss_is_what_was_taken(gain: float) -> None:
    mix, frequencies = spectrum(WHITE)
    found, _ = spectrum(low_passed(WHITE, 15_000, gain))
    assert high_loss_db(found, mix, frequencies) == pytest.approx(20 * np.log10(gain), abs=0.05)


def test_a_mix_without_highs_has_none_to_lose() -> None:
    mix, frequencies = spectrum(low_passed(WHITE, 15_000))
    assert high_loss_db(mix, mix, frequencies) is None


@pytest.mark.parametrize("edge", [7_000, 11_025, 16_000, 19_000])
def test_a_cut_off_is_found_where_it_is(edge: float) -> None:
    mix, frequencies = spectrum(WHITE)
    found, _ = spectrum(low_passed(WHITE, edge))
    assert cutoff_hz(found, frequencies) == pytest.approx(edge, abs=300)
    assert cutoff_hz(found, frequencies, mix) == pytest.approx(edge, abs=300)


def test_what_is_whole_or_fades_out_by_itself_is_not_cut() -> None:
    mix, frequencies = spectrum(WHITE)
    assert cutoff_hz(mix, frequencies) is None
    assert cutoff_hz(mix, frequencies, mix) is None
    falling = mix / np.maximum(frequencies / 200, 1) ** 4
    assert cutoff_hz(falling, frequencies) is None
    assert cutoff_hz(falling, frequencies, mix) is None


def test_a_stem_does_not_answer_for_the_cut_off_of_its_mix() -> None:
    mix, frequencies = spectrum(low_passed(WHITE, 16_000))
    assert cutoff_hz(0.3 * mix, frequencies, mix) is None


def test_silence_is_not_cut() -> None:
    mix, frequencies = spectrum(WHITE)
    assert cutoff_hz(0 * mix, frequencies, mix) is None
    assert cutoff_hz(0 * mix, frequencies) is None
