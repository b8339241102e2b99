"""Sample rate conversion: aligned, of exact length, however the input is cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemlift.audio.resample import resample_blocks, resampled_length

PAIRS = [(44100, 48000), (44100, 96000), (44100, 8000), (44100, 192000), (44100, 22050)]


def _convert(samples: np.ndarray, from_rate: int, to_rate: int, cuts: list[int]) -> np.ndarray:
    def blocks() -> Iterator[np.ndarray]:
        last = 0
        for cut in [*sorted(min(cut, len(samples)) for cut in cuts), len(samples)]:
            yield samples[last:cut]
            last = cut

    frames = resampled_length(len(samples), from_rate, to_rate)
    channels = samples.shape[1]
    converted = np.concatenate(
        list(resample_blocks(blocks(), from_rate, to_rate, channels, frames))
    )
    assert converted.shape == (frames, channels)
    assert converted.dtype == np.float32
    return converted


@pytest.mark.parametrize(
    ("frames", "from_rate", "to_rate", "expected"),
    [(44100, 44100, 48000, 48000), (1, 44100, 48000, 2), (0, 1, 2, 0), (3, 96000, 44100, 2)],
)
def test_length(frames: int, from_rate: int, to_rate: int, expected: int) -> None:
    assert resampled_length(frames, from_rate, to_rate) == expected


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    pair=st.sampled_from([*PAIRS, *((b, a) for a, b in PAIRS)]),
    frames=st.integers(1, 9000),
    channels=st.sampled_from([1, 2, 6]),
    cuts=st.lists(st.integers(0, 9000), max_size=8),
)
def test_the_cut_of_the_input_changes_nothing(
    pair: tuple[int, int], frames: int, channels: int, cuts: list[int]
) -> None:
    samples = np.random.default_rng(frames).normal(0, 0.2, (frames, channels)).astype(np.float32)
    whole = _convert(samples, *pair, [])
    # Cuts at the same place leave empty blocks inside.
    np.testing.assert_array_equal(_convert(samples, *pair, [*cuts, *cuts]), whole)


@pytest.mark.parametrize(("source", "model"), [*PAIRS, *((b, a) for a, b in PAIRS)])
def test_an_impulse_stays_at_its_sample(source: int, model: int) -> None:
    # Not at the very ends, where the lower rate has no samples around an impulse.
    for place in (source // 100, source // 2, source - source // 100):
        samples = np.zeros((source, 2), np.float32)
        samples[place] = 1.0
        back = _convert(_convert(samples, source, model, []), model, source, [])
        assert int(np.argmax(np.abs(back[:, 0]))) == place


@pytest.mark.parametrize(("source", "model"), [*PAIRS, *((b, a) for a, b in PAIRS)])
def test_a_sine_is_that_sine_at_the_other_rate(source: int, model: int) -> None:
    def sine(rate: int) -> np.ndarray:
        time = np.arange(rate * 2) / rate
        return (0.5 * np.sin(2 * np.pi * 997 * time)).astype(np.float32)[:, None]

    middle = slice(model // 4, -model // 4)
    expected = sine(model)[middle].astype(np.float64)
    error = _convert(sine(source), source, model, [])[middle] - expected
    assert 10 * np.log10(np.mean(expected**2) / np.mean(error**2)) > 140


def test_equal_rates_pass_the_blocks() -> None:
    samples = np.random.default_rng(0).normal(0, 3, (1000, 2)).astype(np.float32)
    np.testing.assert_array_equal(_convert(samples, 48000, 48000, [10, 500]), samples)


def test_any_length_that_is_asked_for() -> None:
    samples = np.ones((1000, 1), np.float32)
    for frames in (0, 1, 900, 5000):
        given_frames = sum(map(len, resample_blocks([samples], 44100, 48000, 1, frames)))
        assert given_frames == frames


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(pair=st.sampled_from(PAIRS), frames=st.integers(1, 5000), back=st.booleans())
def test_the_stream_misses_at_most_one_frame(
    pair: tuple[int, int], frames: int, back: bool
) -> None:
    source, model = pair[::-1] if back else pair
    ones = np.ones((frames, 1), np.float32)
    length = resampled_length(frames, source, model)
    given_blocks = list(resample_blocks([ones], source, model, 1, length + 100))
    assert len(given_blocks[-1]) in (99, 100, 101)
    assert not given_blocks[-1].any()
