"""DAWprojects that sessions become: by the published schema, and read back as they were."""

from __future__ import annotations

import binascii
import hashlib
import os
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from dawproject_files import local_headers, project_xml, schema_errors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_songs import cut, parts_of_a_mix

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.dawproject import read_dawproject, write_dawproject
from stemlift.sessions.timeline import (
    Band,
    BandKind,
    Clip,
    Compressor,
    Equalizer,
    Marker,
    Media,
    Session,
    TempoPoint,
    Track,
    whole,
)


def song(folder: Path, rate: int = 48_000) -> Session:
    """A session with all that the model has."""
    folder.mkdir(parents=True, exist_ok=True)
    _, parts = parts_of_a_mix(folder, rate, 3 * rate + 7, ("vocals", "drums", "bass"))
    chain = (
        Equalizer(
            tuple(
                Band(kind, 80.0 * (index + 1), 0.0 if "cut" in kind else -2.5, 0.9)
                for index, kind in enumerate(BandKind)
            )
        ),
        Compressor(-18.5, 3.0, 0.015, 0.25, 1.5, enabled=False, name="Glue"),
    )
    drums = (
        cut(parts["drums"], 1_001, 17, rate, gain_db=-3.25, fade_in=Fraction(100, rate)),
        cut(parts["drums"], rate * 2, 5, rate, pitch=-2.5, fade_out=Fraction(1, 4)),
        Clip(
            parts["drums"],
            Fraction(4),
            Fraction(1),
            Fraction(333, rate),
            stretch=Fraction(120, 97),
            name="stretched",
        ),
        Clip(
            parts["drums"],
            Fraction(6),
            Fraction(1),
            stretch=Fraction(3, 2),
            keeps_pitch=False,
            mute=True,
            pitch=1.0,
            gain_db=2.0,
        ),
    )
    tracks = (
        Track(
            "Vocals", (224, 94, 138), -4.5, -0.25, effects=chain, clips=(whole(parts["vocals"]),)
        ),
        Track(
            'Band <&> "it\'s"',
            (1, 2, 3),
            gain_db=1.5,
            solo=True,
            clips=(cut(parts["bass"], 0, 0, 100),),
            children=(
                Track("Drums", clips=drums, mute=True),
                Track("Low", pan=1.0, children=(Track("Bass", clips=(whole(parts["bass"]),)),)),
            ),
        ),
        Track("Empty – 歌"),
    )
    tempo = (
        TempoPoint(Fraction(0), 97.3, 3, 4),
        TempoPoint(Fraction(rate + 11, rate), 141.75, 7, 8),
        TempoPoint(Fraction(3), 120.0, 7, 8),
    )
    markers = (
        Marker(Fraction(1, 2), "Verse", None, (10, 20, 30)),
        Marker(Fraction(77, rate), "Chorus\n2", Fraction(3, 2)),
    )
    return Session("song", rate, tracks, tempo, markers)


@pytest.mark.parametrize("embed", [False, True])
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_all_of_a_session_is_by_the_schema_and_is_read_back(
    tmp_path: Path, rate: int, embed: bool
) -> None:
    session = song(tmp_path / "media", rate)
    path = tmp_path / "song.dawproject"
    told = write_dawproject(session, path, embed=embed)
    assert schema_errors(project_xml(path)) == []
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert schema_errors(archive.read("metadata.xml"), "MetaData") == []
    read = read_dawproject(path)
    back = read.unpacked(tmp_path / "out") if embed else read.session
    if embed:
        for old, new in zip(session.media, back.media, strict=True):
            assert new.file.read_bytes() == old.file.read_bytes()
        files = dict(zip(back.media, session.media, strict=True))
        back = _placed(back, files)
    assert back == session
    assert len(told) == 2


def _placed(session: Session, files: dict[Media, Media]) -> Session:
    def track(one: Track) -> Track:
        clips = tuple(replace(clip, media=files[clip.media]) for clip in one.clips)
        return replace(one, clips=clips, children=tuple(map(track, one.children)))

    return session.with_tracks(map(track, session.tracks))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(st.text(max_size=12), min_size=1, max_size=4),
    frames=st.lists(st.integers(0, 10**10), min_size=3, max_size=3),
    levels=st.lists(st.floats(-90, 24), min_size=2, max_size=2),
    bpms=st.lists(st.floats(20, 400), min_size=1, max_size=4),
    stretch=st.fractions(Fraction(1, 4), 4, max_denominator=999),
)
def test_any_session_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    frames: list[int],
    levels: list[float],
    bpms: list[float],
    stretch: Fraction,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    file = folder / "a.wav"
    file.write_bytes(b"RIFF")
    rate = 44_100
    media = Media(file, rate, 2, 2 * 10**10 * 4)
    clip = Clip(
        media,
        Fraction(frames[0], rate),
        Fraction(frames[1] + 1, rate),
        Fraction(frames[2], rate),
        gain_db=levels[0],
        stretch=stretch,
    )
    media = Media(file, rate, 2, int(clip.source_start * rate + clip.source_length * rate) + 2)
    clip = replace(clip, media=media)
    tracks = tuple(Track(name, gain_db=levels[1], clips=(clip,)) for name in names)
    tempo = tuple(TempoPoint(Fraction(i * 12_345, rate), bpm) for i, bpm in enumerate(bpms))
    path = folder / "a.dawproject"
    write_dawproject(Session("a", rate, tracks, tempo), path)
    assert schema_errors(project_xml(path)) == []
    back = read_dawproject(path).session
    assert back.tempo == tempo
    for one, track in zip(back.tracks, tracks, strict=True):
        assert len(one.name) == len(track.name)
        assert one.gain_db == pytest.approx(track.gain_db, abs=1e-8)
        found = one.clips[0]
        assert found.gain_db == pytest.approx(clip.gain_db, abs=1e-8)
        assert (found.position, found.length) == (clip.position, clip.length)
        assert found.stretch == clip.stretch
        assert found.media == clip.media
        assert abs(found.source_start - clip.source_start) < Fraction(1, 2 * rate)


