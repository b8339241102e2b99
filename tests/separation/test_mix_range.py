"""The range of a mix, in frames and in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from signals import song, write

from stemlift.audio.channels import ChannelMap, ChannelMode
from stemlift.errors import Reason, StemliftError
from stemlift.separation.mix import Range, open_mix


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "s.wav", song(48_000, 2, 48_000), 48_000, "PCM_16")


@pytest.mark.parametrize("seconds", [1.0, 99.0, 1e12, 1e305, 1.7e308])
def test_a_start_beyond_the_file(source: Path, seconds: float) -> None:
    with pytest.raises(StemliftError) as caught:
        open_mix(source, Range(start_seconds=seconds), ChannelMap())
    assert caught.value.reason is Reason.RANGE_OUTSIDE


@pytest.mark.parametrize("seconds", [0.6, 1e12, 1e305, 1.7e308])
def test_a_duration_beyond_the_file_ends_with_it(source: Path, seconds: float) -> None:
    wish = Range(start_seconds=0.5, duration_seconds=seconds)
    mix, warnings = open_mix(source, wish, ChannelMap())
    assert (mix.start_frame, mix.frames) == (24_000, 24_000)
    assert len(warnings) == 1


def test_more_channels_than_can_be_separated_at_once(tmp_path: Path) -> None:
    wide = write(tmp_path / "wide.wav", song(100, 33, 48_000), 48_000, "PCM_16")
    with pytest.raises(StemliftError) as caught:
        open_mix(wide, Range(), ChannelMap())
    assert caught.value.reason is Reason.CHANNEL_MAP_INVALID
    pair = ChannelMap(ChannelMode.PAIR, 30, 32)
    assert open_mix(wide, Range(), pair)[0].layout.channels == 2
