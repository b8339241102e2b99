from __future__ import annotations

import numpy as np
import pytest

from stemlift.quality.sdr import LIMIT_DB, sdr, si_sdr

RNG = np.random.default_rng(3)
VOICE = RNG.normal(size=(5000, 2))
# Noise without any part of the voice in it, of a tenth of its energy.
NOISE = RNG.normal(size=(5000, 2))
NOISE -= VOICE * (np.vdot(VOICE, NOISE) / np.vdot(VOICE, VOICE))
NOISE *= np.sqrt(0.1 * np.vdot(VOICE, VOICE) / np.vdot(NOISE, NOISE))


def test_noise_of_a_tenth_of_the_energy_is_10_db() -> None:
    assert sdr(VOICE, VOICE + NOISE) == pytest.approx(10.0, abs=1e-9)
    assert si_sdr(VOICE, VOICE + NOISE) == pytest.approx(10.0, abs=1e-9)


def test_a_wrong_level_counts_only_in_plain_sdr() -> None:
    assert sdr(VOICE, 0.5 * VOICE) == pytest.approx(20 * np.log10(2), abs=1e-9)
    assert sdr(VOICE, VOICE / 4) == pytest.approx(-20 * np.log10(0.75), abs=1e-9)
    assert si_sdr(VOICE, 0.5 * (VOICE + NOISE)) == pytest.approx(10.0, abs=1e-9)


def test_the_ends_of_the_scale() -> None:
    silence = np.zeros_like(VOICE)
    assert sdr(VOICE, VOICE) == LIMIT_DB
    assert sdr(VOICE, silence) == pytest.approx(0.0)
    assert sdr(silence, VOICE) == -LIMIT_DB
    assert si_sdr(silence, VOICE) == -LIMIT_DB
    assert si_sdr(VOICE, silence) == LIMIT_DB or si_sdr(VOICE, silence) == -LIMIT_DB


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="5000"):
        sdr(VOICE, VOICE[:-1])
