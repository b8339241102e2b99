"""Written WAV files, as other readers see them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_media import read_all
from wavinfo import WavInfoReader

from stemlift.audio.info import Bext
from stemlift.audio.probe import probe
from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding, with_time_reference
from stemlift.errors import Reason, StemliftError


def _bext(time_reference: int, history: bytes = b"A=PCM,F=48000,W=24\r\n") -> Bext:
    raw = bytearray(602)
    raw[:5] = b"a mix"
    raw[256:264] = b"Stemlift"
    raw[320:330] = b"2024-01-02"
    raw[330:338] = b"03:04:05"
    raw[338:346] = time_reference.to_bytes(8, "little")
    raw[346:348] = (1).to_bytes(2, "little")
    return Bext(time_reference, bytes(raw) + history)


def _samples(encoding: Encoding, channels: int, frames: int = 1001) -> np.ndarray:
    generator = np.random.default_rng(channels)
    if encoding is Encoding.FLOAT:
        return generator.normal(0, 3, (frames, channels)).astype(np.float32)
    limit = 1 << (encoding.bits - 1)
    samples = generator.integers(-limit, limit, (frames, channels), np.int64).astype(np.int32)
    samples[0], samples[1] = -limit, limit - 1
    return samples


def _write(path: Path, encoding: Encoding, samples: np.ndarray, **options: object) -> None:
    channels = samples.shape[1]
    with BroadcastWavWriter(path, 44100, channels, encoding, **options) as writer:  # type: ignore[arg-type]
        for start in range(0, len(samples), 300):
            writer.write(samples[start : start + 300])
        assert writer.frames == len(samples)


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("riff_limit", [0xFFFFFFFF, 1000])
def test_samples_come_back_bit_exact(
    tmp_path: Path, encoding: Encoding, channels: int, riff_limit: int
) -> None:
    path = tmp_path / "a.wav"
    samples = _samples(encoding, channels)
    mask = 0x60F if channels == 6 else None
    bext = _bext(12345)
    _write(path, encoding, samples, channel_mask=mask, bext=bext, riff_limit=riff_limit)

    np.testing.assert_array_equal(read_all(path), samples)
    info = probe(path)
    assert info.container == ("WAV" if riff_limit > 1000 else "RF64")
    assert (info.codec, info.channels, info.frames) == (encoding, channels, 1001)
    assert (info.channel_mask, info.bext) == (mask, bext)

    dtype = "float32" if encoding is Encoding.FLOAT else "int32"
    other, rate = soundfile.read(path, dtype=dtype, always_2d=True)
    shift = 8 if encoding is Encoding.PCM_24 else 0
    np.testing.assert_array_equal(other, samples << shift if shift else samples)
    assert rate == 44100

    third = WavInfoReader(str(path))
    assert third.fmt.channel_count == channels
    assert third.fmt.bits_per_sample == encoding.bits
    assert third.data.frame_count == 1001
    assert third.bext.time_reference == 12345
    assert third.bext.description == "a mix"


@pytest.mark.parametrize("riff_limit", [0xFFFFFFFF, 1000])
def test_an_odd_coding_history_harms_nothing(tmp_path: Path, riff_limit: int) -> None:
    path = tmp_path / "a.wav"
    samples = _samples(Encoding.PCM_24, 2)
    _write(path, Encoding.PCM_24, samples, bext=_bext(7, b"odd"), riff_limit=riff_limit)
    assert probe(path).bext == Bext(7, _bext(7, b"odd\0").raw)
    np.testing.assert_array_equal(read_all(path), samples)
    # As others write it: the odd length in the chunk, the pad byte behind.
    data = bytearray(path.read_bytes())
    at = data.index(b"bext") + 4
    data[at : at + 4] = (605).to_bytes(4, "little")
    path.write_bytes(data)
    assert probe(path).bext == _bext(7, b"odd")
    np.testing.assert_array_equal(read_all(path), samples)


def test_mono_and_stereo_have_the_plain_header(tmp_path: Path) -> None:
    for encoding, tag in ((Encoding.PCM_24, 1), (Encoding.PCM_32, 1), (Encoding.FLOAT, 3)):
        _write(tmp_path / "a.wav", encoding, _samples(encoding, 2))
        assert WavInfoReader(str(tmp_path / "a.wav")).fmt.audio_format == tag
    _write(tmp_path / "a.wav", Encoding.PCM_24, _samples(Encoding.PCM_24, 3))
    assert WavInfoReader(str(tmp_path / "a.wav")).fmt.audio_format == 0xFFFE


def test_sizes_are_even_and_end_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    _write(path, Encoding.PCM_24, _samples(Encoding.PCM_24, 1))
    data = path.read_bytes()
    assert len(data) % 2 == 0
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    at = data.index(b"data")
    assert int.from_bytes(data[at + 4 : at + 8], "little") == 3003


def test_the_limit_is_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = _samples(Encoding.PCM_32, 2)
    _write(path, Encoding.PCM_32, samples)
    size = path.stat().st_size - 8
    for limit, container in ((size, "WAV"), (size - 1, "RF64")):
        _write(path, Encoding.PCM_32, samples, riff_limit=limit)
        assert probe(path).container == container


def test_an_empty_file_is_still_a_wav(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    _write(path, Encoding.PCM_24, np.zeros((0, 2), np.int32))
    assert soundfile.info(path).frames == 0
    with pytest.raises(StemliftError) as caught:
        probe(path)
    assert caught.value.reason is Reason.FILE_EMPTY


@pytest.mark.parametrize("value", [1 << 23, -(1 << 23) - 1, 2**31 - 1])
def test_values_outside_24_bits_raise_and_write_nothing(tmp_path: Path, value: int) -> None:
    path = tmp_path / "a.wav"
    with BroadcastWavWriter(path, 44100, 2, Encoding.PCM_24) as writer:
        writer.write(np.full((10, 2), 5, np.int32))
        with pytest.raises(ValueError, match="24 bits"):
            writer.write(np.array([[0, value]], np.int32))
    np.testing.assert_array_equal(read_all(path), np.full((10, 2), 5))


def test_wrong_blocks_raise(tmp_path: Path) -> None:
    with BroadcastWavWriter(tmp_path / "a.wav", 44100, 2, Encoding.FLOAT) as writer:
        for block in (np.zeros((5, 2)), np.zeros((5, 1), np.float32), np.zeros(5, np.float32)):
            with pytest.raises(ValueError):  # noqa: PT011
                writer.write(block)


def test_time_reference_moves_with_the_start(tmp_path: Path) -> None:
    start = 44100 * 3600
    moved = with_time_reference(_bext(2**32 - 5), start)
    assert moved.time_reference == 2**32 - 5 + start
    assert with_time_reference(moved, -start) == _bext(2**32 - 5)
    path = tmp_path / "a.wav"
    _write(path, Encoding.PCM_24, _samples(Encoding.PCM_24, 2), bext=moved)
    seen = WavInfoReader(str(path)).bext
    assert seen.time_reference == 2**32 - 5 + start
    assert seen.originator == "Stemlift"
    assert seen.originator_date == "2024-01-02"
    assert with_time_reference(_bext(2**64 - 1), 10).time_reference == 2**64 - 1


def test_a_failing_job_leaves_an_unfinished_header(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with (
        pytest.raises(ValueError, match="24 bits"),
        BroadcastWavWriter(path, 44100, 2, Encoding.PCM_24) as writer,
    ):
        writer.write(np.full((100_000, 2), 1 << 23, np.int32))
    assert path.read_bytes()[4:8] == bytes(4)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_an_os_error() -> None:
    with (
        pytest.raises(OSError, match="No space"),
        BroadcastWavWriter(Path("/dev/full"), 44100, 2, Encoding.PCM_24) as writer,
    ):
        writer.write(np.zeros((100_000, 2), np.int32))


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        BroadcastWavWriter(tmp_path / "none" / "a.wav", 44100, 2, Encoding.PCM_24)


@pytest.mark.skipif(sys.platform != "linux", reason="needs holes in files")
def test_beyond_four_gibibytes_for_real(tmp_path: Path) -> None:
    """The writer's own arithmetic at the real limit, over a file that is mostly a hole."""
    path = tmp_path / "a.wav"
    writer = BroadcastWavWriter(path, 48000, 2, Encoding.PCM_24)
    tail = _samples(Encoding.PCM_24, 2, 10)
    frames = 800_000_000
    writer._file.seek(frames * 6, 1)
    writer._frames = frames
    writer.write(tail)
    writer.close()
    info = probe(path)
    assert (info.container, info.frames) == ("RF64", frames + 10)
    assert soundfile.info(path).frames == frames + 10
    np.testing.assert_array_equal(read_all(path, frames), tail)
