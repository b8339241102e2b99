"""What a file is, by its first bytes. Never by its name, and never by FFmpeg's probing.

FFmpeg's own probing would take a playlist for a container and open what it lists, so
each file gets the one demuxer that is named here, or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from stemlift.audio import mpeg
from stemlift.audio.ogg import read_ogg_start
from stemlift.audio.opening import read_at

_HEAD = 64 * 1024
_MAX_TAGS = 8
_QUICKTIME = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1a\x45\xdf\xa3", "MATROSKA", "matroska"),
    (b"caff", "CAF", "caf"),
    (b".snd", "AU", "au"),
    (b"FLV\x01", "FLV", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF", "asf"),
    (b"\x00\x00\x01\xba", "MPEG-PS", "mpeg"),
    (b"\x0b\x77", "AC3", "ac3"),
    (b"wvpk", "WAVPACK", "wv"),
    (b"MAC ", "APE", "ape"),
    (b"TTA1", "TTA", "tta"),
    (b"#!AMR", "AMR", "amr"),
)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """demuxer: FFmpeg's name for it, None where libsndfile reads the container.

    offset: where the container begins, behind ID3 tags.
    """

    container: str
    demuxer: str | None
    offset: int


def sniff(file: BinaryIO) -> Sniffed | None:
    """Tell the container of `file`; None for what is no sound or video file."""
    offset = _skip_tags(file)
    head = read_at(file, offset, _HEAD)
    container, demuxer = _container(file, head, offset) or (None, None)
    return Sniffed(container, demuxer, offset) if container is not None else None


def readable_containers() -> list[str]:
    """Every container name `sniff` can give, sorted."""
    ours = {"WAV", "RF64", "BW64", "AIFF", "FLAC", "OGG", "MP3", "MP4", "AAC"}
    ours |= {"AVI", "MPEG-TS", "W64"}
    return sorted(ours | {container for _, container, _ in _MAGIC})


def _container(file: BinaryIO, head: bytes, offset: int) -> tuple[str, str | None] | None:
    if head[:4] == b"fLaC":
        return "FLAC", None
    mpeg_audio = _mpeg_audio(head)
    if offset:
        # Behind an ID3 tag nothing else is in use.
        return mpeg_audio
    form = head[8:12]
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and form == b"WAVE":
        return ("WAV" if head[:4] == b"RIFF" else head[:4].decode()), None
    if head[:4] == b"RIFF" and form == b"AVI ":
        return "AVI", "avi"
    if head[:4] == b"FORM" and form in (b"AIFF", b"AIFC"):
        return "AIFF", None
    if head.startswith(b"riff\x2e\x91\xcf\x11"):
        return "W64", None
    if head[:4] == b"OggS":
        return "OGG", (None if read_ogg_start(file).codec else "ogg")
    if head[4:8] in _QUICKTIME:
        return "MP4", "mov"
    for magic, container, demuxer in _MAGIC:
        if head.startswith(magic):
            return container, demuxer
    if _is_transport_stream(head):
        return "MPEG-TS", "mpegts"
    return mpeg_audio


def _mpeg_audio(head: bytes) -> tuple[str, str] | None:
    if mpeg.is_adts(head):
        return "AAC", "aac"
    # Encoders and editors leave zeros before the first frame.
    return ("MP3", "mp3") if mpeg.begins_with_frames(head.lstrip(b"\0")) else None


def _is_transport_stream(head: bytes) -> bool:
    plain = len(head) > 376 and head[0] == head[188] == head[376] == 0x47
    timed = len(head) > 388 and head[4] == head[196] == head[388] == 0x47
    return plain or timed


def _skip_tags(file: BinaryIO) -> int:
    offset = 0
    for _ in range(_MAX_TAGS):
        tag = read_at(file, offset, 10)
        if tag[:3] != b"ID3" or len(tag) < 10:
            break
        length = 0
        for byte in tag[6:10]:
            length = length << 7 | byte & 0x7F
        offset += 10 + length + (10 if tag[5] & 0x10 else 0)
    return offset
