from __future__ import annotations

import numpy as np
import pytest
from measured_sounds import noise

from stemlift.quality.balance import Balance, BalanceMeter

A, B = noise(2, seed=1), noise(2, seed=2)


def balance(mix: np.ndarray, **stems: np.ndarray) -> Balance:
    meter = BalanceMeter()
    for start in range(0, len(mix), 1000):
        part = slice(start, start + 1000)
        meter.update(mix[part], {name: stem[part] for name, stem in stems.items()})
    return meter.result()


def test_unrelated_stems_share_the_energy() -> None:
    found = balance(A + B, a=A, b=B)
    assert found.shares_db["a"] == pytest.approx(-3.01, abs=0.1)
    assert found.sum_db == pytest.approx(0.0, abs=1e-9)
    assert found.excess_db == pytest.approx(0.0, abs=0.1)


def test_halves_of_one_sound_share_it() -> None:
    found = balance(A, a=A / 2, b=A / 2)
    assert found.excess_db == pytest.approx(-3.01, abs=0.01)
    assert found.sum_db == pytest.approx(0.0, abs=1e-9)


def test_stems_that_cancel_are_louder_than_the_mix() -> None:
    found = balance(A, a=A + B, b=-B)
    assert found.excess_db == pytest.approx(10 * np.log10(3), abs=0.1)


def test_what_is_missing_shows_in_the_sum() -> None:
    found = balance(A, a=A / 2)
    assert found.sum_db == pytest.approx(-6.02, abs=0.01)
    assert found.excess_db == pytest.approx(0.0, abs=1e-9)


def test_silence_shares_nothing() -> None:
    assert balance(0 * A, a=0 * A, b=0 * B).excess_db == 0.0
    assert balance(A, a=0 * A).excess_db == 0.0


def test_stems_that_cancel_wholly_are_beyond_any_mix() -> None:
    assert balance(0 * A, a=A, b=-A).excess_db == 300.0
