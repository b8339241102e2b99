"""Stems add up to the mix, whatever is done to the mix."""

from __future__ import annotations

import numpy as np
import pytest

from stemlift.training.songs import dynamics, mixing, wear
from stemlift.training.songs.mixing import STEMS, Layer

RATE = 44_100
SAMPLES = 3 * RATE


def _layers() -> list[Layer]:
    rng = np.random.default_rng(5)
    time = np.arange(SAMPLES) / RATE
    beat = np.exp(-8.0 * (time % 0.5))
    return [
        Layer("drums", (rng.standard_normal(SAMPLES) * beat * 0.2).astype(np.float32)),
        Layer("bass", (0.3 * np.sin(2 * np.pi * 55 * time)).astype(np.float32)),
        Layer("other", (0.2 * np.sign(np.sin(2 * np.pi * 220 * time))).astype(np.float32)),
        Layer("vocals", (0.2 * np.sin(2 * np.pi * 440 * time) * (time > 1)).astype(np.float32)),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_mixes_are_loud_as_told_and_never_clip(seed: int) -> None:
    mixed = mixing.mix(_layers(), SAMPLES, np.random.default_rng(seed))
    assert mixed.stems.shape == (len(STEMS), 2, SAMPLES)
    assert np.isfinite(mixed.stems).all()
    assert np.abs(mixed.stems).max() < 1.0
    assert np.abs(mixed.stems.sum(axis=0)).max() < 1.0
    assert -26.0 < float(str(mixed.done["loudness"])) < -6.0
    again = mixing.mix(_layers(), SAMPLES, np.random.default_rng(seed))
    assert np.array_equal(mixed.stems, again.stems)


def test_a_missing_stem_stays_silent() -> None:
    mixed = mixing.mix(_layers()[:2], SAMPLES, np.random.default_rng(1))
    assert not mixed.stems[2:].any()
    assert mixed.stems[0].any()


def test_coded_stems_add_up_to_the_coded_mix() -> None:
    rng = np.random.default_rng(2)
    stems = (0.1 * rng.standard_normal((4, 2, RATE))).astype(np.float32)
    out = wear.coded(stems, np.random.default_rng(3))
    power = np.abs(np.fft.rfft(out.sum(axis=0)[0])) ** 2
    assert power[20_500:].sum() < 1e-4 * power.sum()
    error = out.sum(axis=0) - stems.sum(axis=0)
    assert 0.001 < np.mean(error**2) / np.mean(stems.sum(axis=0) ** 2) < 0.5
    # The same coefficients of the mix, so the same gains: a stem alone is coded like a share.
    halves = np.stack([stems[0], stems[0]])
    both = wear.coded(halves, np.random.default_rng(3))
    assert np.allclose(both[0], both[1])


def test_the_transform_of_the_coder_comes_back() -> None:
    signal = np.random.default_rng(1).standard_normal((2, 10_000)).astype(np.float32)
    assert np.abs(wear._back(wear._mdct(signal), 10_000) - signal).max() < 1e-5


def test_loudness_is_that_of_the_standard() -> None:
    time = np.arange(SAMPLES) / RATE
    sine = (0.1 * np.sin(2 * np.pi * 997 * time)).astype(np.float32)
    assert dynamics.loudness(np.stack([sine, sine])) == pytest.approx(-20.0, abs=0.05)
    assert dynamics.loudness(np.zeros((2, SAMPLES), dtype=np.float32)) == -120.0


def test_the_limiter_holds_its_ceiling_and_leaves_quiet_sound_alone() -> None:
    loud = np.concatenate([np.full((2, 9000), 0.2), np.full((2, 9000), 0.9)], axis=1)
    loud = loud.astype(np.float32)
    limited = loud * dynamics.limiting(loud, 0.5)
    assert np.abs(limited).max() <= 0.505
    assert np.allclose(limited[:, :4000], 0.2)
