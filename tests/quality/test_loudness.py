from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from measured_sounds import noise

from stemlift.quality.loudness import LoudnessMeter, loudness


def sine(frequency: float, seconds: float, rate: int, peak: float = 1.0) -> np.ndarray:
    return peak * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_a_sine_of_full_scale_on_one_side_reads_as_the_recommendation_says(rate: int) -> None:
    # BS.1770-4: 997 Hz at 0 dBFS on one channel is −3.01 LKFS.
    left = sine(997, 3, rate)
    found = loudness(np.stack((left, 0 * left), axis=1), rate)
    assert found.integrated_lufs == pytest.approx(-3.01, abs=0.02)


def test_a_sine_of_tech_3341_reads_its_level() -> None:
    # EBU Tech 3341, case 1: 1 kHz at −23 dBFS on both channels is −23.0 LUFS.
    one = sine(1000, 5, 48000, 10 ** (-23 / 20))
    found = loudness(np.stack((one, one), axis=1), 48000)
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_the_gate_leaves_quiet_passages_out() -> None:
    # EBU Tech 3341, case 3, shortened: what is 13 LU quieter does not count.
    levels = [(-36, 2), (-23, 6), (-36, 2)]
    one = np.concatenate([sine(1000, s, 48000, 10 ** (db / 20)) for db, s in levels])
    found = loudness(np.stack((one, one), axis=1), 48000)
    # Blocks across the step count; without the gate it would be −25.1.
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.25)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_it_agrees_with_the_meter_that_takes_the_song_at_once(rate: int, channels: int) -> None:
    swell = noise(6, channels, seed=3, rate=rate) * np.linspace(0.01, 1, 6 * rate)[:, None]
    meter = LoudnessMeter(rate, channels)
    for block in np.array_split(swell, 7):
        meter.update(block)
    expected = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(swell)
    assert meter.result().integrated_lufs == pytest.approx(expected, abs=0.01)


def test_silence_and_moments_have_no_loudness() -> None:
    assert loudness(np.zeros((48000, 2)), 48000).integrated_lufs is None
    assert loudness(np.zeros((48000, 2)), 48000).true_peak_dbtp == -300.0
    assert loudness(noise(0.3, rate=48000), 48000).integrated_lufs is None


def test_true_peaks_lie_between_samples() -> None:
    # A quarter of the rate, sampled at ±45°: samples reach −3.01 dB of what is there.
    rate = 48000
    wave = np.sin(2 * np.pi * 0.25 * np.arange(9600) + np.pi / 4)
    meter = LoudnessMeter(rate, 1)
    for block in np.array_split(wave[:, None], 5):
        meter.update(block)
    fade = np.hanning(9600) ** 0.1
    assert np.abs(wave).max() == pytest.approx(0.7071, abs=1e-3)
    assert meter.result().true_peak_dbtp == pytest.approx(0.0, abs=0.3)
    assert loudness((wave * fade)[:, None], rate).true_peak_dbtp == pytest.approx(0.0, abs=0.3)
