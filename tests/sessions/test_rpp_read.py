"""Projects that others wrote: every byte kept, and what of them a session can say."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rpp_projects import RICH, VARIANTS
from session_songs import parts_of_a_mix

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.media import with_facts
from stemlift.sessions.rpp import project as reading
from stemlift.sessions.rpp import read_rpp, write_rpp
from stemlift.sessions.rpp.project import RppProject
from stemlift.sessions.timeline import (
    Clip,
    Marker,
    Media,
    OtherEffect,
    Session,
    TempoPoint,
    Track,
    at_frame,
    walk,
)


def project(folder: Path, data: bytes | str) -> RppProject:
    path = folder / "Söng.rpp"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_rpp(path)


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_read_is_written_again_byte_for_byte(tmp_path: Path, name: str) -> None:
    read = project(tmp_path, VARIANTS[name])
    assert read.bytes == VARIANTS[name]
    assert read.session.name == "Söng"
    read.save()
    assert read.path.read_bytes() == VARIANTS[name]


def test_a_rich_project_is_told(tmp_path: Path) -> None:
    session = project(tmp_path, RICH).session
    assert session.sample_rate == 48_000
    assert [(d, t.name) for d, t in walk(session.tracks)] == [
        (0, "Band"),
        (1, "Drums"),
        (1, "back ' and \""),
        (0, "Reverb return"),
    ]
    band, drums = session.tracks[0], session.tracks[0].children[0]
    assert (band.colour, drums.colour) == ((103, 242, 83), None)
    assert band.gain_db == pytest.approx(-6.0206, abs=1e-4)
    assert (band.pan, band.channels, band.mute, drums.mute) == (-0.25, 4, False, True)
    assert band.effects == (
        OtherEffect("VST3: Some Compressor (Vendor)"),
        OtherEffect("Container", enabled=False),
        OtherEffect("Video processor"),
    )


def test_the_active_take_of_an_item_is_the_clip(tmp_path: Path) -> None:
    session = project(tmp_path, RICH).session
    (clip,) = session.clips
    assert (clip.position, clip.length) == (Fraction(3, 2), 4)
    assert clip.name == "take 'two'"
    # Into the section of the file by the take's own offset.
    assert clip.source_start == 17
    assert (clip.stretch, clip.pitch, clip.keeps_pitch) == (2, 0, False)
    assert clip.gain_db == 0
    assert (clip.fade_in, clip.fade_out) == (Fraction(1, 8), Fraction(1, 2))
    assert not clip.media.known


def test_the_first_take_counts_where_none_is_active(tmp_path: Path) -> None:
    (clip,) = project(tmp_path, RICH.replace("TAKE SEL", "TAKE")).session.clips
    assert clip.file == tmp_path / "Audio Files" / "drums one.wav"
    assert (clip.stretch, clip.pitch, clip.keeps_pitch) == (Fraction(5, 4), -2.5, True)
    # A quarter of full scale, its polarity turned.
    assert clip.gain_db == pytest.approx(-12.0412, abs=1e-4)


@pytest.mark.parametrize("mode", [2, 3])
def test_what_is_played_backwards_is_no_clip(tmp_path: Path, mode: int) -> None:
    assert project(tmp_path, RICH.replace("MODE 0", f"MODE {mode}")).session.clips == ()


def test_tempo_and_markers_are_told(tmp_path: Path) -> None:
    session = project(tmp_path, RICH).session
    assert [(p.bpm, p.numerator, p.denominator) for p in session.tempo] == [
        (96.5, 4, 4),
        (120.25, 4, 4),
        (90, 3, 4),
    ]
    assert [(m.position, m.name, m.length, m.colour) for m in session.markers] == [
        (0, "Start", None, None),
        (Fraction(9, 2), 'Verse "1"', 8, (0xFF, 0x03, 0x00)),
        (30, 'the "end"', None, None),
    ]


def test_folders_that_nothing_closes_end_with_the_last_track(tmp_path: Path) -> None:
    text = "<REAPER_PROJECT\n" + "<TRACK\nISBUS 1 1\n>\n" * 3 + "<TRACK\n>\n>\n"
    session = project(tmp_path, text).session
    assert [depth for depth, _ in walk(session.tracks)] == [0, 1, 2, 3]
    text = "<REAPER_PROJECT\n<TRACK\nISBUS 2 -5\n>\n<TRACK\n>\n>\n"
    assert [depth for depth, _ in walk(project(tmp_path, text).session.tracks)] == [0, 0]


@pytest.mark.parametrize(
    "values",
    [
        "nan nan nan nan",
        "inf -inf 1e999 1e308",
        "1e300 -1e300 1e20 -1e20",
        "x y z",
        "",
        "9" * 5000 + " 1",
        '"',
    ],
)
def test_numbers_that_are_none_do_no_harm(tmp_path: Path, values: str) -> None:
    text = RICH
    for key in ("SAMPLERATE", "TEMPO", "PT", "MARKER", "VOLPAN", "ISBUS", "PEAKCOL", "NCHAN"):
        text = _with(text, key, values)
    for key in ("POSITION", "LENGTH", "SOFFS", "PLAYRATE", "FADEIN", "STARTPOS", "MODE", "MUTE"):
        text = _with(text, key, values)
    read = project(tmp_path, text)
    assert len(list(walk(read.session.tracks))) == 4
    assert read.bytes == text.encode()


def _with(text: str, key: str, values: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        f"{line[: line.index(key)]}{key} {values}" if line.split()[:1] == [key] else line
        for line in lines
    )


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no project"),
        (b"RIFF\x24\x00\x00\x00WAVE", "no project"),
        (b"PK\x03\x04", "no project"),
        (b"<TRACK\n>\n", "no project"),
        (RICH.encode("utf-16"), "no project"),
        (b"\n\n<REAPER_PROJECT\n>", "no project"),
        (RICH[:4000].encode(), "damaged"),
        (b"<REAPER_PROJECT\n>\n>\n", "damaged"),
        (b"<REAPER_PROJECT\n>\nmore\n", "damaged"),
        (b"<REAPER_PROJECT\n" + b"<A\n" * 10_000 + b">\n" * 10_001, "deep"),
        (b"<REAPER_PROJECT\n" + b"<TRACK\nISBUS 1 1\n>\n" * 10_000 + b">", "folders"),
    ],
)
def test_what_is_no_project_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(StemliftError) as caught:
        project(tmp_path, data)
    assert caught.value.reason is Reason.SESSION_UNREADABLE
    assert told in caught.value.message
    assert "Söng.rpp" in caught.value.message


def test_a_file_larger_than_any_project_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST", 1 << 20)
    with pytest.raises(StemliftError) as caught:
        project(tmp_path, b"<REAPER_PROJECT\n" + b" " * (1 << 20))
    assert caught.value.reason is Reason.SESSION_UNREADABLE
    assert "1 MiB" in caught.value.message


def test_a_project_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StemliftError) as caught:
        read_rpp(tmp_path / "gone.rpp")
    assert caught.value.reason is Reason.FILE_NOT_FOUND
    with pytest.raises(StemliftError) as caught:
        read_rpp(tmp_path)
    assert caught.value.reason is Reason.SESSION_UNREADABLE


def test_reading_opens_no_media_and_facts_come_when_asked(tmp_path: Path) -> None:
    _, parts = parts_of_a_mix(tmp_path, 44_100, 1_000, ("song",))
    text = "<REAPER_PROJECT\n<TRACK\n" + _item("song.wav") + _item("gone.wav") + ">\n>\n"
    session = project(tmp_path, text).session
    assert [clip.media.known for clip in session.clips] == [False, False]
    facts = with_facts(session)
    assert facts.clips[0].media == parts["song"]
    assert facts.clips[1].media == Media(tmp_path / "gone.wav", 0, 0, 0)


def _item(file: str) -> str:
    return f'<ITEM\nPOSITION 0\nLENGTH 1\nNAME x\n<SOURCE WAVE\nFILE "{file}"\n>\n>\n'


rates = st.sampled_from([44_100, 48_000, 96_000])
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)
levels = st.floats(-60, 12).map(lambda x: round(x, 3))
colours = st.none() | st.tuples(*[st.integers(0, 255)] * 3)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    rate = draw(rates)
    media = Media(Path("song.wav"), 48_000, 2, 48_000)
    frames = st.integers(0, 10 * 3600 * rate)

    def clip() -> Clip:
        start = draw(st.integers(0, 40_000))
        length = draw(st.integers(1, 48_000 - start))
        stretch = draw(st.sampled_from([Fraction(1), Fraction(11, 10), Fraction(97, 120)]))
        return Clip(
            media,
            position=at_frame(draw(frames), rate),
            length=at_frame(length, 48_000) if stretch == 1 else at_frame(100, rate),
            source_start=at_frame(start if stretch == 1 else 0, 48_000),
            name=draw(names.filter(bool)),
            gain_db=draw(levels),
            stretch=stretch,
            pitch=draw(st.integers(-120, 120)) / 10,
            keeps_pitch=draw(st.booleans()),
            mute=draw(st.booleans()),
        )

    def track(depth: int) -> Track:
        children = draw(st.integers(0, 2)) if depth < 3 else 0
        return Track(
            draw(names),
            colour=draw(colours),
            gain_db=draw(levels),
            pan=draw(st.integers(-100, 100)) / 100,
            mute=draw(st.booleans()),
            solo=draw(st.booleans()),
            clips=tuple(clip() for _ in range(draw(st.integers(0, 2)))),
            children=tuple(track(depth + 1) for _ in range(children)),
        )

    places = sorted(draw(st.sets(st.integers(1, 10**7), max_size=4)))
    tempo = [TempoPoint(Fraction(0), draw(st.integers(300, 2500)) / 10, 3, 4)]
    tempo += [
        TempoPoint(at_frame(p, rate), draw(st.integers(300, 2500)) / 10, draw(st.integers(1, 9)), 8)
        for p in places
    ]
    markers = [
        Marker(
            at_frame(draw(frames), rate),
            draw(names),
            draw(st.none() | st.integers(1, 10**6).map(lambda n: at_frame(n, rate))),
            draw(colours),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    tracks = tuple(track(0) for _ in range(draw(st.integers(0, 3))))
    return Session("song", rate, tracks, tuple(tempo), tuple(markers))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    parts_of_a_mix(folder, 48_000, 48_000, ("song",))
    return folder


@settings(max_examples=60)
@given(session=sessions())
def test_a_session_comes_back_as_it_was_written(place: Path, session: Session) -> None:
    from stemlift.sessions.media import with_media

    there = with_media(
        session, lambda m: Media(place / m.file, m.sample_rate, m.channels, m.frames)
    )
    write_rpp(there, place / "song.rpp", force=True)
    back = with_facts(read_rpp(place / "song.rpp").session)
    assert back == kept(there)


def kept(session: Session) -> Session:
    """What the format loses: a back-quote where all three kinds of quotes are in a name."""
    from dataclasses import replace

    from stemlift.sessions.rpp.lines import label

    def track(one: Track) -> Track:
        clips = tuple(replace(clip, name=label(clip.name)) for clip in one.clips)
        children = tuple(map(track, one.children))
        return replace(one, name=label(one.name), clips=clips, children=children)

    markers = tuple(replace(one, name=label(one.name)) for one in session.markers)
    return replace(session, tracks=tuple(map(track, session.tracks)), markers=markers)
