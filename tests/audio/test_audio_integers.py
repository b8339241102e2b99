"""Integer sources arrive bit exact on their grid, whatever the depth and container."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_media import encode, read_all

from stemlift.audio.probe import probe

# Even, since libsndfile's AIFF and FFmpeg's Wave64 count the pad bytes they write as sound.
FRAMES = 5004
_SHIFTS = {"PCM_U8": 24, "PCM_S8": 24, "PCM_16": 16, "PCM_24": 8, "PCM_32": 0}
_DEPTHS = {"PCM_U8": 16, "PCM_S8": 16, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}


def _left_justified(bits_lost: int, channels: int, frames: int = FRAMES) -> np.ndarray:
    info = np.iinfo(np.int32)
    samples = np.random.default_rng(channels).integers(
        info.min, info.max, (frames, channels), np.int32, endpoint=True
    )
    samples[0], samples[1] = info.min, info.max
    return (samples >> bits_lost) << bits_lost


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize(
    ("container", "codec"),
    [
        *(("WAV", codec) for codec in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32")),
        *(("RF64", codec) for codec in ("PCM_16", "PCM_24", "PCM_32")),
        *(("W64", codec) for codec in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32")),
        *(("AIFF", codec) for codec in ("PCM_S8", "PCM_16", "PCM_24", "PCM_32")),
        *(("FLAC", codec) for codec in ("PCM_S8", "PCM_16", "PCM_24")),
    ],
)
def test_samples_are_bit_exact(tmp_path: Path, container: str, codec: str, channels: int) -> None:
    path = tmp_path / "mix.bin"
    stored = _left_justified(_SHIFTS[codec], channels)
    soundfile.write(path, stored, 44100, codec, format=container)
    info = probe(path)
    assert (info.container, info.codec, info.sample_rate) == (container, codec, 44100)
    assert (info.channels, info.frames, info.depth) == (channels, FRAMES, _DEPTHS[codec])
    assert info.grid_bits is not None
    expected = stored >> (32 - info.grid_bits)
    read = read_all(path)
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(read_all(path, 1234, 777, 100), expected[1234 : 1234 + 777])
    np.testing.assert_array_equal(read_all(path, FRAMES - 1), expected[-1:])


@pytest.mark.parametrize("codec", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("container", ["WAV", "AIFF", "RF64"])
def test_floats_are_bit_exact_above_full_scale_too(
    tmp_path: Path, container: str, codec: str
) -> None:
    path = tmp_path / "mix"
    dtype = np.float32 if codec == "FLOAT" else np.float64
    stored = np.random.default_rng(5).normal(0, 3, (FRAMES, 2)).astype(dtype)
    soundfile.write(path, stored, 96000, codec, format=container)
    info = probe(path)
    assert (info.depth, info.grid_bits, info.codec, info.frames) == (None, None, codec, FRAMES)
    read = read_all(path)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, stored)


@pytest.mark.parametrize(
    ("container", "codec", "sample_format", "depth"),
    [
        ("ipod", "alac", "s16p", 16),
        ("ipod", "alac", "s32p", 24),
        ("mov", "pcm_s16le", "s16", 16),
        ("mov", "pcm_s24le", "s32", 24),
        ("mov", "pcm_s32le", "s32", 32),
        ("matroska", "flac", "s16", 16),
        ("matroska", "flac", "s32", 24),
        ("wv", "wavpack", "s16p", 16),
        ("caf", "pcm_s24be", "s32", 24),
        ("w64", "pcm_s24le", "s32", 24),
        ("au", "pcm_s16be", "s16", 16),
    ],
)
def test_lossless_streams_of_ffmpeg_are_bit_exact(
    tmp_path: Path, container: str, codec: str, sample_format: str, depth: int
) -> None:
    stored = _left_justified(32 - depth, 2)
    given = (stored >> 16).astype(np.int16) if sample_format.startswith("s16") else stored
    path = encode(tmp_path / "mix.x", container, codec, given, 48000, sample_format=sample_format)
    info = probe(path)
    assert (info.depth, info.channels, info.sample_rate) == (depth, 2, 48000)
    assert info.grid_bits is not None
    expected = stored >> (32 - info.grid_bits)
    np.testing.assert_array_equal(read_all(path), expected)
    np.testing.assert_array_equal(read_all(path, 2000, 99), expected[2000:2099])


def test_wav_reads_the_same_in_any_block_size(tmp_path: Path) -> None:
    path = tmp_path / "mix.wav"
    soundfile.write(path, _left_justified(8, 2, 70001), 44100, "PCM_24")
    whole = read_all(path, block_frames=65536)
    for size in (1, 7, 70000, 200000):
        np.testing.assert_array_equal(read_all(path, 69000, None, size), whole[69000:])


@pytest.mark.parametrize("tail", [b"TAG" + bytes(125), bytes(5000)], ids=["ID3v1", "zeros"])
@pytest.mark.parametrize("frames", [132_300, 65_536, 100])
def test_a_flac_with_something_behind_its_last_frame_is_whole(
    tmp_path: Path, tail: bytes, frames: int
) -> None:
    """Careless taggers append an ID3v1 tag; the sound in front of it is as good as ever."""
    path = tmp_path / "tagged.flac"
    samples = np.random.default_rng(7).integers(-(2**15), 2**15, (frames, 2)).astype(np.int16)
    soundfile.write(path, samples, 44100, subtype="PCM_16")
    with path.open("ab") as file:
        file.write(tail)
    assert np.array_equal(read_all(path), samples.astype(np.int32) << 8)
