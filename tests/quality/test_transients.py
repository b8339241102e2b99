from __future__ import annotations

import numpy as np
import pytest

from stemlift.quality.transients import Smear, TransientMeter

RATE = 44100


def hits(seconds: float = 6.0, before_ms: float = 0.0, level: float = 1.0) -> np.ndarray:
    """Bursts of 15 ms, every 300 ms; so much earlier."""
    rng = np.random.default_rng(1)
    out = np.zeros((round(seconds * RATE), 2))
    burst = 0.3 * rng.standard_normal((round(0.015 * RATE), 2))
    for hit in np.arange(0.2, seconds - 0.1, 0.3):
        at = round((hit - before_ms / 1000) * RATE)
        out[at : at + len(burst)] += level * burst
    return out


def hiss(level: float, seconds: float = 6.0) -> np.ndarray:
    return level * np.random.default_rng(2).standard_normal((round(seconds * RATE), 2))


def smear(mix: np.ndarray, stem: np.ndarray, block: int = 20_000) -> Smear | None:
    meter = TransientMeter(("stem",), RATE)
    for start in range(0, len(mix), block):
        meter.update(mix[start : start + block], {"stem": stem[start : start + block]})
    return meter.result()["stem"]


def test_a_stem_as_sharp_as_the_mix_lost_nothing() -> None:
    mix = hits() + hiss(0.003)
    found = smear(mix, mix)
    assert found is not None
    assert found.loss_db == 0.0
    assert found.attacks == 19


def test_a_clean_stem_is_sharper() -> None:
    found = smear(hits() + hiss(0.03), hits() + hiss(0.003))
    assert found is not None
    assert found.loss_db == pytest.approx(-20.0, abs=1.0)


@pytest.mark.parametrize("level", [0.1, 0.2, 0.4])
def test_an_echo_before_the_attack_is_what_is_lost(level: float) -> None:
    """Bursts 15 ms early fill three quarters of the 20 ms before, as loud as they are."""
    floor = 0.003
    found = smear(hits() + hiss(floor), hits() + hits(before_ms=15, level=level) + hiss(floor))
    assert found is not None
    # The difference of white noise doubles both alike.
    clean = 10 * np.log10(0.09 / floor**2 + 1)
    smeared = 10 * np.log10((0.09 + floor**2) / (0.75 * 0.09 * level**2 + floor**2))
    assert found.loss_db == pytest.approx(clean - smeared, abs=1.0)


def test_a_stem_without_the_attacks_has_no_figure() -> None:
    assert smear(hits() + hiss(0.003), hiss(0.003)) is None
    assert smear(hiss(0.1), hiss(0.1)) is None


def test_blocks_do_not_matter() -> None:
    mix = hits() + hiss(0.003)
    stem = hits() + hits(before_ms=10, level=0.2)
    found = {smear(mix, stem, block) for block in (997, 50_000, 10**6)}
    assert {each.attacks for each in found if each} == {19}
    losses = [each.loss_db for each in found if each]
    assert max(losses) - min(losses) < 0.01
