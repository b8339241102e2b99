"""Projects that were made to do harm: refused with a reason, in little memory and time."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest
from dawproject_files import archive_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_dawproject_read import BITWIG

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.dawproject import container, read_dawproject

OPEN = '<Project version="1.0"><Application name="x" version="1"/>'


def refusal(path: Path) -> StemliftError:
    with pytest.raises(StemliftError) as refused:
        read_dawproject(path)
    assert refused.value.reason is Reason.SESSION_UNREADABLE
    assert path.name in str(refused.value)
    return refused.value


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "http://localhost:1/x.dtd">',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        "<!DOCTYPE Project>",
    ],
)
@pytest.mark.parametrize("name", ["project.xml", "metadata.xml"])
def test_document_types_and_their_entities_are_refused(
    tmp_path: Path, head: str, name: str
) -> None:
    entries = {"project.xml": f"{OPEN}</Project>".encode()}
    entries[name] = f"{head}{OPEN}</Project>".encode()
    assert "document type" in str(refusal(archive_of(tmp_path / "a.dawproject", entries)))


def test_a_deep_document_is_refused(tmp_path: Path) -> None:
    xml = OPEN + "<Track>" * 50_000 + "</Track>" * 50_000 + "</Project>"
    path = archive_of(tmp_path / "a.dawproject", {"project.xml": xml.encode()})
    assert "in each other" in str(refusal(path))


def test_a_bomb_is_refused_whatever_its_header_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "LARGEST_RATIO", 100)
    bomb = OPEN.encode() + b" " * (8 << 20) + b"</Project>"
    path = archive_of(tmp_path / "a.dawproject", {"project.xml": bomb})
    assert "densely" in str(refusal(path))
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 24
    struct.pack_into("<I", data, place, 100)
    path.write_bytes(data)
    refusal(path)


def test_a_large_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stemlift.sessions.dawproject.project.LARGEST_PROJECT", 1 << 20)
    path = archive_of(tmp_path / "a.dawproject", {"project.xml": b" " * (2 << 20)})
    assert "MiB" in str(refusal(path))


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MOST_ENTRIES", 10)
    entries = {f"{number}": b"" for number in range(11)}
    assert "entries" in str(refusal(archive_of(tmp_path / "a.dawproject", entries)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_projects_in_one_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dawproject"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("project.xml", f"{OPEN}</Project>")
        archive.writestr("project.xml", f"{OPEN}</Project>")
    assert "one name" in str(refusal(path))


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"<REAPER_PROJECT", b"PK\x05\x06" + b"\0" * 18], ids=str
)
def test_what_is_no_project_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.dawproject"
    path.write_bytes(data)
    refusal(path)


@pytest.mark.parametrize("xml", ["", "x", "<a>", "<MetaData/>", "<Project", "<a></b>"])
def test_what_is_no_xml_of_a_project_is_refused(tmp_path: Path, xml: str) -> None:
    refusal(archive_of(tmp_path / "a.dawproject", {"project.xml": xml.encode()}))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, cut: bool
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "a.dawproject"
    archive_of(path, {"metadata.xml": b"<MetaData/>", "project.xml": BITWIG.encode()})
    data = bytearray(path.read_bytes())
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] = value
    path.write_bytes(data)
    try:
        read_dawproject(path).session  # noqa: B018
    except StemliftError as error:
        assert error.reason is Reason.SESSION_UNREADABLE  # noqa: PT017


def playing(tmp_path: Path, name: str, entries: dict[str, bytes]) -> Path:
    xml = BITWIG.replace("audio/Drumfunk3 170bpm.wav", name)
    return archive_of(tmp_path / "in" / "a.dawproject", {"project.xml": xml.encode(), **entries})


@pytest.mark.parametrize("name", ["../../evil.wav", "a/../../evil.wav", "C:/evil.wav"])
def test_an_entry_that_leads_out_is_not_unpacked(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    path = playing(tmp_path, name, {name: b"evil"})
    with pytest.raises(StemliftError) as refused:
        read_dawproject(path).unpacked(tmp_path / "in" / "out")
    assert refused.value.reason is Reason.SESSION_UNREADABLE
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = playing(tmp_path, "audio/x.wav", {})
    link = zipfile.ZipInfo("audio/x.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    link.create_system = 3
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/hostname")
    with pytest.raises(StemliftError) as refused:
        read_dawproject(path).unpacked(tmp_path / "out")
    assert refused.value.reason is Reason.SESSION_UNREADABLE
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_a_damaged_or_missing_sound_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = playing(tmp_path, "audio/x.wav", {})
    with pytest.raises(StemliftError) as refused:
        read_dawproject(path).unpacked(tmp_path / "out")
    assert refused.value.reason is Reason.MEDIA_MISSING
    path = playing(tmp_path, "audio/x.wav", {"audio/x.wav": b"sound" * 1000})
    data = bytearray(path.read_bytes())
    at = data.index(b"audio/x.wav") + 20
    data[at : at + 4] = bytes(byte ^ 0xFF for byte in data[at : at + 4])
    path.write_bytes(data)
    with pytest.raises(StemliftError) as refused:
        read_dawproject(path).unpacked(tmp_path / "out")
    assert refused.value.reason is Reason.SESSION_UNREADABLE
    assert list((tmp_path / "out").iterdir()) == []
