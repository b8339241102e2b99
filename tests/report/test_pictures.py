from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from stemlift.report.listening import BUDGET, KILOBITS, mp3, stretch
from stemlift.report.pictures import (
    COLUMNS,
    HIGHEST,
    LOWEST,
    ROWS,
    Picture,
    picture_of,
    spectrogram_png,
    waveform_path,
)
from stemlift.report.png import png

RATE = 22050


def drawn(sound: np.ndarray, block: int = 5000) -> Picture:
    blocks = (sound[start : start + block] for start in range(0, len(sound), block))
    return picture_of(blocks, len(sound), RATE)


def tone(frequency: float, seconds: float = 4.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.5 * np.sin(2 * np.pi * frequency * time)[:, None]


@pytest.mark.parametrize("frequency", [100.0, 440.0, 5000.0])
def test_a_tone_is_a_line_at_its_pitch(frequency: float) -> None:
    picture = drawn(tone(frequency))
    row = int(np.argmax(picture.heat[COLUMNS // 2]))
    expected = np.log(frequency / LOWEST) / np.log(HIGHEST / LOWEST) * ROWS
    # A bin of 10.8 Hz is wider than a row at the bottom.
    assert row == pytest.approx(expected, abs=3)
    line = picture.heat[COLUMNS // 20 : -COLUMNS // 20, row]
    assert line.min() > 0.2 * line.max()


def test_a_waveform_shows_when_it_sounds_and_how_loud() -> None:
    sound = tone(440.0)
    sound[: len(sound) // 2] = 0
    picture = drawn(sound)
    quiet, loud = slice(0, COLUMNS // 2 - 2), slice(COLUMNS // 2 + 2, None)
    assert np.abs(picture.highs[quiet]).max() == 0.0
    assert picture.highs[loud].min() == pytest.approx(0.5, abs=0.01)
    assert picture.lows[loud].max() == pytest.approx(-0.5, abs=0.01)
    assert picture.rms[loud].mean() == pytest.approx(0.5 / np.sqrt(2), abs=0.01)
    assert picture.heat[quiet].max() < 1e-6 * picture.heat[loud].max()


def test_blocks_do_not_matter() -> None:
    one, other = drawn(tone(440.0), 777), drawn(tone(440.0), 10**6)
    for first, second in zip(
        (one.lows, one.highs, one.rms), (other.lows, other.highs, other.rms), strict=True
    ):
        np.testing.assert_allclose(first, second, atol=1e-12)
    np.testing.assert_allclose(one.heat, other.heat, rtol=1e-4, atol=1e-9)


def test_a_moment_and_silence_can_be_drawn() -> None:
    for sound in (np.full((3, 2), 0.1), np.zeros((50_000, 2))):
        picture = drawn(sound)
        assert spectrogram_png(picture, picture.loudest)
        assert waveform_path(picture.lows, picture.highs, 100).startswith("M0 ")


def test_a_png_holds_its_pixels() -> None:
    pixels = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    data = png(pixels, np.array([[0, 0, 0], [9, 8, 7], [255, 255, 255]], np.uint8))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + length
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (3, 2)
    assert zlib.decompress(chunks[b"IDAT"]) == b"\0\0\1\2\0\2\1\0"
    assert chunks[b"PLTE"][3:6] == bytes((9, 8, 7))


def flat(levels: np.ndarray) -> Picture:
    return Picture(-levels, levels, levels, np.zeros((COLUMNS, ROWS)))


def test_what_is_heard_is_where_most_stems_play() -> None:
    one, two = np.full(COLUMNS, 0.001), np.full(COLUMNS, 0.001)
    one[100:400] = 0.5
    two[300:600] = 0.05
    found = stretch([flat(one), flat(two)], 10.0, 90 * RATE, RATE)
    assert found.frames == 10 * RATE
    assert found.start == pytest.approx(30 * RATE, abs=RATE // 5)


def test_a_short_song_is_heard_whole_and_a_page_has_its_limit() -> None:
    pictures = [flat(np.ones(COLUMNS))] * 9
    assert stretch(pictures, 30.0, 4 * RATE, RATE).frames == 4 * RATE
    assert stretch(pictures, 0.0, 4 * RATE, RATE).frames == 0
    long = stretch(pictures, 9999.0, 9999 * RATE, RATE)
    assert 10 * long.frames / RATE * KILOBITS * 125 <= BUDGET


@pytest.mark.parametrize(("rate", "channels"), [(22050, 1), (48000, 2), (96000, 6)])
def test_mp3s_play_at_any_rate_and_are_no_larger_than_said(rate: int, channels: int) -> None:
    import io

    import soundfile

    seconds = 2.0
    time = np.arange(round(seconds * rate)) / rate
    sound = np.repeat(1.5 * np.sin(2 * np.pi * 440 * time)[:, None], channels, axis=1)
    data = mp3([sound[:1000], sound[1000:]], rate)
    assert len(data) <= seconds * KILOBITS * 125 * 1.2
    heard, found = soundfile.read(io.BytesIO(data), always_2d=True)
    assert found in (44100, 48000)
    assert len(heard) / found == pytest.approx(seconds, abs=0.1)
    middle = heard[len(heard) // 4 : -len(heard) // 4, 0]
    assert np.abs(middle).max() == pytest.approx(1.0, abs=0.1)
