from __future__ import annotations

import numpy as np
import pytest
from measured_sounds import RATE, common_of, gate, noise

from stemlift.quality.bleed import FLOOR_DB, Leak, leaks

SECONDS = 12
A = gate(noise(SECONDS, seed=1), 2.0, 1.2)
B = gate(noise(SECONDS, seed=2), 3.0, 1.5)


def leak(stems: list[np.ndarray], source: str, into: str) -> Leak:
    found = {(each.source, each.into): each for each in leaks(common_of(stems))}
    return found[source, into]


@pytest.mark.parametrize("level", [-10.0, -20.0, -30.0, -40.0])
def test_a_leak_reads_as_loud_as_it_is_and_in_its_direction_only(level: float) -> None:
    stems = [A, B + 10 ** (level / 20) * A]
    there, back = leak(stems, "A", "B"), leak(stems, "B", "A")
    assert there.level_db == pytest.approx(level, abs=0.3)
    assert there.activity_db == pytest.approx(level, abs=0.3)
    assert back.level_db == FLOOR_DB
    assert back.in_stem_db == FLOOR_DB


def test_clean_stems_hold_nothing_of_each_other() -> None:
    assert all(each.level_db == FLOOR_DB for each in leaks(common_of([A, B])))


def test_how_loud_a_leak_is_in_its_stem_depends_on_that_stem() -> None:
    quiet = leak([A, 0.1 * B + 0.1 * A], "A", "B")
    assert quiet.level_db == pytest.approx(-20.0, abs=0.3)
    held = 10 * np.log10(np.sum(np.square(0.1 * A)) / np.sum(np.square(0.1 * B + 0.1 * A)))
    assert quiet.in_stem_db == pytest.approx(held, abs=0.3)


@pytest.mark.parametrize("sign", [1, -1])
def test_stems_that_never_pause_show_the_leak_without_its_direction(sign: int) -> None:
    one, two = noise(SECONDS, seed=3), noise(SECONDS, seed=4)
    stems = [one, two + sign * 0.1 * one]
    assert leak(stems, "A", "B").level_db == pytest.approx(-20.0, abs=0.5)
    assert leak(stems, "B", "A").level_db == pytest.approx(-20.0, abs=0.5)


def test_a_leak_that_is_filtered_and_late_counts() -> None:
    # Every second octave is missing, and what is there comes 5 ms late.
    spectrum = np.fft.rfft(A, axis=0)
    octave = np.floor(np.log2(np.maximum(np.arange(len(spectrum)), 1)))
    late = np.exp(-2j * np.pi * 0.005 * np.arange(len(spectrum)) / SECONDS)
    part = np.fft.irfft(spectrum * ((octave % 2 == 0) * late)[:, None], n=len(A), axis=0)
    part *= 0.1
    level = 10 * np.log10(np.sum(np.square(part)) / np.sum(np.square(A)))
    assert leak([A, B + part], "A", "B").level_db == pytest.approx(level, abs=1.0)


def test_one_side_alone_may_leak() -> None:
    left = A * np.array([1.0, 0.0])
    found = leak([A, B + 0.1 * left], "A", "B")
    assert found.level_db == pytest.approx(-23.0, abs=0.3)


def test_each_of_three_stems_is_told_apart() -> None:
    third = gate(noise(SECONDS, seed=5), 1.7, 0.9)
    stems = [A, B + 0.1 * A, third + 0.03 * B]
    assert leak(stems, "A", "B").level_db == pytest.approx(-20.0, abs=0.3)
    assert leak(stems, "B", "C").level_db == pytest.approx(-30.5, abs=0.5)
    assert leak(stems, "C", "A").level_db == FLOOR_DB
    # Through B, a hundredth of A's amplitude times 0.3 is in C as well, 50 dB down.
    assert leak(stems, "A", "C").level_db < -45


def test_remains_of_scrambled_phase_show_by_activity_alone() -> None:
    rng = np.random.default_rng(6)
    flips = np.repeat(rng.choice([-1.0, 1.0], len(A) // 200 + 1), 200)[: len(A)]
    found = leak([A, B + 0.1 * A * flips[:, None]], "A", "B")
    assert found.level_db < -30
    assert found.activity_db == pytest.approx(-20.0, abs=0.5)


def test_silence_and_a_short_sound_do_no_harm() -> None:
    for stems in ([0 * A, 0 * B], [A, 0 * B], [A[:100], B[:100]]):
        assert all(each.level_db == FLOOR_DB for each in leaks(common_of(stems)))


def test_blocks_do_not_matter() -> None:
    stems = [A, B + 0.1 * A]
    one, other = (leaks(common_of(stems, block)) for block in (3000, 200_000))
    for first, second in zip(one, other, strict=True):
        assert first.level_db == pytest.approx(second.level_db, abs=1e-3)


def paused(sound: np.ndarray, *pauses: tuple[float, float]) -> np.ndarray:
    out = sound.copy()
    for start, end in pauses:
        out[round(start * RATE) : round(end * RATE)] = 0.0
    return out


PAUSES = ((3.0, 4.0), (9.0, 10.0), (15.0, 16.0))


def test_a_stem_that_never_pauses_is_not_blamed_for_what_the_other_one_holds() -> None:
    drums, voice = noise(20, seed=1), paused(noise(20, seed=2), *PAUSES)
    stems = [drums, voice + 0.2 * drums]
    assert leak(stems, "A", "B").level_db == pytest.approx(-14.0, abs=0.3)
    assert leak(stems, "B", "A").level_db == FLOOR_DB


def test_a_true_leak_into_a_stem_that_never_pauses_is_still_found() -> None:
    drums, voice = noise(20, seed=1), paused(noise(20, seed=2), *PAUSES)
    stems = [drums + 0.2 * voice, voice]
    assert leak(stems, "B", "A").level_db == pytest.approx(-14.0, abs=0.5)
    assert leak(stems, "A", "B").level_db == FLOOR_DB


def test_where_a_song_is_too_short_to_tell_no_stem_is_blamed() -> None:
    drums, voice = noise(3, seed=1), paused(noise(3, seed=2), (1.0, 2.0))
    stems = [drums, voice + 0.2 * drums]
    assert leak(stems, "A", "B").level_db == FLOOR_DB
    assert leak(stems, "B", "A").level_db == FLOOR_DB
