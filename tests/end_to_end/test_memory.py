"""The server's memory does not depend on the length of the song."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile
from real_server import Home, home_in
from signals import song

RATE = 44100


def peak_memory(folder: Path, minutes: float) -> int:
    """Peak resident bytes of a fresh server that separates a stereo song."""
    folder.mkdir()
    source = folder / "song.wav"
    half_minute = song(30 * RATE, 2, RATE)
    with soundfile.SoundFile(source, "w", RATE, 2, "PCM_16") as file:
        for _ in range(round(2 * minutes)):
            file.write(half_minute)
    with home_in(folder / "home") as home:
        home.variables["OMP_NUM_THREADS"] = "2"
        peak = _separate(home, source)
    shutil.rmtree(folder)
    return peak


def _separate(home: Home, source: Path) -> int:
    home.serve()
    with home.client() as client:
        result = client.separate(source, model="spectral").result(3000)
        assert result.frames == soundfile.info(source).frames
        assert result.null_dbfs == -300
        peak = client.server_info().peak_memory_bytes
    assert peak > 0
    return peak


def test_four_minutes_take_what_one_takes(tmp_path: Path) -> None:
    short, long = peak_memory(tmp_path / "1", 1), peak_memory(tmp_path / "4", 4)
    assert long <= 1.25 * short, f"{short / 1e6:.0f} MB for one minute, {long / 1e6:.0f} for four"


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_an_hour_takes_what_five_minutes_take(tmp_path: Path) -> None:
    short, long = peak_memory(tmp_path / "5", 5), peak_memory(tmp_path / "60", 60)
    print(f"\npeak memory: {short / 1e6:.0f} MB for 5 minutes, {long / 1e6:.0f} MB for 60")
    assert long <= 1.25 * short
