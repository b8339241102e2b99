from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stemlift.quality.clipping import RUN, Clipping, ClippingMeter, clipping


def sound(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def test_runs_at_full_scale_are_counted() -> None:
    one = 32767 / 32768
    assert clipping(sound(0, one, one, one, 0, -1, -1, -1, -1, 0)) == Clipping(2, 7, 0)


def test_a_peak_of_two_samples_is_no_clipping() -> None:
    assert clipping(sound(0, 1, 1, 0, -1, 1, -1)) == Clipping(0, 0, 0)


def test_a_run_of_both_signs_is_two() -> None:
    assert clipping(sound(1, 1, 1, -1, -1, -1)) == Clipping(2, 6, 0)


def test_channels_count_by_themselves() -> None:
    both = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert clipping(both) == Clipping(0, 0, 0)
    assert clipping(np.ones((3, 2))) == Clipping(2, 6, 0)


def test_float_sound_above_full_scale_is_said_to_be() -> None:
    assert clipping(sound(0.5, 1.2, -1.5, 0.5)) == Clipping(0, 0, 2)


def test_a_sine_is_cut_where_it_is_turned_up() -> None:
    sine = np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    assert clipping(sine[:, None]).runs == 0
    hot = np.clip(1.5 * sine, -1, 1)[:, None]
    assert clipping(hot).runs == 880


@given(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, -1.0]), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_blocks_do_not_matter(values: list[float], cuts: list[int]) -> None:
    whole = sound(*values)
    meter = ClippingMeter()
    for block in np.split(whole, sorted(min(cut, len(values)) for cut in cuts)):
        meter.update(block)
    runs = [0]
    last = 0.0
    lengths: list[int] = []
    for value in values:
        if abs(value) == 1.0:
            runs[-1] = runs[-1] + 1 if value == last else 1
            if value == last and lengths:
                lengths[-1] = runs[-1]
            else:
                lengths.append(1)
        last = value
    long = [length for length in lengths if length >= RUN]
    assert meter.result() == Clipping(len(long), sum(long), 0)
