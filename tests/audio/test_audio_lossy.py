"""Lossy files: gapless to the sample, and the same samples from every start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_media import encode, impulses, read_all

from stemlift.audio.mpeg import frame_length
from stemlift.audio.probe import probe
from stemlift.audio.reader import open_reader

RATE = 44100


def _music(frames: int, channels: int = 2) -> np.ndarray:
    """A fading chord over noise, so that a variable bit rate varies."""
    time = np.arange(frames) / RATE
    noise = np.random.default_rng(7).normal(0, 0.05, (frames, channels))
    noise *= (np.arange(frames) // 20000 % 2)[:, None]
    tones = 0.3 * np.sin(2 * np.pi * 440 * time) * np.hanning(frames)
    return (noise + tones[:, None]).astype(np.float32)


def _mp3(path: Path, samples: np.ndarray, mode: str) -> Path:
    soundfile.write(path, samples, RATE, format="MP3", bitrate_mode=mode, compression_level=0.2)
    return path


@pytest.mark.parametrize("mode", ["CONSTANT", "AVERAGE", "VARIABLE"])
@pytest.mark.parametrize("frames", [1, 1152, 44100, 100003])
def test_mp3_has_the_length_that_was_encoded(tmp_path: Path, mode: str, frames: int) -> None:
    path = _mp3(tmp_path / "a.mp3", _music(frames), mode)
    assert probe(path).frames == frames
    assert len(read_all(path)) == frames


def test_mp3_impulses_stay_at_their_samples(tmp_path: Path) -> None:
    places = (300, 5000, 60000, 99990)
    path = _mp3(tmp_path / "a.mp3", impulses(100003, places), "CONSTANT")
    read = read_all(path)
    for place in places:
        near = read[place - 250 : place + 250, 0]
        assert int(np.argmax(np.abs(near))) == min(250, place)
        assert near.max() > 0.6


def test_mp3_agrees_with_another_decoder(tmp_path: Path) -> None:
    path = _mp3(tmp_path / "a.mp3", _music(200003), "VARIABLE")
    other, _ = soundfile.read(path, dtype="float32")
    assert np.abs(read_all(path) - other).max() < 1e-5


def test_what_surrounds_the_frames_of_an_mp3_is_no_sound(tmp_path: Path) -> None:
    path = _mp3(tmp_path / "a.mp3", _music(50003), "VARIABLE")
    data, whole = path.read_bytes(), read_all(path)
    title = b"TAG" + b"a title".ljust(125, b" ")
    cover = b"ID3\4\0\0\0\0\x7f\x7f" + bytes(range(256)) * 64
    for content in (data + title, cover[: 10 + 0x3FFF] + data, data + bytes(300)):
        path.write_bytes(content)
        assert probe(path).frames == 50003
        np.testing.assert_array_equal(read_all(path), whole)
    bare = data[frame_length(data[:4]) :]
    lengths = set()
    for content in (bare, bare + title, bare + bytes(3000)):
        path.write_bytes(content)
        lengths.add(len(read_all(path)))
    assert len(lengths) == 1


def test_an_mp3_whose_count_is_not_of_all_of_it_is_read_to_its_end(tmp_path: Path) -> None:
    path = _mp3(tmp_path / "a.mp3", _music(50003), "CONSTANT")
    data = path.read_bytes()
    path.write_bytes(data + data)
    assert probe(path).frames is None
    assert len(read_all(path)) >= 2 * 50003


def test_vbr_mp3_without_a_frame_count_is_read_to_its_end(tmp_path: Path) -> None:
    path = _mp3(tmp_path / "a.mp3", _music(200003), "VARIABLE")
    whole = read_all(path)
    data = path.read_bytes()
    path.write_bytes(data[frame_length(data[:4]) :])
    assert probe(path).frames is None
    bare = read_all(path)
    # Without the tag the padding at both ends stays: at most three frames of MPEG audio.
    assert 0 <= len(bare) - len(whole) <= 3 * 1152
    shift = 1105
    assert np.abs(bare[shift + 3000 : shift + 199000] - whole[3000:199000]).max() < 1e-4


@pytest.mark.parametrize(
    ("name", "container", "codec", "sample_format", "rate"),
    [
        ("a.m4a", "ipod", "aac", "fltp", 44100),
        ("a.mp4", "mp4", "aac", "fltp", 48000),
        ("a.mov", "mov", "aac", "fltp", 44100),
        ("o.mp4", "mp4", "libopus", "flt", 48000),
        ("o.webm", "webm", "libopus", "flt", 48000),
    ],
)
@pytest.mark.parametrize("frames", [700, 40950, 41000, 100003])
def test_mp4_and_webm_keep_length_and_impulses(
    tmp_path: Path,
    name: str,
    container: str,
    codec: str,
    sample_format: str,
    rate: int,
    frames: int,
) -> None:
    place = frames // 2
    path = encode(
        tmp_path / name,
        container,
        codec,
        impulses(frames, (place,)),
        rate,
        sample_format=sample_format,
    )
    info = probe(path)
    assert info.frames == (None if container == "webm" else frames)
    read = read_all(path)
    assert len(read) == frames
    assert int(np.argmax(np.abs(read[:, 0]))) == place


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_keeps_length_and_impulses(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, impulses(50001, (20000,)), 48000, subtype, format="OGG")
    info = probe(path)
    assert (info.frames, info.container, info.codec) == (50001, "OGG", subtype)
    read = read_all(path)
    assert len(read) == 50001
    assert int(np.argmax(np.abs(read[:, 0]))) == 20000


@pytest.mark.parametrize("kind", ["mp3", "aac", "vorbis", "opus"])
def test_a_range_has_the_samples_of_the_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.x"
    if kind == "aac":
        encode(path, "ipod", "aac", _music(150001), RATE)
    elif kind == "mp3":
        _mp3(path, _music(150001), "VARIABLE")
    else:
        rate = 48000 if kind == "opus" else RATE
        soundfile.write(path, _music(150001), rate, kind.upper(), format="OGG")
    whole = read_all(path)
    assert len(whole) == 150001
    for start, frames in ((1, 5), (1105, 3000), (99999, 20000), (149991, 10)):
        part = read_all(path, start, frames, 512)
        np.testing.assert_array_equal(part, whole[start : start + frames])


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_surround_in_ogg_comes_in_wave_order(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.ogg"
    time = np.arange(48000) / 48000
    stored = np.stack([0.4 * np.sin(2 * np.pi * hz * time) for hz in range(40, 100, 10)], axis=1)
    soundfile.write(path, stored.astype(np.float32), 48000, subtype, format="OGG")
    assert probe(path).channel_mask == 0x3F
    read = read_all(path)
    bins = np.abs(np.fft.rfft(read, axis=0))[:200].argmax(axis=0)
    # Stored as left, centre, right, rear left, rear right, LFE.
    np.testing.assert_array_equal(bins, [40, 60, 50, 90, 70, 80])


def test_sound_of_a_video(tmp_path: Path) -> None:
    for name, container in (("v.mp4", "mp4"), ("v.mkv", "matroska"), ("v.avi", "avi")):
        codec = "aac" if container != "avi" else "pcm_s16le"
        samples = impulses(30000, (12345,))
        wanted = "fltp"
        if codec != "aac":
            samples, wanted = (samples * 32000).astype(np.int16), "s16"
        path = encode(
            tmp_path / name, container, codec, samples, RATE, sample_format=wanted, video=True
        )
        read = read_all(path)
        assert int(np.argmax(np.abs(read[:, 0].astype(float)))) == 12345
        assert len(read) - 30000 in range(1024)


def test_blocks_can_be_read_again_and_left_early(tmp_path: Path) -> None:
    path = _mp3(tmp_path / "a.mp3", _music(50000), "CONSTANT")
    with open_reader(path) as reader:
        first = next(iter(reader.blocks(0, None, 100)))
        again = next(iter(reader.blocks(0, None, 100)))
        np.testing.assert_array_equal(first, again)
    path.unlink()
