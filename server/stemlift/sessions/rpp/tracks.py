"""Tracks and items as a project has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stemlift.reaper.clone import Guids
from stemlift.reaper.naming import file_entry
from stemlift.sessions.levels import linear
from stemlift.sessions.rpp.effects import chain_lines
from stemlift.sessions.rpp.lines import block, colour_number, label, line
from stemlift.sessions.timeline import Clip, Track

NO_COLOUR = 16576
_KINDS = {
    ".mp3": "MP3",
    ".flac": "FLAC",
    ".ogg": "VORBIS",
    ".oga": "VORBIS",
    ".opus": "OPUS",
    ".wv": "WAVPACK",
    **dict.fromkeys((".mp4", ".m4a", ".mov", ".mkv", ".webm", ".avi"), "VIDEO"),
}


def tracks_lines(tracks: Sequence[Track], project: Path, guids: Guids) -> list[list[str]]:
    """The block of each track, folders before their children.

    project: the project file, absolute; media under its folder are written relative to it.

    Raises:
        StemliftError: PATH_UNSUPPORTED for a file that the format cannot name.
    """
    return [_track_lines(one, depth, project, guids) for one, depth in with_depths(tracks)]


def with_depths(tracks: Iterable[Track]) -> Iterator[tuple[Track, int]]:
    """Each track with its ISBUS depth: 1 opens a folder, -n is the last in n of them."""
    for track in tracks:
        if not track.children:
            yield track, 0
            continue
        yield track, 1
        *children, (last, depth) = with_depths(track.children)
        yield from children
        yield last, depth - 1


def _track_lines(track: Track, depth: int, project: Path, guids: Guids) -> list[str]:
    guid = guids()
    return block(
        f"TRACK {guid}",
        [
            line("NAME", label(track.name)),
            line("PEAKCOL", colour_number(track.colour, NO_COLOUR)),
            "BEAT -1",
            "AUTOMODE 0",
            line("VOLPAN", linear(track.gain_db), track.pan, -1, -1, 1),
            line("MUTESOLO", int(track.mute), 2 * int(track.solo), 0),
            "IPHASE 0",
            "PLAYOFFS 0 1",
            bus(depth),
            "BUSCOMP 0 0 0 0 0",
            "SHOWINMIX 1 0.6667 0.5 1 0.5 0 0 0",
            "SEL 0",
            "REC 0 0 1 0 0 0 0 0",
            "VU 2",
            line("NCHAN", channels_of(track)),
            "FX 1",
            f"TRACKID {guid}",
            "PERF 0",
            "MIDIOUT -1",
            "MAINSEND 1 0",
        ],
        chain_lines(track.effects, guids),
        *(_item_lines(clip, project, guids) for clip in track.clips),
    )


def channels_of(track: Track) -> int:
    """How many it has: REAPER takes even numbers only."""
    needed = track.needed_channels
    return needed + needed % 2


def bus(depth: int) -> str:
    """The entry ISBUS of a track of that depth."""
    return line("ISBUS", 1 if depth > 0 else 2 if depth < 0 else 0, depth)


def _item_lines(clip: Clip, project: Path, guids: Guids) -> list[str]:
    kind = _KINDS.get(clip.file.suffix.lower(), "WAVE")
    return block(
        "ITEM",
        [
            line("POSITION", clip.position),
            "SNAPOFFS 0",
            line("LENGTH", clip.length),
            "LOOP 0",
            "ALLTAKES 0",
            # Shape 0 is linear; the third value would be that of an automatic crossfade.
            line("FADEIN", 0, clip.fade_in, 0, 0, 0, 0, 0),
            line("FADEOUT", 0, clip.fade_out, 0, 0, 0, 0, 0),
            line("MUTE", int(clip.mute), 0),
            "SEL 0",
            f"IGUID {guids()}",
            line("NAME", label(clip.name or clip.file.name)),
            line("VOLPAN", linear(clip.gain_db), 0, 1, -1),
            line("SOFFS", clip.source_start),
            line("PLAYRATE", clip.stretch, int(clip.keeps_pitch), clip.pitch, -1, 0, 0.0025),
            "CHANMODE 0",
            f"GUID {guids()}",
        ],
        block(f"SOURCE {kind}", [line("FILE", written_path(clip.file, project))]),
    )


def written_path(file: Path, project: Path) -> str:
    """The file as FILE names it, from the project's folder where it lies under it."""
    return file_entry(str(file.absolute()), str(project))
