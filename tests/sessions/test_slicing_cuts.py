"""Where samples are cut, and what their ends are like."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemlift.sessions.analysis.result import Analysis, KeyEstimate, TempoEstimate
from stemlift.sessions.slicing import FADE, bar_starts, faded, loops, shots

RATE = 48000


def analysis(bpm: float, first: float, seconds: float, beats_per_bar: int = 4) -> Analysis:
    count = int((seconds - first) * bpm / 60)
    beats = tuple(first + n * 60 / bpm for n in range(count + 1))
    return Analysis(
        seconds,
        TempoEstimate(bpm, 1.0),
        KeyEstimate(0),
        beats,
        beats[::beats_per_bar],
        beats_per_bar,
        1.0,
    )


@given(st.floats(60, 200), st.floats(0, 3), st.sampled_from([3, 4]), st.sampled_from([1, 2, 4]))
def test_loops_lie_side_by_side_on_the_bar_lines(
    bpm: float, first: float, beats_per_bar: int, length: int
) -> None:
    seconds = 30.0
    found = list(loops(analysis(bpm, first, seconds, beats_per_bar), seconds, RATE, [length]))
    bar = beats_per_bar * 60 / bpm
    assert len(found) >= int((seconds - first) / bar) // length - 1
    for number, piece in enumerate(found):
        assert piece.start == pytest.approx((first + number * length * bar) * RATE, abs=0.6)
        assert piece.frames == pytest.approx(length * bar * RATE, abs=1.1)
        assert piece.start + piece.frames <= (seconds + 0.05) * RATE + 1
        assert piece.bpm == pytest.approx(bpm, rel=1e-6)
        assert piece.bar == number * length + 1
    for one, other in pairwise(found):
        assert one.start + one.frames == other.start


def test_the_last_bar_is_taken_where_all_of_it_is_there() -> None:
    assert bar_starts(analysis(120, 0.0, 8.0), 8.0) == (0.0, 2.0, 4.0, 6.0, 8.0)
    assert bar_starts(analysis(120, 0.0, 8.0), 7.5) == (0.0, 2.0, 4.0, 6.0)
    assert bar_starts(analysis(120, 0.02, 8.0), 8.0)[-1] == pytest.approx(8.02)


def test_one_shots_begin_before_their_attack_and_end_when_they_are_over() -> None:
    level = np.zeros(4 * RATE, np.float32)
    hits = [0.5, 1.0, 2.5]
    for hit in hits:
        at = round(hit * RATE)
        decay = np.exp(-np.arange(round(0.4 * RATE)) / (0.04 * RATE))
        level[at : at + len(decay)] = 0.8 * decay
    # What told of them is some milliseconds off, and one of them was told twice.
    told = [0.508, 0.511, 0.993, 2.51]
    found = list(shots(level, RATE, told, analysis(120, 0.5, 4.0)))
    assert [piece.start for piece in found] == [round((hit - 0.004) * RATE) for hit in hits]
    assert [(piece.bar, piece.beat) for piece in found] == [(1, 1), (1, 2), (2, 1)]
    for piece in found:
        # 60 dB under its peak it is dead: 0.28 s of this decay.
        assert 0.25 < piece.frames / RATE < 0.4
    assert all(one.start + one.frames <= b.start for one, b in pairwise(found))


def test_a_sound_that_goes_on_is_cut_at_the_next_one_or_after_four_seconds() -> None:
    level = np.full(10 * RATE, 0.5, np.float32)
    level[:RATE] = 0
    level[2 * RATE :] = 0.8
    found = list(shots(level, RATE, [1.0, 2.0], analysis(120, 1.0, 10.0)))
    first, second = found
    assert first.start + first.frames == second.start
    assert second.frames == 4 * RATE


def test_silence_gives_no_shot() -> None:
    assert list(shots(np.zeros(RATE, np.float32), RATE, [], analysis(120, 0, 1))) == []
    assert list(shots(np.zeros(RATE, np.float32), RATE, [0.3], analysis(120, 0, 1))) == []


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_fades_touch_two_milliseconds_and_nothing_else(dtype: type) -> None:
    rng = np.random.default_rng(3)
    block = (rng.uniform(-1, 1, (RATE // 10, 2)) * (2**22 if dtype is np.int32 else 1)).astype(
        dtype
    )
    out = faded(block, RATE)
    length = round(FADE * RATE)
    assert length == 96
    assert out.dtype == dtype
    assert not out[0].any()
    assert not out[-1].any()
    assert np.array_equal(out[length:-length], block[length:-length])
    half = block[length // 2] * 0.5
    assert np.abs(out[length // 2] - half).max() <= (0.5 if dtype is np.int32 else 1e-6)


def test_a_block_shorter_than_its_fades_is_still_one() -> None:
    block = np.ones((5, 1), np.float32)
    assert faded(block, RATE).shape == (5, 1)
