"""Which files open as sound, which may still be written, and which never will."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from signals import song, write

from stemlift.errors import Reason
from stemlift.watch import examine as examining
from stemlift.watch.examine import examine
from stemlift.watch.scan import scan
from stemlift.watch.settling import Settling, Verdict

RATE = 44_100
MIX = song(RATE, 2, RATE)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "a.wav", MIX, RATE, "PCM_24")


def verdict(path: Path) -> tuple[Verdict, Reason] | None:
    found = examine(path)
    if found is None:
        return None
    assert path.name in found.error.message
    assert found.error.remedy
    return found.verdict, found.error.reason


def patched(path: Path, *changes: tuple[int, bytes]) -> Path:
    content = bytearray(path.read_bytes())
    for offset, value in changes:
        content[offset : offset + len(value)] = value
    path.write_bytes(content)
    return path


def data_size_at(path: Path) -> int:
    return path.read_bytes().index(b"data") + 4


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.aiff", {"subtype": "PCM_16"}),
        ("a.flac", {"subtype": "PCM_24"}),
        ("a.ogg", {"subtype": "VORBIS"}),
        ("a.mp3", {"format": "MP3"}),
        ("a.w64", {"subtype": "PCM_16"}),
        ("no extension", {"format": "WAV"}),
        ("mix.final", {"format": "FLAC"}),
        ("wrong.mp3", {"format": "WAV"}),
    ],
)
def test_whole_files_of_any_name_are_taken(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    soundfile.write(tmp_path / name, MIX, RATE, **options)
    assert examine(tmp_path / name) is None


def test_a_header_that_promises_more_than_there_is(wav: Path) -> None:
    whole = wav.read_bytes()
    for held in (len(whole) - 1000, len(whole) // 2, 5000, 44):
        wav.write_bytes(whole[:held])
        assert verdict(wav) == (Verdict.BROKEN, Reason.FILE_TRUNCATED)
    wav.write_bytes(whole)
    assert verdict(wav) is None


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_header_that_was_never_finished(wav: Path, size: int) -> None:
    """A recorder at work, or one that crashed: nobody can tell, so it waits and is taken."""
    field = struct.pack("<I", size)
    patched(wav, (4, field), (data_size_at(wav), field))
    assert verdict(wav) == (Verdict.DOUBTFUL, Reason.FILE_TRUNCATED)


def test_a_flac_without_a_total(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", MIX, RATE, "PCM_16")
    head = path.read_bytes()
    assert struct.unpack(">Q", head[18:26])[0] & 0xFFFFFFFFF == RATE
    patched(path, (21, bytes([head[21] & 0xF0])), (22, b"\0\0\0\0"))
    assert verdict(path) == (Verdict.DOUBTFUL, Reason.FILE_TRUNCATED)


def test_an_ogg_without_its_last_page(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ogg", MIX, RATE, "VORBIS")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    assert verdict(path) == (Verdict.BROKEN, Reason.FILE_TRUNCATED)


def test_an_mp4_whose_index_has_not_come(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo")
        samples = np.ascontiguousarray(MIX.T, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    assert verdict(path) is None
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moov")])
    found = verdict(path)
    assert found is not None
    assert found[0] is Verdict.BROKEN


def holes_are_told(folder: Path) -> bool:
    path = folder / "hole"
    with path.open("wb") as file:
        file.truncate(1 << 20)
    with path.open("rb") as file:
        return hasattr(os, "SEEK_HOLE") and os.lseek(file.fileno(), 0, os.SEEK_HOLE) == 0


def set_aside(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def stretch(path: Path, size: int) -> None:
    os.truncate(path, size)


@pytest.mark.parametrize("aside", [set_aside, stretch])
def test_a_copy_whose_size_was_set_aside_first(
    wav: Path, aside: Callable[[Path, int], None]
) -> None:
    """Its header is there and its size is right: only the file system knows better."""
    if not holes_are_told(wav.parent):
        pytest.skip("this file system does not tell what was never written")
    whole = wav.read_bytes()
    wav.write_bytes(whole[:65536])
    aside(wav, len(whole))
    assert verdict(wav) == (Verdict.DOUBTFUL, Reason.FILE_TRUNCATED)
    wav.write_bytes(whole)
    assert verdict(wav) is None


def test_a_copy_filled_with_zeros_cannot_be_told_from_silence(wav: Path) -> None:
    whole = wav.read_bytes()
    wav.write_bytes(whole[:65536] + bytes(len(whole) - 65536))
    assert verdict(wav) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked")
def test_a_file_that_a_program_has_open_for_writing(wav: Path) -> None:
    with wav.open("r+b"):
        found = examine(wav)
    assert found is not None
    assert found.verdict is Verdict.DOUBTFUL
    assert "open for writing" in found.error.message
    with wav.open("rb"):
        assert examine(wav) is None


def test_shares_are_not_asked_who_writes(wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They refuse the question itself, which would look like a writer."""
    monkeypatch.setattr(examining, "is_remote", lambda _path: True)
    with wav.open("r+b"):
        assert examine(wav) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.FILE_EMPTY),
        (b"these are words", Reason.NOT_AUDIO),
        (bytes(4096), Reason.NOT_AUDIO),
        (b"RIFF\0\0\0\0WAVE", Reason.FILE_CORRUPT),
        (b"RIFF", Reason.NOT_AUDIO),
        (b"fLaC", Reason.FILE_CORRUPT),
        (b"PK\x03\x04" + bytes(100), Reason.NOT_AUDIO),
    ],
)
def test_what_is_no_sound(tmp_path: Path, content: bytes, reason: Reason) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert verdict(path) == (Verdict.BROKEN, reason)


