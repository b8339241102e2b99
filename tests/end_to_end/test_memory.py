"""The server's memory does not depend on the length of the song."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile
from real_server import Home, home_in
from signals import song

RATE = 44100
MODELS = ("spectral", "compact")


def write_song(path: Path, minutes: float) -> Path:
    half_minute = song(30 * RATE, 2, RATE)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for _ in range(round(2 * minutes)):
            file.write(half_minute)
    return path


def peak_memory(folder: Path, minutes: float) -> int:
    """Peak resident bytes of a fresh server that separates a stereo song."""
    folder.mkdir()
    source = write_song(folder / "song.wav", minutes)
    with home_in(folder / "home") as home:
        home.variables["STEMLIFT_THREADS"] = "2"
        home.serve()
        peak = _separate(home, source)
    shutil.rmtree(folder)
    return peak


def _separate(home: Home, source: Path, model: str = "spectral") -> int:
    with home.client() as client:
        result = client.separate(source, model=model).result(3000)
        assert result.frames == soundfile.info(source).frames
        assert result.null_dbfs == -300
        peak = client.server_info().peak_memory_bytes
    assert peak > 0
    return peak


@pytest.mark.parametrize("model", MODELS)
def test_a_minute_more_takes_no_more(tmp_path: Path, model: str) -> None:
    """One server, so that what it took for the first job is there again for the second.

    One minute more of the mix or of one stem is 21 MB as 32-bit samples.
    """
    for minutes in (0.5, 1.5):
        write_song(tmp_path / f"{minutes}.wav", minutes)
    with home_in(tmp_path / "home") as home:
        # glibc then hands each large array back, instead of keeping room for the next.
        home.variables["MALLOC_MMAP_THRESHOLD_"] = "1000000"
        home.serve()
        short, long = (
            _separate(home, tmp_path / f"{minutes}.wav", model) for minutes in (0.5, 1.5)
        )
    print(f"\npeak memory: {short / 1e6:.0f} MB for half a minute, {long / 1e6:.0f} MB for 1.5")
    assert long - short <= 12e6


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_an_hour_takes_what_five_minutes_take(tmp_path: Path) -> None:
    short, long = peak_memory(tmp_path / "5", 5), peak_memory(tmp_path / "60", 60)
    print(f"\npeak memory: {short / 1e6:.0f} MB for 5 minutes, {long / 1e6:.0f} MB for 60")
    assert long <= 1.25 * short
