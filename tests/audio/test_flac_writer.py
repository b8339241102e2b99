"""Written FLAC files, as other readers see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_media import read_all

from stemlift.audio.flac_writer import FlacWriter
from stemlift.audio.probe import probe


@pytest.mark.parametrize("channels", range(1, 9))
def test_samples_come_back_bit_exact(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.flac"
    limit = 1 << 23
    samples = np.random.default_rng(channels).integers(
        -limit, limit, (20_000, channels), dtype=np.int32
    )
    samples[0], samples[1] = -limit, limit - 1
    with FlacWriter(path, 96000, channels) as writer:
        for start in range(0, len(samples), 3000):
            writer.write(samples[start : start + 3000])
        writer.write(samples[:0])
        assert writer.frames == len(samples)
    info = probe(path)
    assert (info.frames, info.depth, info.sample_rate) == (20_000, 24, 96000)
    np.testing.assert_array_equal(read_all(path), samples)
    other, _ = soundfile.read(path, dtype="int32", always_2d=True)
    np.testing.assert_array_equal(other, samples << 8)


def test_what_does_not_fit_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="channels"):
        FlacWriter(tmp_path / "a.flac", 44100, 9)
    with FlacWriter(tmp_path / "a.flac", 44100, 2) as writer:
        for block in (
            np.full((5, 2), 1 << 23, np.int32),
            np.zeros((5, 2), np.float32),
            np.zeros((5, 1), np.int32),
        ):
            with pytest.raises(ValueError):  # noqa: PT011
                writer.write(block)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    # A link, since the writer truncates what it opens.
    path = tmp_path / "a.flac"
    path.symlink_to("/dev/full")
    noise = np.random.default_rng(0).integers(-(1 << 23), 1 << 23, (200_000, 2), dtype=np.int32)
    with pytest.raises(OSError, match="No space"), FlacWriter(path, 44100, 2) as writer:
        writer.write(noise)


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FlacWriter(tmp_path / "none" / "a.flac", 44100, 2)
