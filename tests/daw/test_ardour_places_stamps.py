"""Stems with time stamps lie in Ardour where the bounce lay."""

from __future__ import annotations

from pathlib import Path

import pytest
from ardour_house import Ardour
from session_songs import peak_db
from stamped_stems import bounce_in_stems

from stemlift.sessions.ardour import write_ardour
from stemlift.sessions.stamps import session_of_stamped_folder

pytestmark = pytest.mark.daw

SILENT = -120.0


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_stems_placed_by_their_stamps_null_against_the_bounce(
    tmp_path: Path, ardour: Ardour, rate: int
) -> None:
    bounce = bounce_in_stems(tmp_path / "stems", rate, 2 * rate + 11, 3_600 * rate + 12_347)
    session = session_of_stamped_folder(tmp_path / "stems")
    write_ardour(session, tmp_path / "spotted")
    found = ardour.shown(tmp_path / "spotted", "spotted")
    assert len([line for line in found if line[0] == "REGION"]) == 3
    sound = ardour.rendered(tmp_path / "spotted", "spotted", rate)
    assert sound.shape == bounce.shape
    difference = peak_db(sound - bounce)
    print(f"{rate} Hz: {difference:.1f} dBFS")
    assert difference <= SILENT
    assert peak_db(bounce) > -20
