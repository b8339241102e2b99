"""Files placed by their time stamps."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from stamped_stems import bounce_in_stems, write_stamped

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.stamps import session_of_stamped_folder, session_of_stamps

RATE = 48_000
HOUR = 3_600 * RATE


def test_the_earliest_stamp_is_the_start(tmp_path: Path) -> None:
    bounce_in_stems(tmp_path / "stems", RATE, RATE, HOUR)
    soundfile.write(tmp_path / "stems" / "no stamp.wav", np.zeros((10, 2)), RATE)
    (tmp_path / "stems" / "._x.wav").write_bytes(b"no sound")
    (tmp_path / "stems" / "stems.json").write_text("{}")
    session = session_of_stamped_folder(tmp_path / "stems")
    assert (session.name, session.sample_rate) == ("stems", RATE)
    assert {one.name: one.clips[0].position * RATE for one in session.tracks} == {
        "bounce - bass": 6_662,
        "bounce - drums": 3_331,
        "bounce - vocals": 0,
        "no stamp": 0,
    }


def test_a_start_of_the_day_can_be_told(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    write_stamped(file, np.zeros((10, 2)), RATE, HOUR)
    session = session_of_stamps([file], origin=Fraction(3_599))
    assert session.tracks[0].clips[0].position == 1
    with pytest.raises(StemliftError) as refused:
        session_of_stamps([file], origin=Fraction(3_601))
    assert refused.value.reason is Reason.RANGE_OUTSIDE


def test_stamps_of_other_rates_are_of_the_same_day(tmp_path: Path) -> None:
    write_stamped(tmp_path / "a.wav", np.zeros((10, 2)), RATE, HOUR)
    write_stamped(tmp_path / "b.wav", np.zeros((10, 2)), 44_100, 3_601 * 44_100)
    session = session_of_stamps([tmp_path / "a.wav", tmp_path / "b.wav"])
    assert [track.clips[0].position for track in session.tracks] == [0, 1]


def test_an_empty_or_missing_folder_is_told(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(StemliftError) as refused:
            session_of_stamped_folder(folder)
        assert refused.value.reason is Reason.FILE_NOT_FOUND