def test_local_headers_carry_checksums(tmp_path: Path) -> None:
    path = tmp_path / "song.dawproject"
    write_dawproject(song(tmp_path), path, embed=True)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    headers = local_headers(path)
    assert len(headers) == 5
    for name, (flags, checksum, _, size) in headers.items():
        assert not flags & 0x8, "its sizes would stand behind it"
        assert checksum == binascii.crc32(contents[name])
        assert size == len(contents[name])


def test_twice_the_same_is_the_same_bytes(tmp_path: Path) -> None:
    session = song(tmp_path)
    one, two = tmp_path / "one.dawproject", tmp_path / "two.dawproject"
    write_dawproject(session, one, embed=True)
    write_dawproject(session, two, embed=True)
    assert one.read_bytes() == two.read_bytes()


def test_media_copied_beside_are_named_from_there(tmp_path: Path) -> None:
    folder = tmp_path / "self-contained"
    write_dawproject(song(tmp_path / "far"), folder / "song.dawproject", copy_media=True)
    moved = folder.rename(tmp_path / "moved")
    session = read_dawproject(moved / "song.dawproject").session
    assert {media.file for media in session.media} == {
        moved / "Media" / f"{name}.wav" for name in ("vocals", "drums", "bass")
    }
    assert all(media.file.is_file() for media in session.media)


@pytest.mark.parametrize("name", ['it\'s "a" `b` & <c>.wav', "ÄÖ 歌 🎵.wav", "a%20b;#.wav"])
def test_odd_names_are_kept(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    soundfile.write(file, np.zeros((10, 2)), 44_100)
    session = Session("s", 44_100, (Track(name, clips=(whole(Media(file, 44_100, 2, 10)),)),))
    write_dawproject(session, tmp_path / "s.dawproject")
    assert read_dawproject(tmp_path / "s.dawproject").session == replace(
        session, tempo=(TempoPoint(Fraction(0), 120.0),)
    )


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
@pytest.mark.parametrize("name", ["back\\slash.wav", "line\x07bell.wav"])
def test_names_that_the_format_cannot_hold_are_refused_or_put_inside(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    soundfile.write(file, np.zeros((10, 2)), 44_100)
    session = Session("s", 44_100, (Track(name, clips=(whole(Media(file, 44_100, 2, 10)),)),))
    path = tmp_path / "s.dawproject"
    with pytest.raises(StemliftError) as refused:
        write_dawproject(session, path)
    assert refused.value.reason is Reason.PATH_UNSUPPORTED
    assert not path.exists()
    write_dawproject(session, path, embed=True)
    assert schema_errors(project_xml(path)) == []


def test_what_is_there_stays_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "song.dawproject"
    path.write_text("mine")
    with pytest.raises(StemliftError) as refused:
        write_dawproject(song(tmp_path), path)
    assert refused.value.reason is Reason.SESSION_EXISTS
    assert path.read_text() == "mine"
    write_dawproject(song(tmp_path), path, force=True)
    assert zipfile.is_zipfile(path)


def test_a_missing_file_writes_nothing(tmp_path: Path) -> None:
    session = song(tmp_path / "media")
    (tmp_path / "media" / "bass.wav").unlink()
    with pytest.raises(StemliftError) as refused:
        write_dawproject(session, tmp_path / "out" / "song.dawproject", copy_media=True)
    assert refused.value.reason is Reason.MEDIA_MISSING
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_leaves_what_was_there(tmp_path: Path) -> None:
    session = song(tmp_path / "media")
    path = tmp_path / "song.dawproject"
    write_dawproject(session, path, embed=True)
    before = hashlib.sha256(path.read_bytes()).digest()
    (tmp_path / "media" / "bass.wav").chmod(0)
    with pytest.raises(StemliftError) as refused:
        write_dawproject(session, path, embed=True, force=True)
    assert refused.value.reason is Reason.FILE_UNREADABLE
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert {one.name for one in tmp_path.iterdir()} == {"media", "song.dawproject"}
