"""What is heard of a written project: rendered by the simulated REAPER, it is the mix."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from reaper_sim import Project
from session_songs import Array, cut, parts_of_a_mix, peak_db

from stemlift.sessions.rpp import add_to_rpp, write_rpp
from stemlift.sessions.timeline import Media, Session, TempoPoint, Track, whole

RATES = [44_100, 48_000, 96_000]
NAMES = ("vocals", "drums", "bass", "other")
SILENT = -120.0


def heard(path: Path, seconds: float) -> Array:
    """The project as it would be opened, and played from its start."""
    project = Project(path, path.parent)
    project.load(path.read_text(encoding="utf-8", errors="surrogateescape"))
    assert project.problems() == []
    return project.render(seconds)


def placed(mix: Array, at: int, frames: int) -> Array:
    out = np.zeros((frames, 2))
    out[at : at + len(mix)] = mix
    return out


@pytest.mark.parametrize("rate", RATES)
def test_stems_in_folders_at_odd_offsets_null_against_the_mix(tmp_path: Path, rate: int) -> None:
    frames, at = rate // 2 + 7, 12_347
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
            gain_db=-20 * np.log10(2),
            children=(
                Track("Drums", clips=pieces, gain_db=20 * np.log10(2)),
                Track(
                    "Low",
                    gain_db=20 * np.log10(2),
                    children=(Track("Bass", clips=(cut(parts["bass"], at, 0, frames),)),),
                ),
            ),
        ),
        Track("Other", clips=(cut(parts["other"], at, 0, frames),)),
        Track("Muted", clips=(cut(parts["bass"], 0, 0, frames),), mute=True),
        Track("Silent", clips=(cut(parts["bass"], 0, 0, frames, mute=True),)),
    )
    tempo = (TempoPoint(Fraction(0), 97.3), TempoPoint(Fraction(1, 3), 141.7, 7, 8))
    write_rpp(Session("song", rate, tracks, tempo), tmp_path / "song.rpp")
    total = at + frames + 100
    sound = heard(tmp_path / "song.rpp", total / rate)
    assert peak_db(sound - placed(mix, at, total)) <= SILENT
    assert peak_db(mix) > -20


@pytest.mark.parametrize("rate", RATES)
def test_a_range_of_the_song_is_heard_where_it_was_put(tmp_path: Path, rate: int) -> None:
    mix, parts = parts_of_a_mix(tmp_path, rate, rate // 2, NAMES)
    start, length, at = 3_333, rate // 5 + 1, 777
    tracks = tuple(Track(n, clips=(cut(parts[n], at, start, length),)) for n in NAMES)
    write_rpp(Session("song", rate, tracks), tmp_path / "song.rpp")
    sound = heard(tmp_path / "song.rpp", 0.6)
    expected = placed(mix[start : start + length], at, len(sound))
    assert peak_db(sound - expected) <= SILENT


def test_frames_stay_frames_hours_into_a_session(tmp_path: Path) -> None:
    rate = 44_100
    _, parts = parts_of_a_mix(tmp_path, rate, 101, ("vocals",))
    at = 3 * 3600 * rate + 1
    track = Track("v", clips=(cut(parts["vocals"], at, 0, 101),))
    write_rpp(Session("song", rate, (track,)), tmp_path / "song.rpp")
    project = Project(tmp_path / "song.rpp", tmp_path)
    project.load((tmp_path / "song.rpp").read_text())
    (item,) = project.items
    assert item.get("D_POSITION") * rate == pytest.approx(at, abs=1e-6)
    assert item.get("D_LENGTH") * rate == pytest.approx(101, abs=1e-6)


def test_fades_are_linear_so_that_a_crossfade_of_a_song_into_itself_nulls(tmp_path: Path) -> None:
    rate, frames, seam, fade = 48_000, 24_000, 10_000, 2_400
    mix, parts = parts_of_a_mix(tmp_path, rate, frames, ("song",))
    length = Fraction(fade, rate)
    clips = (
        cut(parts["song"], 0, 0, seam + fade, fade_out=length),
        cut(parts["song"], seam, seam, frames - seam, fade_in=length),
    )
    write_rpp(Session("song", rate, (Track("song", clips=clips),)), tmp_path / "s.rpp")
    sound = heard(tmp_path / "s.rpp", frames / rate)
    assert peak_db(sound - mix) <= SILENT


def test_gain_pan_and_solo_are_heard(tmp_path: Path) -> None:
    rate = 44_100
    _, parts = parts_of_a_mix(tmp_path, rate, 2_000, ("a", "b"))
    clip = replace(whole(parts["a"]), gain_db=-6.0)
    tracks = (
        Track("a", clips=(clip,), gain_db=3.0, pan=-0.25, solo=True),
        Track("b", clips=(whole(parts["b"]),)),
    )
    write_rpp(Session("song", rate, tracks), tmp_path / "song.rpp")
    sound = heard(tmp_path / "song.rpp", 2_000 / rate)
    alone = parts_read(parts["a"]) * 10 ** (-3 / 20)
    assert peak_db(sound - alone * [1.0, 0.75]) <= SILENT


def test_tracks_that_were_added_are_heard_beside_what_was_there(tmp_path: Path) -> None:
    rate = 48_000
    mix, parts = parts_of_a_mix(tmp_path, rate, 9_000, NAMES)
    folder = Track("Band", children=tuple(Track(n, clips=(whole(parts[n]),)) for n in NAMES[:2]))
    write_rpp(Session("song", rate, (folder,)), tmp_path / "song.rpp")
    more = Track("More", children=tuple(Track(n, clips=(whole(parts[n]),)) for n in NAMES[2:]))
    add_to_rpp(tmp_path / "song.rpp", [more])
    sound = heard(tmp_path / "song.rpp", 9_000 / rate)
    assert peak_db(sound - mix) <= SILENT


def test_stretch_and_pitch_are_the_items_own(tmp_path: Path) -> None:
    rate = 44_100
    _, parts = parts_of_a_mix(tmp_path, rate, 44_100, ("a",))
    clip = replace(
        whole(parts["a"]), length=Fraction(10, 11), stretch=Fraction(11, 10), pitch=-1.25
    )
    tape = replace(clip, keeps_pitch=False, pitch=0.0, position=Fraction(1))
    write_rpp(Session("song", rate, (Track("t", clips=(clip, tape)),)), tmp_path / "song.rpp")
    project = Project(tmp_path / "song.rpp", tmp_path)
    project.load((tmp_path / "song.rpp").read_text())
    one, two = (item.takes[0] for item in project.items)
    assert one is not None
    assert two is not None
    keys = ("D_PLAYRATE", "B_PPITCH", "D_PITCH")
    assert [one.get(key) for key in keys] == pytest.approx([1.1, 1, -1.25])
    assert [two.get(key) for key in keys] == pytest.approx([1.1, 0, 0])


def parts_read(media: Media) -> Array:
    import soundfile

    return soundfile.read(media.file, dtype="float64", always_2d=True)[0]
