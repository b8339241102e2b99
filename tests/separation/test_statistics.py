"""Mean and deviation in one pass equal those of the whole."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stemlift.separation.statistics import Moments


@given(
    sizes=st.lists(st.integers(0, 500), min_size=1, max_size=12),
    offset=st.floats(-3, 3),
    scale=st.floats(1e-4, 10),
)
@settings(max_examples=80, deadline=None)
def test_equals_torch_over_the_whole(sizes, offset, scale):
    total = sum(sizes)
    wave = np.random.default_rng(total).standard_normal((total, 2)) * scale + offset
    moments, at = Moments(), 0
    for size in sizes:
        moments.update(wave[at : at + size])
        at += size
    if total < 2:
        return
    whole = torch.from_numpy(wave).mean(1)
    found = moments.normalisation()
    assert abs(found.mean - float(whole.mean())) <= 1e-9 * (1 + abs(offset) + scale)
    assert abs(found.scale - 1e-8 - float(whole.std())) <= 1e-9 * (1 + abs(offset) + scale)


def test_silence_divides_by_no_zero():
    moments = Moments()
    moments.update(np.zeros((100, 2)))
    assert moments.normalisation().scale == 1e-8
