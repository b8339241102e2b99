"""From a bounce in the inbox to its stems in a DAW: each where the bounce was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ardour_house import Ardour
from ardour_window import import_by_stamps, window_missing
from bounces import write_bounce
from real_server import Home, home_in
from session_songs import peak_db
from signals import read_floats, song

from stemlift.sessions.ardour import write_ardour
from stemlift.sessions.media import with_facts
from stemlift.sessions.rpp import read_rpp
from stemlift.sessions.stamps import session_of_stamped_folder
from stemlift.sessions.timeline import Session, at_frame

pytestmark = pytest.mark.daw

SILENT = -120.0
RECIPE = 'model = "spectral"\nalso = ["rpp"]\n'


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with home_in(tmp_path / "stemlift") as home:
        home.serve()
        yield home


def watched(home: Home, folder: Path, rate: int, stamp: int) -> tuple[Path, Path]:
    """A bounce in an inbox, and the result that `stemlift watch` made of it."""
    inbox, outbox = folder / "inbox", folder / "outbox"
    inbox.mkdir()
    (inbox / "stemlift.toml").write_text(RECIPE)
    bounce = write_bounce(inbox / "bounce.wav", song(2 * rate + 11, 2, rate), rate, stamp)
    done = home.run("watch", str(inbox), "--out", str(outbox), "--once")
    assert done.returncode == 0, done.stderr
    result = outbox / "bounce"
    assert len(list(result.glob("*.wav"))) == 4
    return bounce, result


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_ardour_imports_a_result_by_its_stamps(
    tmp_path: Path, home: Home, ardour: Ardour, rate: int
) -> None:
    if why := window_missing():
        pytest.skip(why)
    stamp = 3_600 * rate + 12_347
    bounce, result = watched(home, tmp_path, rate, stamp)
    folder = tmp_path / "spotted"
    write_ardour(Session("spotted", rate), folder)
    file = folder / "spotted.ardour"
    # Its own setting rounds off the ends of every region over 64 frames.
    option = '"use-region-fades" value="{}"'
    file.write_text(file.read_text().replace(option.format(1), option.format(0)))
    import_by_stamps(ardour, folder, sorted(result.glob("*.wav")), rate)

    regions = [line for line in ardour.shown(folder, "spotted") if line[0] == "REGION"]
    assert [line[2] for line in regions] == [str(stamp)] * 4
    assert_nulls(ardour, folder, bounce, rate, "imported by stamps")


def test_a_session_that_is_written_from_the_stamps_alone(
    tmp_path: Path, home: Home, ardour: Ardour
) -> None:
    rate = 44_100
    stamp = 3_600 * rate + 12_347
    bounce, result = watched(home, tmp_path, rate, stamp)
    session = session_of_stamped_folder(result, origin=at_frame(stamp, rate))
    write_ardour(session, tmp_path / "written")
    assert_nulls(ardour, tmp_path / "written", bounce, rate, "written from stamps")


def test_the_session_of_a_result_sounds_like_the_bounce(
    tmp_path: Path, home: Home, ardour: Ardour
) -> None:
    rate = 48_000
    bounce, result = watched(home, tmp_path, rate, 12_347)
    session = with_facts(read_rpp(result / "bounce.rpp").session)
    write_ardour(session, tmp_path / "opened")
    assert_nulls(ardour, tmp_path / "opened", bounce, rate, "its session")


def assert_nulls(ardour: Ardour, folder: Path, bounce: Path, rate: int, told: str) -> None:
    sound, mix = ardour.rendered(folder, folder.name, rate), read_floats(bounce)
    assert sound.shape == mix.shape
    difference = peak_db(sound - mix)
    print(f"{told}, {rate} Hz: {difference:.1f} dBFS")
    assert difference <= SILENT
    assert peak_db(mix) > -20