def test_what_is_gone_or_no_file(tmp_path: Path) -> None:
    assert verdict(tmp_path / "gone.wav") == (Verdict.AWAY, Reason.FILE_NOT_FOUND)
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    for name in ("folder.wav", "pipe.wav"):
        assert verdict(tmp_path / name) == (Verdict.BROKEN, Reason.FILE_UNREADABLE)


@pytest.mark.parametrize(
    ("platform", "error", "wanted"),
    [
        ("linux", PermissionError(13, "Permission denied"), Verdict.BROKEN),
        ("darwin", PermissionError(1, "Operation not permitted"), Verdict.BROKEN),
        # There a program that writes has its file to itself, with this very error.
        ("win32", PermissionError(13, "Permission denied"), Verdict.AWAY),
        ("linux", OSError(5, "Input/output error"), Verdict.AWAY),
        ("linux", OSError(107, "Transport endpoint is not connected"), Verdict.AWAY),
        ("darwin", OSError(116, "Stale file handle"), Verdict.AWAY),
    ],
)
def test_a_share_that_fails_says_nothing_about_the_file(
    wav: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    error: OSError,
    wanted: Verdict,
) -> None:
    real = os.open

    def fail(path: object, *args: object) -> int:
        if str(path) == str(wav):
            raise error
        return real(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", fail)
    monkeypatch.setattr(sys, "platform", platform)
    assert verdict(wav) == (wanted, Reason.FILE_UNREADABLE)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9\xff.wav")
    with path.open("wb") as file:
        soundfile.write(file, MIX, RATE, format="WAV")
    assert examine(path) is None
    path.write_bytes(b"words")
    found = examine(path)
    assert found is not None
    assert "caf\\xe9\\xff.wav" in found.error.message


def test_a_recording_in_place_is_taken_once_and_whole(tmp_path: Path) -> None:
    """Header first with a size of 0, sound in pieces with pauses, the header mended last."""
    whole = write(tmp_path / "whole.wav", MIX, RATE, "PCM_16").read_bytes()
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    target, now = inbox / "take.wav", 0.0
    settling = Settling()
    unfinished = bytearray(whole)
    unfinished[4:8] = unfinished[40:44] = bytes(4)
    sizes = []

    def look_for(seconds: float) -> None:
        nonlocal now
        for _ in range(int(seconds)):
            listed = scan(inbox).files
            looked = settling.look(listed, now, lambda seen: examine(inbox / seen.relative))
            sizes.extend(seen.size for seen in looked.complete)
            assert not looked.unreadable
            now += 1.0

    with target.open("wb") as file:
        for start in range(0, len(whole), 30_000):
            file.write(unfinished[start : start + 30_000])
            file.flush()
            # As a slow bounce does: longer than the three seconds.
            look_for(8)
        file.seek(0)
        file.write(whole[:44])
        file.flush()
        look_for(8)
    look_for(8)
    assert sizes == [len(whole)]
    assert target.read_bytes() == whole
