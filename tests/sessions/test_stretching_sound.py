"""Stretched and pitched sound: length, places, pitch and level."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.stretching import Change, Signal, Source, changed

RATE = 44100
CHANGES = [
    Change(Fraction(107, 100)),
    Change(Fraction(3, 4)),
    Change(Fraction(9, 10), 2 ** (2 / 12)),
    Change(Fraction(13, 10), 2 ** (-4 / 12)),
    Change(Fraction(1), 2 ** (6 / 12)),
    Change(Fraction(11, 10), 1.1),
]


def source_of(samples: np.ndarray, start: int = 0, rate: int = RATE) -> Source:
    def read(first: int, frames: int) -> Signal:
        out = np.zeros((frames, samples.shape[1]), np.float32)
        left, right = max(first, 0), min(first + frames, len(samples))
        if right > left:
            out[left - first : right - first] = samples[left:right]
        return out

    return Source(read, start, rate, samples.shape[1])


def played(samples: np.ndarray, change: Change, frames: int, **more: int) -> np.ndarray:
    start = more.pop("start", 0)
    return np.concatenate(list(changed(source_of(samples, start), change, frames, **more)))


def tone(frequency: float, seconds: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)[:, None]


def strokes(frames: int, places: list[int]) -> np.ndarray:
    out = np.zeros((frames, 1))
    rng = np.random.default_rng(4)
    for place in places:
        length = min(600, frames - place)
        shape = np.exp(-np.arange(length) / 120) * rng.standard_normal(length)
        out[place : place + length, 0] += 0.3 * shape
    return out


def stroke_near(samples: np.ndarray, place: float) -> float:
    """The frame where a stroke begins: a twentieth of its power is heard."""
    first = max(0, int(place - 0.05 * RATE))
    power = np.cumsum(samples[first : int(place + 0.05 * RATE), 0] ** 2)
    return first + float(np.searchsorted(power / power[-1], 0.05))


def measured_pitch(samples: np.ndarray) -> float:
    window = samples * np.hanning(len(samples))
    count = 4 * len(samples)
    power = np.log(np.abs(np.fft.rfft(window, count)))
    peak = int(power.argmax())
    below, top, above = power[peak - 1 : peak + 2]
    return (peak + (below - above) / (2 * (below - 2 * top + above))) * RATE / count


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("frequency", [55.0, 440.0])
def test_pitch_level_and_length_are_those_that_were_asked_for(
    change: Change, frequency: float
) -> None:
    frames = round(Fraction(6 * RATE) / change.rate)
    out = played(tone(frequency, 6), change, frames)
    assert out.shape == (frames, 1)
    middle = out[RATE : frames - RATE, 0]
    cents = 1200 * np.log2(measured_pitch(middle) / (frequency * change.pitch))
    assert abs(cents) < 0.1
    assert 20 * np.log10(middle.std() / (0.5 / 2**0.5)) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("change", CHANGES)
def test_strokes_stand_where_the_tempo_puts_them(change: Change) -> None:
    frames = 8 * RATE
    places = [0, *range(RATE // 2, frames - RATE // 4, RATE // 2)]
    out = played(strokes(frames, places), change, round(Fraction(frames) / change.rate))
    late = [stroke_near(out, place / float(change.rate)) - place / change.rate for place in places]
    assert max(abs(float(one)) for one in late) / RATE < 0.001


def test_it_begins_where_it_was_told_to() -> None:
    places = list(range(RATE // 2, 8 * RATE, RATE // 2))
    change = Change(Fraction(6, 5))
    out = played(strokes(8 * RATE + 1000, places), change, 4 * RATE, start=2 * RATE)
    for place in places[4:8]:
        wanted = (place - 2 * RATE) / 1.2
        assert stroke_near(out, wanted) == pytest.approx(wanted, abs=0.001 * RATE)


def test_pieces_are_joined_in_place_and_without_a_click() -> None:
    seconds = 20
    places = list(range(RATE // 2, seconds * RATE, RATE))
    samples = strokes(seconds * RATE, places)
    change = Change(Fraction(11, 10))
    frames = round(seconds * RATE / 1.1)
    out = played(samples, change, frames, largest=5 * RATE)
    assert len(out) == frames
    late = [stroke_near(out, place / 1.1) - place / 1.1 for place in places[:-1]]
    assert np.abs(late).max() / RATE < 0.001
    whole = played(samples, change, frames)
    assert np.abs(out).max() < 1.1 * np.abs(whole).max()


def test_pieces_of_a_tone_are_crossfaded() -> None:
    out = played(tone(220, 20), Change(Fraction(11, 10)), 18 * RATE, largest=5 * RATE)
    middle = out[RATE:-RATE, 0]
    assert np.abs(middle).max() < 0.51
    assert np.abs(np.diff(middle)).max() < 1.05 * 0.5 * 2 * np.pi * 220 / RATE


def test_channels_stay_apart_and_beyond_two_too() -> None:
    quiet = np.concatenate([tone(440, 3), 0.5 * tone(440, 3), 0 * tone(440, 3)], axis=1)
    out = played(quiet, Change(Fraction(9, 10)), 3 * RATE)
    assert out.shape[1] == 3
    levels = out[RATE : 2 * RATE].std(axis=0)
    assert levels[0] / levels[1] == pytest.approx(2, rel=0.01)
    assert levels[2] == 0


def test_nothing_changed_is_nothing_changed() -> None:
    samples = strokes(RATE, [100, 20000]).astype(np.float32)
    assert np.array_equal(played(samples, Change(Fraction(1)), RATE), samples)


def test_twice_the_same_is_the_same() -> None:
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.5, 0.5, (2 * RATE, 2))
    change = Change(Fraction(8, 7), 2 ** (1 / 12))
    assert np.array_equal(played(noise, change, RATE), played(noise, change, RATE))


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    with pytest.raises(StemliftError) as caught:
        played(tone(440, 1), Change(Fraction(2)), 1000)
    assert caught.value.reason is Reason.STRETCHING_UNAVAILABLE
    assert "stemlift[stretch]" in caught.value.remedy
