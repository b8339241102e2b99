"""What other programs read in the stems of a result: every chunk, by wavinfo."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from watch_house import House, assert_whole, manifest
from wavinfo import WavInfoReader

# 10:00:00 at 44.1 kHz, as a bounce from a session that begins there.
TEN_O_CLOCK = 36000 * 44100
HISTORY = "A=PCM,F=44100,W=24,M=stereo,T=Some DAW\r\n"
_CHUNKS = ("fmt ", "bext", "data", "JUNK", "LIST", "iXML", "fact", "PEAK")


def stamp(path: Path, time_reference: int) -> Path:
    """Put a Broadcast WAV chunk of version 2 before the sound of a WAV file."""
    body = struct.pack(
        "<256s32s32s10s8sQH64s10s180s",
        b"Bounce 12 of the chorus",
        b"Some DAW",
        b"DE0123456789",
        b"2024-05-06",
        b"07:08:09",
        time_reference,
        2,
        bytes(range(64)),
        struct.pack("<5h", -2300, 600, -100, -2000, -2100),
        b"",
    )
    body += HISTORY.encode()
    body += bytes(len(body) % 2)
    content = path.read_bytes()
    chunk = b"bext" + len(body).to_bytes(4, "little") + body
    size = int.from_bytes(content[4:8], "little") + len(chunk)
    path.write_bytes(
        content[:4] + size.to_bytes(4, "little") + content[8:12] + chunk + content[12:]
    )
    return path


def chunks(path: Path) -> list[tuple[str, int]]:
    """Name and length of each chunk, read by hand."""
    content, found, at = path.read_bytes(), [], 12
    while at + 8 <= len(content):
        name = content[at : at + 4].decode("ascii")
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        found.append((name, length))
        at += 8 + length + length % 2
    assert at == len(content), "chunks do not fill the file"
    return found


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24", "FLOAT"])
def test_wavinfo_reads_every_chunk_of_a_result(house: House, kind: str) -> None:
    path = stamp(house.drop("bounce.wav", subtype=kind), TEN_O_CLOCK)
    house.process()
    facts = assert_whole(house.outbox / "bounce", path)
    assert facts["source"]["time_reference"] == TEN_O_CLOCK
    given = WavInfoReader(str(path))
    for stem in facts["stems"]:
        file = house.outbox / "bounce" / stem["file"]
        listed = chunks(file)
        assert {name for name, _ in listed} <= set(_CHUNKS), listed
        found = WavInfoReader(str(file))
        assert found.fmt.sample_rate == 44100
        assert found.fmt.channel_count == 2
        assert found.fmt.bits_per_sample == (32 if kind == "FLOAT" else 24)
        assert found.data.frame_count == facts["source"]["frames"] == 6000
        assert found.data.byte_count == dict(listed)["data"]
        for field in (
            "time_reference",
            "description",
            "originator",
            "originator_ref",
            "originator_date",
            "originator_time",
            "version",
            "umid",
            "coding_history",
            "loudness_value",
            "loudness_range",
            "max_true_peak",
            "max_momentary_loudness",
            "max_shortterm_loudness",
        ):
            assert getattr(found.bext, field) == getattr(given.bext, field), field
        assert found.bext.time_reference == TEN_O_CLOCK
        assert found.bext.coding_history.startswith(HISTORY.strip())


def test_a_song_without_a_stamp_begins_at_nought(house: House) -> None:
    house.drop("plain.wav")
    house.process()
    facts = manifest(house.outbox / "plain")
    assert facts["source"]["time_reference"] is None
    for stem in facts["stems"]:
        file = house.outbox / "plain" / stem["file"]
        assert WavInfoReader(str(file)).bext.time_reference == 0
        assert {name for name, _ in chunks(file)} <= set(_CHUNKS)
