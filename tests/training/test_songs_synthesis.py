"""Instruments of our own: they sound, at the right pitch, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stemlift.training.songs import grooves
from stemlift.training.songs.score import Tone
from stemlift.training.songs.synthesis import basses, effects
from stemlift.training.songs.synthesis.instruments import players
from stemlift.training.songs.synthesis.waves import RATE

BASSES = (*basses.STRINGS, *basses.SYNTHS)
PITCHED = (
    "e-piano",
    "lead",
    "pad",
    "organ",
    "clean guitar",
    "acoustic strings",
    "supersaw",
    "brass",
)


def _tones(name: str) -> list[Tone]:
    if name.endswith("kit"):
        keys = (
            grooves.KICK,
            grooves.CLOSED,
            grooves.SNARE,
            grooves.OPEN,
            grooves.CRASH,
            47,
            54,
            63,
        )
        return [Tone(0.125 * index, 0.1, keys[index % 8], 0.8) for index in range(16)]
    if name in effects.KINDS:
        return [Tone(0.2, 1.5, 60, 0.9)]
    if name in BASSES:
        return [Tone(0.25 * index, 0.24, (28, 33, 31, 40)[index % 4], 0.8) for index in range(8)]
    return [Tone(0.5 * index, 0.45, key, 0.8) for index in range(4) for key in (57, 60, 64)]


def _play(name: str, tones: list[Tone], seconds: float, seed: int) -> NDArray[np.float32]:
    return players()[name](tones, seconds, np.random.default_rng(seed))


def _share_below(sound: NDArray[np.float32], hertz: float) -> float:
    power = np.abs(np.fft.rfft(sound, axis=0)) ** 2
    bins = np.fft.rfftfreq(len(sound), 1.0 / RATE)
    return float(power[bins < hertz].sum() / power.sum())


@pytest.mark.parametrize("name", sorted(players()))
def test_every_instrument_sounds_the_same_twice(name: str) -> None:
    first, second = (_play(name, _tones(name), 2.0, 7) for _ in range(2))
    assert first.dtype == np.float32
    assert first.shape in ((2 * RATE, 1), (2 * RATE, 2))
    assert np.all(np.isfinite(first))
    assert 1e-3 < np.sqrt(np.mean(first**2)) < 4.0
    assert abs(np.mean(first)) < 0.02
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", BASSES)
def test_basses_are_low(name: str) -> None:
    shares = [_share_below(_play(name, _tones(name), 2.0, seed), 250.0) for seed in range(4)]
    assert min(shares) > 0.5


@pytest.mark.parametrize("name", PITCHED)
def test_a_is_440_hertz(name: str) -> None:
    sound = _play(name, [Tone(0.0, 1.9, 69, 0.8)], 2.0, 3).mean(axis=1)
    # The period: the first strong maximum of the autocorrelation, an octave or so about A4.
    power = np.abs(np.fft.rfft(sound, 2 * len(sound))) ** 2
    alike = np.fft.irfft(power)[: RATE // 300]
    period = 70 + int(np.argmax(alike[70:]))
    assert RATE / period == pytest.approx(440.0, rel=0.02)


def test_a_slide_starts_elsewhere_and_arrives() -> None:
    sound = _play("sub", [Tone(0.0, 1.5, 45, 0.8, slide=12.0)], 1.6, 0)[:, 0]

    def hertz(part: NDArray[np.float32]) -> float:
        return float(np.sum((part[:-1] < 0) & (part[1:] >= 0)) * RATE / len(part))

    assert hertz(sound[RATE : RATE + RATE // 4]) == pytest.approx(110.0, abs=5.0)
    assert hertz(sound[: RATE // 10]) > 150.0


def test_other_seeds_give_other_sounds() -> None:
    for name in ("lead", "acoustic kit", "metal guitar", "808"):
        first, second = (_play(name, _tones(name), 2.0, seed)[:, 0] for seed in (1, 2))
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.97


def test_a_distorted_guitar_has_highs_that_the_clean_one_lacks() -> None:
    tones = [Tone(0.0, 1.5, key, 0.9) for key in (40, 47, 52)]
    clean, metal = (_play(name, tones, 1.6, 4) for name in ("clean guitar", "metal guitar"))
    assert 1.0 - _share_below(metal, 1000.0) > 2.0 * (1.0 - _share_below(clean, 1000.0))


def test_a_muted_string_is_short() -> None:
    def late(muted: bool) -> float:
        sound = _play("metal guitar", [Tone(0.0, 1.0, 40, 0.9, muted=muted)], 1.2, 4)
        return float(np.mean(sound[RATE // 2 : RATE] ** 2) / np.mean(sound[: RATE // 10] ** 2))

    assert late(True) < 0.05 * late(False)
