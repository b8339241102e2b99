"""Segments joined by fades: as the transformers' framework does it, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from published_seams import join_published
from torch import Tensor, nn

from stemlift.models.loaded import Member, Seams
from stemlift.separation.seams import cut_for, mirrored, trimmed
from stemlift.separation.segments import OverlapAdd


def member(segment: int, stride: int) -> Member:
    return Member(
        nn.Identity(), ("a",), segment, stride, lambda length: length, (1.0,), seams=Seams.FADES
    )


def blocks(signal: np.ndarray, size: int) -> list[np.ndarray]:
    return [signal[at : at + size] for at in range(0, len(signal), size)]


def through(
    signal: np.ndarray, segment: int, stride: int, network: Callable[[Tensor], Tensor], size: int
) -> np.ndarray:
    """(samples, channels) through the segments, a network on (b, c, n), and the seams."""
    total = len(signal)
    cut = cut_for(member(segment, stride), total)
    overlap, done, count = OverlapAdd(segment, 1, signal.shape[1]), [], 0
    for part in cut.segments(blocks(signal, size)):
        assert part.samples.shape == (signal.shape[1], segment)
        output = network(torch.from_numpy(part.samples)[None]).numpy()
        overlap.add(part.offset, output[..., : part.length], cut.weight(part))
        done.append(overlap.take_until(min(part.offset + stride, cut.length))[0].T)
        count += 1
    assert count == cut.count
    result = np.concatenate(list(trimmed(done, cut.border, total)))
    assert result.shape == signal.shape
    return result


class Smear(nn.Module):
    """Every sample of the output depends on the whole segment and on the place in it."""

    def forward(self, wave: Tensor) -> Tensor:
        ramp = torch.linspace(0.5, 1.5, wave.shape[-1])
        return wave * ramp + wave.mean(-1, keepdim=True) + 0.1 * wave.flip(-1)


@pytest.mark.parametrize("overlaps", [2, 4])
@pytest.mark.parametrize("total", [31, 99, 100, 101, 149, 151, 160, 199, 260, 1000, 1043])
def test_equals_the_published_rule(total: int, overlaps: int) -> None:
    signal = np.random.default_rng(total).standard_normal((total, 2)).astype(np.float32)
    expected = join_published(torch.from_numpy(signal.T.copy()), 100, overlaps, Smear())
    result = through(signal, 100, 100 // overlaps, Smear(), size=64)
    # A last sample whose every weight is zero is no number there, and the network's here.
    clean = torch.isfinite(expected).all(0).numpy()
    assert (~clean).sum() <= 1
    np.testing.assert_allclose(result[clean], expected.numpy().T[clean], atol=3e-5)


@given(
    total=st.integers(1, 500),
    segment=st.integers(2, 120),
    share=st.floats(0.0, 0.9),
    size=st.integers(1, 90),
)
@settings(max_examples=150, deadline=None)
def test_identity_comes_back(total: int, segment: int, share: float, size: int) -> None:
    stride = max(1, round(segment * (1 - share)))
    signal = np.random.default_rng(total).standard_normal((total, 2)).astype(np.float32)
    result = through(signal, segment, stride, lambda wave: wave, size)
    np.testing.assert_allclose(result, signal, atol=2e-5)


@given(total=st.integers(2, 200), border=st.integers(0, 150), size=st.integers(1, 70))
@settings(deadline=None)
def test_mirrored_ends(total: int, border: int, size: int) -> None:
    border = min(border, total - 1)
    signal = np.arange(total, dtype=np.float32)[:, None]
    result = np.concatenate(list(mirrored(blocks(signal, size), border)))
    np.testing.assert_array_equal(result, np.pad(signal, ((border, border), (0, 0)), "reflect"))


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1), skip=st.integers(0, 60), keep=st.integers(0, 90)
)
@settings(deadline=None)
def test_trimmed(sizes: list[int], skip: int, keep: int) -> None:
    whole = np.arange(sum(sizes))
    parts = np.split(whole, np.cumsum(sizes)[:-1])
    result = np.concatenate([np.zeros(0, int), *trimmed(parts, skip, keep)])
    np.testing.assert_array_equal(result, whole[skip : skip + keep])
