"""Levels of known signals."""

from __future__ import annotations

import numpy as np
import pytest

from stemlift.audio.formats import readable_formats
from stemlift.audio.levels import SILENCE_DBFS, LevelMeter, dbfs


@pytest.mark.parametrize(
    ("linear", "expected"),
    [(1.0, 0.0), (0.5, -6.0206), (2.0, 6.0206), (0.0, SILENCE_DBFS), (1e-20, SILENCE_DBFS)],
)
def test_dbfs(linear: float, expected: float) -> None:
    assert dbfs(linear) == pytest.approx(expected, abs=1e-4)


def test_a_full_scale_sine() -> None:
    sine = np.sin(2 * np.pi * np.arange(48000) / 48).astype(np.float32)[:, None]
    meter = LevelMeter()
    for start in range(0, 48000, 1001):
        meter.update(sine[start : start + 1001])
    assert meter.peak_dbfs == pytest.approx(0.0, abs=1e-6)
    assert meter.rms_dbfs == pytest.approx(-3.0103, abs=1e-4)


def test_rms_is_over_all_channels_and_the_peak_of_the_loudest() -> None:
    block = np.zeros((1000, 2))
    block[:, 1] = -0.5
    meter = LevelMeter()
    meter.update(block)
    assert meter.peak_dbfs == pytest.approx(-6.0206, abs=1e-4)
    assert meter.rms_dbfs == pytest.approx(-9.0309, abs=1e-4)


def test_silence_and_nothing() -> None:
    meter = LevelMeter()
    assert (meter.peak_dbfs, meter.rms_dbfs) == (SILENCE_DBFS, SILENCE_DBFS)
    meter.update(np.zeros((0, 2)))
    meter.update(np.zeros((100, 2)))
    assert (meter.peak_dbfs, meter.rms_dbfs) == (SILENCE_DBFS, SILENCE_DBFS)


def test_formats_are_named() -> None:
    named = readable_formats()
    assert {"WAV", "RF64", "BW64", "AIFF", "FLAC", "OGG", "MP3", "MP4", "MATROSKA"} <= {*named}
    assert named == sorted(set(named))
