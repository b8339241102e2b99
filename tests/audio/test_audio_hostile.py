"""Damaged files end in samples or in a StemliftError, never in anything else."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
from audio_media import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from stemlift.audio.reader import open_reader
from stemlift.errors import Reason, StemliftError

FORMATS = ["WAV", "RF64", "AIFF", "FLAC", "VORBIS", "OPUS", "MP3", "ipod", "matroska", "adts"]
EXPECTED = {
    Reason.FILE_EMPTY,
    Reason.FILE_TRUNCATED,
    Reason.FILE_CORRUPT,
    Reason.NOT_AUDIO,
    Reason.RATE_UNSUPPORTED,
    Reason.SAMPLES_NOT_FINITE,
}


@cache
def _sound(kind: str) -> bytes:
    samples = np.random.default_rng(4).normal(0, 0.1, (6000, 2)).astype(np.float32)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        if kind in ("ipod", "matroska", "adts"):
            encode(path, kind, "aac", samples, 44100)
        elif kind in ("VORBIS", "OPUS"):
            soundfile.write(path, samples, 48000, kind, format="OGG")
        else:
            soundfile.write(path, samples, 44100, format=kind)
        return path.read_bytes()


def _read(data: bytes) -> int:
    """Frames that could be read, or -1 after a typed error."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(data)
        try:
            with open_reader(path) as reader:
                frames = sum(len(block) for block in reader.blocks())
                assert reader.info.frames in (None, frames)
                return frames
        except StemliftError as error:
            assert error.reason in EXPECTED, error  # noqa: PT017
            return -1


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_cut_anywhere(kind: str, cut: float) -> None:
    data = _sound(kind)
    frames = _read(data[: int(len(data) * cut)])
    # Raw AAC counts nothing, and the padding at an MP3's end is no sound.
    if kind == "MP3":
        assert frames == -1 or (frames == 6000 and cut > 0.8)
    elif kind != "adts":
        assert frames == -1


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=20),
    header=st.booleans(),
)
def test_flipped_bytes(kind: str, flips: list[tuple[float, int]], header: bool) -> None:
    data = bytearray(_sound(kind))
    span = min(len(data), 200) if header else len(data)
    for place, change in flips:
        data[int(place * span)] ^= change
    _read(bytes(data))


@pytest.mark.parametrize(
    "magic",
    [
        b"RIFF\xff\xff\xff\xffWAVE",
        b"RF64\xff\xff\xff\xffWAVEds64",
        b"FORM\0\0\0\0AIFF",
        b"fLaC",
        b"OggS\0\2",
        b"\0\0\0\x18ftypM4A ",
        b"\0\0\0\0moov",
        b"\x1a\x45\xdf\xa3",
        b"ID3\4\0\0\x7f\x7f\x7f\x7f",
        b"\xff\xf1\x50\x80",
        b"caff\0\1\0\0",
    ],
)
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(rest=st.binary(max_size=400))
def test_a_beginning_and_rubbish(magic: bytes, rest: bytes) -> None:
    _read(magic + rest)


def test_a_chain_of_empty_chunks_ends() -> None:
    assert _read(b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\0\0\0" * 50_000) == -1


def test_sizes_that_are_lies_allocate_nothing() -> None:
    fmt = b"fmt \x10\0\0\0\1\0\2\0\x44\xac\0\0\x10\xb1\2\0\4\0\x10\0"
    for chunk in (b"bext", b"ds64", b"LIST"):
        assert _read(b"RF64\xff\xff\xff\xffWAVE" + chunk + b"\xfe\xff\xff\xff" + fmt) == -1
