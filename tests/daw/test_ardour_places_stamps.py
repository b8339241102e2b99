"""Stems with time stamps lie in Ardour where the bounce lay."""

from __future__ import annotations

from pathlib import Path

import pytest
from ardour_house import Ardour
from ardour_window import import_by_stamps, window_missing
from session_songs import peak_db
from stamped_stems import bounce_in_stems

from stemlift.sessions.ardour import write_ardour
from stemlift.sessions.stamps import session_of_stamped_folder
from stemlift.sessions.timeline import Session

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


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_stems_that_ardour_imports_by_their_stamps_null_against_the_bounce(
    tmp_path: Path, ardour: Ardour, rate: int
) -> None:
    if why := window_missing():
        pytest.skip(why)
    start = 3_600 * rate + 12_347
    bounce = bounce_in_stems(tmp_path / "stems", rate, 2 * rate + 11, start)
    folder = tmp_path / "spotted"
    write_ardour(Session("spotted", rate), folder)
    file = folder / "spotted.ardour"
    # Its own setting rounds off the ends of every region over 64 frames.
    option = '"use-region-fades" value="{}"'
    file.write_text(file.read_text().replace(option.format(1), option.format(0)))
    stems = sorted((tmp_path / "stems").iterdir())
    import_by_stamps(ardour, folder, stems, rate)
    found = ardour.shown(folder, "spotted")
    positions = sorted(int(line[2]) for line in found if line[0] == "REGION")
    assert positions == [start, start + 3_331, start + 6_662]
    sound = ardour.rendered(folder, "spotted", rate)
    assert sound.shape == bounce.shape
    difference = peak_db(sound - bounce)
    print(f"imported, {rate} Hz: {difference:.1f} dBFS")
    assert difference <= SILENT
