"""No media file makes a decoder open another file or an address."""

from __future__ import annotations

import contextlib
import os
import struct
import sys
from pathlib import Path

import av
import pytest
import soundfile
from audio_media import encode, impulses, read_all

from stemlift.audio.probe import probe
from stemlift.audio.reader import open_reader
from stemlift.errors import Reason, StemliftError

PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{0}\n#EXT-X-ENDLIST\n",
    "address": "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n",
    "ffconcat": "ffconcat version 1.0\nfile '{0}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{0}'
    "</BaseURL></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    "pls": "[playlist]\nFile1={0}\n",
}


@pytest.fixture
def bait(tmp_path: Path) -> Path:
    path = tmp_path / "bait.wav"
    soundfile.write(path, impulses(48000, (100,)), 48000)
    os.utime(path, (1_000_000, 1_000_000))
    return path


def _was_read(path: Path) -> bool:
    return path.stat().st_atime != 1_000_000


def _notes_access(folder: Path) -> bool:
    """Whether this file system keeps the time of access (many are mounted without)."""
    path = folder / "accessed"
    path.write_bytes(b"x")
    os.utime(path, (1_000_000, 1_000_000))
    path.read_bytes()
    return _was_read(path)


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("name", ["song.m4a", "song.mp3", "song.wav", "song.m3u8"])
def test_a_playlist_is_no_audio_and_opens_nothing(
    tmp_path: Path, bait: Path, kind: str, name: str
) -> None:
    path = tmp_path / name
    path.write_text(PLAYLISTS[kind].format(bait.name))
    with pytest.raises(StemliftError) as caught:
        open_reader(path)
    assert caught.value.reason is Reason.NOT_AUDIO
    assert not _was_read(bait)


def _with_data_reference(path: Path, name: str) -> bytes:
    """The file with its `dref` entry as a Macintosh alias of `name` in the same folder."""
    data = path.read_bytes()
    at = data.index(b"dref") - 4
    length = struct.unpack_from(">I", data, at)[0]
    target = f"folder/{name}".encode()
    target += b"\0" * (len(target) % 2)
    alias = bytes(10) + bytes([0]) + bytes(27) + bytes(12)
    alias += bytes([len(name)]) + name.encode().ljust(63, b"\0") + bytes(16)
    alias += struct.pack(">HH", 1, 1) + bytes(16)
    alias += struct.pack(">HH", 2, len(target)) + target + struct.pack(">HH", 0xFFFF, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    box = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    grown = len(box) - length
    patched = bytearray(data[:at] + box + data[at + length :])
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = patched.rindex(parent, 0, at) - 4
        struct.pack_into(">I", patched, place, struct.unpack_from(">I", patched, place)[0] + grown)
    return bytes(patched)


def _unfenced(path: Path, options: dict[str, str]) -> None:
    with (
        contextlib.suppress(av.error.FFmpegError, OSError),
        av.open(str(path), container_options=options) as container,
    ):
        list(container.decode(audio=0))


def test_an_external_data_reference_is_not_followed(tmp_path: Path, bait: Path) -> None:
    path = encode(tmp_path / "a.mov", "mov", "aac", impulses(20000, (9000,)), 44100)
    path.write_bytes(_with_data_reference(path, bait.name))
    with contextlib.suppress(StemliftError):
        read_all(path)
    assert not _was_read(bait)
    # The reference is a working one: FFmpeg follows it when it is allowed to.
    _unfenced(path, {"enable_drefs": "1"})
    assert _was_read(bait) or not _notes_access(tmp_path)


def test_the_playlist_is_a_working_one(tmp_path: Path, bait: Path) -> None:
    path = tmp_path / "song.m4a"
    path.write_text(PLAYLISTS["ffconcat"].format(bait.name))
    with pytest.raises(StemliftError):
        read_all(path)
    assert not _was_read(bait)
    _unfenced(path, {})
    assert _was_read(bait) or not _notes_access(tmp_path)


ODD_NAMES = [
    "http:x.m4a",
    "concat:a|b.m4a",
    "file:x.m4a",
    "-x.m4a",
    "-",
    "pipe:0",
    "100%d.m4a",
    "a\nb.m4a",
    "Ünïcödé 音楽 🎵.m4a",
    "Cafe\u0301.m4a",
    "x.raw",
    "quote'\".m4a",
    " leading and trailing ",
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses most of these names")
@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("container", ["wav", "m4a", "mp3", "flac"])
def test_names_are_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, container: str
) -> None:
    plain = tmp_path / "plain"
    if container == "m4a":
        encode(plain, "ipod", "aac", impulses(5000, (2000,)), 44100)
    else:
        soundfile.write(plain, impulses(5000, (2000,)), 44100, format=container.upper())
    plain.rename(tmp_path / name)
    for path in (tmp_path / name, Path(name)):
        monkeypatch.chdir(tmp_path)
        assert probe(path).frames == 5000
        assert len(read_all(path)) == 5000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "plain.wav", impulses(5000, (2000,)), 44100)
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    (tmp_path / "plain.wav").rename(path)
    assert len(read_all(path)) == 5000
    path.write_bytes(b"no sound")
    with pytest.raises(StemliftError) as caught:
        probe(path)
    # The message must pass through terminals and gRPC, which take UTF-8 only.
    assert "caf\\xe9.wav" in caught.value.message.encode("utf-8").decode()
