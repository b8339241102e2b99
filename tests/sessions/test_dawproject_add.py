"""Projects that exist, extended: what is there stays, byte for byte."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from dawproject_files import archive_of, local_headers, project_xml, schema_errors
from session_songs import parts_of_a_mix
from test_dawproject_read import BITWIG

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.dawproject import add_to_dawproject, read_dawproject
from stemlift.sessions.timeline import Session, Track, whole

FOREIGN = (
    BITWIG.replace("<Scenes/>", "<Scenes/><!-- mine --><x:own xmlns:x=\"urn:x\" a = '1'/>")
    .replace("\n", "\r\n")
    .encode()
)


def new_tracks(folder: Path) -> tuple[Track, ...]:
    _, parts = parts_of_a_mix(folder, 48_000, 4_800, ("vocals", "rest"))
    return (
        Track("Song <2>", children=(Track("Vocals", clips=(whole(parts["vocals"]),)),)),
        Track("Rest", gain_db=-3.0, clips=(whole(parts["rest"]),)),
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return archive_of(
        tmp_path / "p.dawproject",
        {
            "project.xml": FOREIGN,
            "metadata.xml": b"<MetaData/>",
            "plugins/d19b1f6e.clap-preset": bytes(range(256)) * 99,
            "audio/Vocals.wav": b"another",
            "empty/": b"",
        },
    )


def kept(text: bytes) -> bytes:
    """What was there: all lines of ours end with a line feed alone, the first of a run before
    anything is in it."""
    lines = re.split(rb"(?<=\n)", text)
    return b"".join(
        line if line.endswith(b"\r\n") else b"" if line.strip() else line[:-1] for line in lines
    )


@pytest.mark.parametrize("embed", [False, True])
def test_nothing_that_is_there_changes(project: Path, tmp_path: Path, embed: bool) -> None:
    with zipfile.ZipFile(project) as archive:
        before = {entry.filename: (archive.read(entry), entry) for entry in archive.infolist()}
    old = read_dawproject(project).session
    tracks = new_tracks(tmp_path)
    add_to_dawproject(project, tracks, embed=embed)
    text = project_xml(project)
    assert schema_errors(re.sub(rb"<x:own[^>]*>", b"", text)) == []
    with zipfile.ZipFile(project) as archive:
        for name, (data, entry) in before.items():
            if name != "project.xml":
                assert archive.read(name) == data
                now = archive.getinfo(name)
                assert (now.date_time, now.compress_type, now.external_attr) == (
                    entry.date_time,
                    entry.compress_type,
                    entry.external_attr,
                )
        assert len(archive.namelist()) == len(before) + (2 if embed else 0)
    assert kept(text) == FOREIGN
    session = read_dawproject(project).session
    assert session.tracks[: len(old.tracks)] == old.tracks
    assert (session.tempo, session.markers) == (old.tempo, old.markers)
    assert [track.name for track in session.tracks[len(old.tracks) :]] == ["Song <2>", "Rest"]
    if embed:
        assert session.tracks[-1].clips[0].file == project / "audio" / "rest.wav"
        assert session.tracks[-2].children[0].clips[0].file.name == "vocals 2.wav"
    else:
        assert session.tracks[-2:] == tracks
    for _, checksum, _, size in local_headers(project).values():
        assert bool(checksum) == bool(size)


def test_they_play_into_the_master(project: Path, tmp_path: Path) -> None:
    add_to_dawproject(project, new_tracks(tmp_path))
    text = project_xml(project).decode()
    channels = re.findall(r'<Channel [^>]*destination="([^"]+)"', text)
    assert channels.count("id15") == 3
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<Structure/>",
        "<Structure></Structure><Arrangement/>",
        '<Transport/><Arrangement id="a>b"  />',
        "<Arrangement><Markers><Marker time='1'/></Markers></Arrangement>",
        "<Arrangement><Lanes/></Arrangement><Scenes/>",
    ],
)
def test_what_lacks_a_place_for_tracks_gets_one(tmp_path: Path, inner: str) -> None:
    xml = f'<Project version="1.0"><Application name="x" version="1"/>{inner}</Project>'
    path = archive_of(tmp_path / "p.dawproject", {"project.xml": xml.encode()})
    tracks = new_tracks(tmp_path)
    add_to_dawproject(path, tracks)
    add_to_dawproject(path, tracks[:1])
    errors = [e for e in schema_errors(project_xml(path)) if "a>b" not in e]
    assert errors == []
    assert read_dawproject(path).session.tracks == (*tracks, tracks[0])


def test_a_project_that_was_saved_meanwhile_is_not_overwritten(
    project: Path, tmp_path: Path
) -> None:
    read = read_dawproject(project).added(new_tracks(tmp_path))
    archive_of(project, {"project.xml": FOREIGN.replace(b"Drumloop", b"Changed!")})
    before = project.read_bytes()
    with pytest.raises(StemliftError) as refused:
        read.save()
    assert refused.value.reason is Reason.FILE_CHANGED
    assert project.read_bytes() == before


def test_another_encoding_is_not_mixed(tmp_path: Path) -> None:
    text = BITWIG.replace("UTF-8", "UTF-16").encode("utf-16")
    path = archive_of(tmp_path / "p.dawproject", {"project.xml": text})
    before = path.read_bytes()
    with pytest.raises(StemliftError) as refused:
        add_to_dawproject(path, new_tracks(tmp_path), copy_media=True)
    assert refused.value.reason is Reason.SESSION_UNREADABLE
    assert path.read_bytes() == before
    assert not (tmp_path / "Media").exists()


def test_no_tracks_are_no_change(project: Path) -> None:
    read = read_dawproject(project)
    assert read.added([]) == read
    assert isinstance(read.session, Session)
