"""Ardour opens the sessions that we write, and what it renders is the mix."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ardour_house import Ardour
from session_songs import Array, cut, parts_of_a_mix, peak_db

from stemlift.sessions.ardour import write_ardour
from stemlift.sessions.timeline import Marker, Session, TempoPoint, Track, whole

pytestmark = pytest.mark.daw

RATES = [44_100, 48_000, 96_000]
NAMES = ("vocals", "drums", "bass", "other")
SILENT = -120.0
DOUBLE = 20 * np.log10(2)


def placed(mix: Array, at: int, frames: int) -> Array:
    out = np.zeros((frames, 2))
    out[at : at + len(mix)] = mix
    return out


@pytest.mark.parametrize("copy_media", [False, True])
@pytest.mark.parametrize("rate", RATES)
def test_stems_in_folders_at_odd_offsets_null_against_the_mix(
    tmp_path: Path, ardour: Ardour, rate: int, copy_media: bool
) -> None:
    frames, at = 2 * rate + 7, 12_347
    mix, parts = parts_of_a_mix(tmp_path, rate, frames, NAMES)
    first, second = 4_999, 11_003
    pieces = tuple(
        cut(parts["drums"], at + start, start, end - start)
        for start, end in ((0, first), (first, second), (second, frames))
    )
    tracks = (
        Track("Vocals", (224, 94, 138), clips=(cut(parts["vocals"], at, 0, frames),)),
        Track(
            "Band",
            gain_db=-DOUBLE,
            children=(
                Track("Drums", clips=pieces, gain_db=DOUBLE),
                Track(
                    "Low",
                    gain_db=DOUBLE,
                    clips=(cut(parts["bass"], at, 0, first),),
                    children=(
                        Track(
                            "Bass", clips=(cut(parts["bass"], at + first, first, frames - first),)
                        ),
                    ),
                ),
            ),
        ),
        Track("Other: 歌 & <x>", clips=(cut(parts["other"], at, 0, frames),)),
        Track("Muted", clips=(cut(parts["bass"], 0, 0, frames),), mute=True),
        Track("Silent", clips=(cut(parts["bass"], 0, 0, frames, mute=True),)),
        Track("Empty"),
    )
    tempo = (TempoPoint(Fraction(0), 97.3), TempoPoint(Fraction(1, 3), 141.7, 7, 8))
    markers = (Marker(Fraction(1, 2), "Verse"), Marker(Fraction(1), "Chorus", Fraction(1, 2)))
    session = Session("song", rate, tracks, tempo, markers)
    write_ardour(session, tmp_path / "song", copy_media=copy_media)
    if copy_media:
        (tmp_path / "song").rename(tmp_path / "moved")
        for media in session.media:
            media.file.unlink()
    folder = tmp_path / ("moved" if copy_media else "song")
    found = ardour.shown(folder, "song")
    assert ["REGION", "Drums", str(at + first), str(second - first), str(first)] in found
    assert ["LOCATION", "Chorus", str(rate), str(rate + rate // 2)] in found
    sound = ardour.rendered(folder, "song", rate)
    difference = peak_db(sound - placed(mix, at, len(sound)))
    print(f"{rate} Hz: {difference:.1f} dBFS")
    assert len(sound) == at + frames
    assert difference <= SILENT
    assert peak_db(mix) > -20


@pytest.mark.parametrize("rate", RATES)
def test_a_range_of_the_song_is_heard_where_it_was_put(
    tmp_path: Path, ardour: Ardour, rate: int
) -> None:
    mix, parts = parts_of_a_mix(tmp_path, rate, rate, NAMES)
    start, length, at = 3_333, rate // 2 + 1, 777
    tracks = tuple(Track(n, clips=(cut(parts[n], at, start, length),)) for n in NAMES)
    write_ardour(Session("song", rate, tracks), tmp_path / "range.ardour")
    sound = ardour.rendered(tmp_path / "range.ardour", "range", rate)
    expected = placed(mix[start : start + length], at, len(sound))
    difference = peak_db(sound - expected)
    print(f"{rate} Hz: {difference:.1f} dBFS")
    assert difference <= SILENT


def test_gains_pans_fades_and_overlaps_are_those_of_the_model(
    tmp_path: Path, ardour: Ardour
) -> None:
    rate, frames = 48_000, 48_000
    _, parts = parts_of_a_mix(tmp_path, rate, frames, ("a", "b"))
    _, mono = parts_of_a_mix(tmp_path / ".", rate, frames, ("m",), channels=1)
    fade = 4_800
    tracks = (
        Track(
            "A",
            gain_db=-7.25,
            pan=-0.5,
            clips=(
                cut(parts["a"], 0, 0, 30_000, gain_db=9.5, fade_in=Fraction(fade, rate)),
                cut(parts["b"], 20_000, 0, 20_000, gain_db=-3.0, fade_out=Fraction(fade, rate)),
            ),
        ),
        Track("Loud", gain_db=11.0, pan=1.0, clips=(whole(mono["m"]),)),
        Track("Solo off", gain_db=-80.0, clips=(cut(parts["b"], 0, 0, 10),)),
    )
    write_ardour(Session("song", rate, tracks), tmp_path / "song")
    sound = ardour.rendered(tmp_path / "song", "song", rate)

    samples = {n: soundfile.read(tmp_path / f"{n}.wav", always_2d=True)[0] for n in "abm"}
    expected = np.zeros((frames, 2))
    rise = np.ones(30_000)
    rise[:fade] = np.arange(fade) / fade
    fall = np.ones(20_000)
    fall[-fade:] = 1 - np.arange(fade) / fade
    left = np.array([1.0, 0.5]) * 10 ** (-7.25 / 20)
    expected[:30_000] += left * samples["a"][:30_000] * rise[:, None] * 10 ** (9.5 / 20)
    expected[20_000:40_000] += left * samples["b"][:20_000] * fall[:, None] * 10 ** (-3 / 20)
    expected += np.array([0.0, 1.0]) * samples["m"] * 10 ** (11 / 20)
    expected[:10] += samples["b"][:10] * 10 ** (-80 / 20)
    difference = np.abs(sound - expected)
    inside = np.ones(frames, dtype=bool)
    inside[:fade] = inside[40_000 - fade : 40_000] = False
    print(f"fades {peak_db(difference[~inside]):.1f}, the rest {peak_db(difference[inside]):.1f}")
    assert peak_db(difference[inside]) <= SILENT
    assert peak_db(difference[~inside]) <= -80.0


def test_solo_is_heard_through_its_folders(tmp_path: Path, ardour: Ardour) -> None:
    rate = 44_100
    _, parts = parts_of_a_mix(tmp_path, rate, rate, ("a", "b", "c", "d"))
    clips = {name: (whole(media),) for name, media in parts.items()}
    tracks = (
        Track("A", clips=clips["a"]),
        Track(
            "F", children=(Track("B", clips=clips["b"], solo=True), Track("C", clips=clips["c"]))
        ),
        Track("G", solo=True, children=(Track("D", clips=clips["d"]),)),
    )
    write_ardour(Session("song", rate, tracks), tmp_path / "song")
    sound = ardour.rendered(tmp_path / "song", "song", rate)

    expected = sum(soundfile.read(parts[n].file, always_2d=True)[0] for n in "bd")
    assert peak_db(sound - expected) <= SILENT


def test_a_file_that_is_gone_is_noticed_by_this_house(tmp_path: Path, ardour: Ardour) -> None:
    _, parts = parts_of_a_mix(tmp_path, 44_100, 44_100, ("a",))
    session = Session("song", 44_100, (Track("A", clips=(whole(parts["a"]),)),))
    write_ardour(session, tmp_path / "song")
    ardour.shown(tmp_path / "song", "song")
    gone = replace(parts["a"], file=tmp_path / "gone.wav")
    parts["a"].file.rename(gone.file)
    with pytest.raises(AssertionError, match="missing"):
        ardour.shown(tmp_path / "song", "song")
