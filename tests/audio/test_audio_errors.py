"""Every file that cannot be read says why."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_media import encode, impulses, read_all

from stemlift.audio.probe import probe
from stemlift.audio.reader import open_reader
from stemlift.errors import Reason, StemliftError


def _reason(path: Path) -> Reason:
    with pytest.raises(StemliftError) as caught:
        read_all(path)
    assert path.name in caught.value.message
    assert caught.value.remedy
    return caught.value.reason


def _wav(path: Path, frames: int = 4000, **options: str) -> Path:
    soundfile.write(path, impulses(frames, (7,)) if frames else np.zeros((0, 2)), 44100, **options)
    return path


def test_missing(tmp_path: Path) -> None:
    assert _reason(tmp_path / "none.wav") is Reason.FILE_NOT_FOUND
    assert _reason(_wav(tmp_path / "a.wav") / "b.wav") is Reason.FILE_NOT_FOUND
    with pytest.raises(StemliftError) as caught:
        probe(Path("a\0b.wav"))
    assert caught.value.reason is Reason.FILE_NOT_FOUND


def test_folder(tmp_path: Path) -> None:
    assert _reason(tmp_path) is Reason.FILE_UNREADABLE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
def test_a_pipe_or_a_device_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert _reason(tmp_path / "pipe.wav") is Reason.FILE_UNREADABLE
    assert _reason(Path("/dev/zero")) is Reason.FILE_UNREADABLE


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may read everything"
)
def test_no_permission(tmp_path: Path) -> None:
    path = _wav(tmp_path / "a.wav")
    path.chmod(0)
    assert _reason(path) is Reason.FILE_UNREADABLE


def test_no_permission_as_the_system_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    path = _wav(tmp_path / "a.wav")
    monkeypatch.setattr("stemlift.audio.opening.os.open", refuse)
    assert _reason(path) is Reason.FILE_UNREADABLE


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "bytes.wav").write_bytes(b"")
    assert _reason(tmp_path / "bytes.wav") is Reason.FILE_EMPTY
    for container in ("WAV", "AIFF", "RF64", "W64"):
        path = _wav(tmp_path / f"frames.{container}", 0, format=container)
        assert _reason(path) is Reason.FILE_EMPTY


@pytest.mark.parametrize(
    "content",
    [
        b"just some text, renamed\n" * 100,
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 40,
        b"PK\x03\x04" + bytes(900),
        b"RIFF\x10\0\0\0WEBPVP8 " + bytes(100),
        b"%PDF-1.7\n",
        b"ID3\x03\0\0\0\0\0\x05hello and no frames",
        bytes(100_000),
        b"\xff",
    ],
)
def test_not_audio(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    assert _reason(path) is Reason.NOT_AUDIO


def test_video_without_sound(tmp_path: Path) -> None:
    for container in ("mp4", "matroska", "avi"):
        path = encode(
            tmp_path / "v.x", container, "aac", impulses(0, ()), 44100, video=True, sound=False
        )
        assert _reason(path) is Reason.NOT_AUDIO


@pytest.mark.parametrize("rate", [1000, 7999, 192001, 384000])
def test_rate(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, impulses(4000, (7,)), rate)
    assert _reason(path) is Reason.RATE_UNSUPPORTED


@pytest.mark.parametrize("container", ["WAV", "RF64", "W64", "AIFF", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("keep", [0.5, 0.9, 0.999])
def test_truncated(tmp_path: Path, container: str, keep: float) -> None:
    path = tmp_path / "a.x"
    noise = np.random.default_rng(2).normal(0, 0.1, (100_000, 2))
    soundfile.write(path, noise, 44100, format=container)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    assert _reason(path) is Reason.FILE_TRUNCATED


@pytest.mark.parametrize("container", ["ipod", "matroska"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.9999])
def test_truncated_in_ffmpeg_containers(tmp_path: Path, container: str, keep: float) -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, (100_000, 2)).astype(np.float32)
    path = encode(tmp_path / "a.x", container, "aac", noise, 44100)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    assert _reason(path) is Reason.FILE_TRUNCATED


@pytest.mark.parametrize("value", [0, 0xFFFFFFFF])
def test_a_recording_whose_header_was_never_finished_counts_to_its_end(
    tmp_path: Path, value: int
) -> None:
    path = _wav(tmp_path / "a.wav", subtype="PCM_24")
    whole = read_all(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 4, value)
    struct.pack_into("<I", data, data.index(b"data") + 4, value)
    path.write_bytes(data + b"\1\2")
    assert probe(path).frames == 4000
    np.testing.assert_array_equal(read_all(path), whole)
    np.testing.assert_array_equal(read_all(path, 3990), whole[3990:])


def test_an_unfinished_rf64_counts_to_its_end(tmp_path: Path) -> None:
    path = _wav(tmp_path / "a.wav", format="RF64", subtype="PCM_16")
    whole = read_all(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"ds64") + 8
    data[at : at + 24] = bytes(24)
    path.write_bytes(data)
    np.testing.assert_array_equal(read_all(path), whole)


def test_bw64_reads_as_rf64(tmp_path: Path) -> None:
    path = _wav(tmp_path / "a.wav", format="RF64", subtype="PCM_16")
    whole = read_all(path)
    path.write_bytes(b"BW64" + path.read_bytes()[4:])
    assert probe(path).container == "BW64"
    np.testing.assert_array_equal(read_all(path), whole)


def test_flac_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = _wav(tmp_path / "a.flac", subtype="PCM_24")
    whole = read_all(path)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert probe(path).frames is None
    np.testing.assert_array_equal(read_all(path), whole)
    np.testing.assert_array_equal(read_all(path, 1500, 100), whole[1500:1600])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("codec", ["FLOAT", "DOUBLE"])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float, codec: str) -> None:
    samples = impulses(44100, (7,))
    samples[22050, 1] = value
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, 44100, codec)
    with pytest.raises(StemliftError) as caught:
        read_all(path)
    assert caught.value.reason is Reason.SAMPLES_NOT_FINITE
    assert "0.500 s" in caught.value.message
    assert len(read_all(path, 0, 22050)) == 22050


@pytest.mark.parametrize(
    ("start", "frames"), [(4000, None), (4001, 1), (-1, None), (0, 4001), (3999, 2), (5, -1)]
)
def test_ranges_outside(tmp_path: Path, start: int, frames: int | None) -> None:
    path = _wav(tmp_path / "a.wav")
    with pytest.raises(StemliftError) as caught, open_reader(path) as reader:
        reader.blocks(start, frames)
    assert caught.value.reason is Reason.RANGE_OUTSIDE


def test_range_outside_a_file_of_unknown_length(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.aac", "adts", "aac", impulses(9000, (7,)), 44100)
    with pytest.raises(StemliftError) as caught:
        read_all(path, 20000)
    assert caught.value.reason is Reason.RANGE_OUTSIDE
    with pytest.raises(StemliftError) as caught:
        read_all(path, 0, 20000)
    assert caught.value.reason is Reason.FILE_TRUNCATED


def test_a_file_that_changes(tmp_path: Path) -> None:
    path = _wav(tmp_path / "a.wav")
    info = probe(path)
    with open_reader(path, info) as reader:
        _wav(path, 5000)
        with pytest.raises(StemliftError) as caught:
            next(iter(reader.blocks()))
        assert caught.value.reason is Reason.FILE_CHANGED
    with pytest.raises(StemliftError) as caught:
        open_reader(path, info)
    assert caught.value.reason is Reason.FILE_CHANGED
