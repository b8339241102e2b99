"""Cutting and adding: what goes in comes out, at its sample, for any length and cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from demucs.apply import apply_model
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from stemlift.separation.rechunk import rechunk
from stemlift.separation.segments import OverlapAdd, cut_segments, segment_count, triangle


def cut(signal: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    """(samples, channels) in blocks of the given sizes, repeated."""
    blocks, at, turn = [], 0, 0
    while at < len(signal):
        size = sizes[turn % len(sizes)]
        blocks.append(signal[at : at + size])
        at, turn = at + size, turn + 1
    return blocks


def through(signal, sizes, segment, stride, valid_length, network):
    """The signal through segments, a network on (channels, n), and overlap-add."""
    total = len(signal)
    overlap, done = None, []
    for part in cut_segments(cut(signal, sizes), total, segment, stride, valid_length):
        output = network(part.samples)[..., part.lead : part.lead + part.length]
        overlap = overlap or OverlapAdd(segment, output.shape[0], output.shape[1])
        overlap.add(part.offset, output, triangle(segment))
        done.append(overlap.take_until(min(part.offset + stride, total)))
    return np.concatenate(done, axis=-1)


@given(
    total=st.integers(1, 400),
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=4),
    segment=st.integers(2, 120),
    overlap=st.floats(0.0, 0.6),
    padded=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_identity_comes_back_whatever_the_cut(total, sizes, segment, overlap, padded):
    stride = max(1, int(segment * (1 - overlap)))
    signal = np.random.default_rng(total).standard_normal((total, 2)).astype(np.float32)
    valid = (lambda length: segment) if padded else (lambda length: length)
    result = through(signal, sizes, segment, stride, valid, lambda x: np.stack([x, 2 * x]))
    np.testing.assert_allclose(result[0], signal.T, atol=1e-5)
    np.testing.assert_allclose(result[1], 2 * signal.T, atol=2e-5)


@given(total=st.integers(1, 300), segment=st.integers(4, 64))
@settings(max_examples=60, deadline=None)
def test_count_and_context(total, segment):
    """Segments carry the true audio around them, and silence only beyond the ends."""
    stride = max(1, 3 * segment // 4)
    signal = np.arange(1, total + 1, dtype=np.float32)[:, None]
    parts = list(cut_segments(cut(signal, [37]), total, segment, stride, lambda length: segment))
    assert len(parts) == segment_count(total, stride)
    for part in parts:
        positions = part.offset - part.lead + np.arange(segment)
        expected = np.where((positions >= 0) & (positions < total), positions + 1, 0)
        np.testing.assert_array_equal(part.samples[0], expected)


class Smear(nn.Module):
    """A network whose output depends on the whole segment it sees, as demucs sees one."""

    def __init__(self, segment: int) -> None:
        super().__init__()
        self.samplerate, self.segment, self.sources = 1, segment, ["a", "b"]
        self.audio_channels = 2
        self.register_parameter("scale", nn.Parameter(torch.tensor(1.0)))

    def valid_length(self, length: int) -> int:
        return int(self.segment)

    def forward(self, mix: torch.Tensor) -> torch.Tensor:
        ramp = torch.linspace(0.5, 1.5, mix.shape[-1])
        return torch.stack([mix * ramp + mix.mean(-1, keepdim=True), mix.cumsum(-1) * 0.01], dim=1)


@pytest.mark.parametrize("total", [5, 99, 100, 101, 175, 176, 260, 1000, 1043])
def test_equals_demucs_apply_model(total):
    segment = 100
    network = Smear(segment)
    signal = np.random.default_rng(total).standard_normal((total, 2)).astype(np.float32)
    expected = apply_model(network, torch.from_numpy(signal.T)[None], shifts=0, overlap=0.25)[0]

    def run(samples: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(samples)[None])[0].numpy()

    result = through(signal, [64], segment, 75, network.valid_length, run)
    np.testing.assert_allclose(result, expected.numpy(), atol=2e-6)


@given(sizes=st.lists(st.integers(0, 50), max_size=20), size=st.integers(1, 30))
@settings(deadline=None)
def test_rechunk_keeps_every_frame(sizes, size):
    blocks, at = [], 0
    for length in sizes:
        blocks.append(np.arange(at, at + length)[:, None])
        at += length
    out = list(rechunk(blocks, size))
    assert all(len(block) == size for block in out[:-1])
    assert all(len(block) for block in out)
    assert np.concatenate([np.zeros((0, 1), int), *out])[:, 0].tolist() == list(range(at))
