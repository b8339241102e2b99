"""Session folders for Ardour: what is in them, and what is refused. tests/daw hears them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from session_songs import cut, parts_of_a_mix

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.ardour import write_ardour
from stemlift.sessions.ardour.times import tempo_map
from stemlift.sessions.timeline import (
    Compressor,
    Marker,
    Media,
    Session,
    TempoPoint,
    Track,
    whole,
)

RATE = 48_000


def song(folder: Path) -> Session:
    folder.mkdir(parents=True, exist_ok=True)
    _, parts = parts_of_a_mix(folder, RATE, RATE, ("vocals", "drums"))
    drums = cut(parts["drums"], 12_347, 7, 1_000, fade_in=Fraction(100, RATE), gain_db=-6.0)
    tracks = (
        Track("Song: 1/2", (1, 2, 3), clips=(whole(parts["vocals"]),), gain_db=9.0, pan=-0.5),
        Track("Band", children=(Track("Drums", clips=(drums,)), Track("Drums", solo=True))),
    )
    markers = (Marker(Fraction(1, 2), "Verse"), Marker(Fraction(0), "Song", Fraction(1)))
    return Session("song", RATE, tracks, markers=markers)


def read(folder: Path) -> ElementTree.Element:
    name = folder.name.removesuffix(".ardour")
    return ElementTree.parse(folder / f"{name}.ardour").getroot()


@pytest.mark.parametrize("name", ["song", "song.ardour"])
def test_times_are_superclocks_and_all_ids_are_one(tmp_path: Path, name: str) -> None:
    write_ardour(song(tmp_path / "media"), tmp_path / name)
    root = read(tmp_path / name)
    region = root.find("Playlists/Playlist[@name='Drums']/Region")
    assert region is not None
    frame = 282_240_000 // RATE
    assert region.get("length") == f"a{1_000 * frame}@a{12_347 * frame}"
    assert region.get("start") == f"a{7 * frame}"
    assert float(region.get("scale-amplitude", "")) == pytest.approx(10 ** (-6 / 20))
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    assert int(root.get("id-counter", "0")) >= max(int(one or 0) for one in ids)


def test_folders_are_busses_and_names_are_told_apart(tmp_path: Path) -> None:
    write_ardour(song(tmp_path / "media"), tmp_path / "song")
    routes = {one.get("name"): one for one in read(tmp_path / "song").iter("Route")}
    assert list(routes) == ["Master", "Song- 1-2", "Band", "Drums", "Drums 2"]

    def into(name: str) -> set[str]:
        return {str(one.get("other")) for one in routes[name].iter("Connection")}

    assert into("Drums") == into("Drums 2") == {"Band/audio_in 1", "Band/audio_in 2"}
    assert into("Band") == into("Song- 1-2") == {"Master/audio_in 1", "Master/audio_in 2"}
    solo = routes["Band"].find("Controllable[@name='solo']")
    assert solo is not None
    assert (solo.get("self-solo"), solo.get("soloed-by-upstream")) == ("0", "1")
    # Louder than a fader goes: the rest is trimmed before it.
    gains = [
        float(one.get("value", "0"))
        for one in routes["Song- 1-2"].iter("Controllable")
        if one.get("name") in ("trimcontrol", "gaincontrol")
    ]
    assert 20 * np.log10(np.prod(gains)) == pytest.approx(9.0)
    assert max(gains) < 2.0


def test_copied_media_make_a_folder_that_can_be_moved(tmp_path: Path) -> None:
    write_ardour(song(tmp_path / "media"), tmp_path / "song", copy_media=True)
    sources = list(read(tmp_path / "song").iter("Source"))
    inside = tmp_path / "song" / "interchange" / "song" / "audiofiles"
    assert {one.get("name") for one in sources} == {file.name for file in inside.iterdir()}
    assert {one.get("origin") for one in sources} == {""}


def test_a_tempo_map_in_bars_and_beats() -> None:
    session = Session(
        "s",
        RATE,
        tempo=(
            TempoPoint(Fraction(0), 120.0),
            TempoPoint(Fraction(3), 60.0),
            TempoPoint(Fraction(5), 60.0, 7, 8),
            TempoPoint(Fraction(9), 60.0, 3, 4),
        ),
    )
    root, told = tempo_map(session)
    assert [(one.get("bbt"), one.get("quarters")) for one in root.iter("Tempo")] == [
        ("1|1|0", "0:0"),
        ("2|3|0", "6:0"),
        ("3|1|0", "8:0"),
        ("4|2|0", "12:0"),
    ]
    assert [(one.get("bbt"), one.get("sclock")) for one in root.iter("Meter")] == [
        ("1|1|0", "0"),
        ("3|1|0", str(5 * 282_240_000)),
        ("5|1|0", str(12 * 282_240_000)),
    ]
    assert len(told) == 1


def test_what_ardour_has_no_place_for_is_told(tmp_path: Path) -> None:
    session = song(tmp_path / "media")
    first = replace(session.tracks[0], effects=(Compressor(-20.0, 2.0),))
    told = write_ardour(session.with_tracks((first,)), tmp_path / "song")
    assert told == ("The effects of Song: 1/2 are left out: Compressor.",)


def refused(session: Session, folder: Path) -> Reason:
    with pytest.raises(StemliftError) as error:
        write_ardour(session, folder)
    assert not folder.exists()
    return error.value.reason


@pytest.mark.parametrize("change", [{"stretch": Fraction(1, 2)}, {"pitch": 1.0}])
def test_stretched_sound_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    _, parts = parts_of_a_mix(tmp_path, RATE, 100, ("a",))
    clip = replace(cut(parts["a"], 0, 0, 10), **change)  # type: ignore[arg-type]
    session = Session("s", RATE, (Track("a", clips=(clip,)),))
    assert refused(session, tmp_path / "s") is Reason.STRETCHING_UNAVAILABLE


def test_other_rates_and_missing_files_are_refused(tmp_path: Path) -> None:
    _, parts = parts_of_a_mix(tmp_path, RATE, 100, ("a",))
    session = Session("s", 44_100, (Track("a", clips=(whole(parts["a"]),)),))
    assert refused(session, tmp_path / "s") is Reason.RATE_UNSUPPORTED
    parts["a"].file.unlink()
    assert refused(replace(session, sample_rate=RATE), tmp_path / "s") is Reason.MEDIA_MISSING
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_ardour_does_not_play_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.mp3"
    soundfile.write(file, np.zeros((2_000, 2)), 44_100)
    session = Session("s", 44_100, (Track("a", clips=(whole(Media(file, 44_100, 2, 1_000)),)),))
    assert refused(session, tmp_path / "s") is Reason.FORMAT_CANNOT_HOLD


def test_a_folder_that_is_there_stays_unless_forced(tmp_path: Path) -> None:
    folder = tmp_path / "song"
    folder.mkdir()
    mine = folder / "mine.txt"
    mine.write_text("mine")
    session = song(tmp_path / "media")
    for force in (False, True):
        with pytest.raises(StemliftError) as error:
            write_ardour(session, folder, force=force)
        assert error.value.reason is Reason.SESSION_EXISTS
    assert list(folder.iterdir()) == [mine]
    write_ardour(session, tmp_path / "two", copy_media=True)
    write_ardour(replace(session, markers=()), tmp_path / "two", force=True, copy_media=True)
    assert read(tmp_path / "two").find("Locations/Location[@name='Verse']") is None
    inside = tmp_path / "two" / "interchange" / "two" / "audiofiles"
    assert sorted(file.name for file in inside.iterdir()) == ["drums.wav", "vocals.wav"]


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
def test_names_that_xml_cannot_hold(tmp_path: Path) -> None:
    file = tmp_path / "a\x07b <&>.wav"
    soundfile.write(file, np.zeros((10, 2)), RATE)
    session = Session("s", RATE, (Track("\x00a", clips=(whole(Media(file, RATE, 2, 10)),)),))
    assert refused(session, tmp_path / "s") is Reason.PATH_UNSUPPORTED
    write_ardour(session, tmp_path / "s", copy_media=True)
    assert re.search("[\x00-\x08]", (tmp_path / "s" / "s.ardour").read_text()) is None
