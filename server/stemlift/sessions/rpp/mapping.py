"""What a project plays, as far as a session can say it.

Of an item its active take counts, where it plays a sound file. MIDI, reversed sections,
envelopes, sends and the like have no place in the model; they stay in the project.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from stemlift.reaper.chunk import Block, Line
from stemlift.reaper.item_chunk import ItemChunk, Take, split_item
from stemlift.sessions.exact import RATES, exact, simple_ratio
from stemlift.sessions.levels import decibels
from stemlift.sessions.rpp.effects import read_chain
from stemlift.sessions.rpp.lines import colour_of
from stemlift.sessions.rpp.tempo import read_tempo
from stemlift.sessions.timeline import (
    Clip,
    Marker,
    Media,
    Seconds,
    Session,
    TempoPoint,
    Track,
)

_LARGEST = 1e9
_REVERSED = 2


def session_of(root: Block, path: Path) -> Session:
    """The session that a project file at `path` holds."""
    rate = _entry_number(root, "SAMPLERATE", 0, 44_100)
    sample_rate = int(rate) if 0 < rate < 1e7 else 44_100
    reading = _Reading(path.parent, (sample_rate, *RATES))
    tracks = [reading.track(node) for node in _blocks(root, "TRACK")]
    return Session(
        name=path.stem,
        sample_rate=sample_rate,
        tracks=_nested(tracks),
        tempo=tuple(reading.tempo(root)),
        markers=tuple(reading.markers(root)),
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """folder: of the project. rates: whose frames a time may be."""

    folder: Path
    rates: tuple[int, ...]

    def seconds(self, value: float) -> Seconds:
        """The time that was written as `value`."""
        return exact(value, self.rates)

    def track(self, block: Block) -> tuple[Track, int]:
        name = block.entry("NAME")
        chain = block.block("FXCHAIN")
        clips = [self.clip(split_item(item)) for item in _blocks(block, "ITEM")]
        track = Track(
            name=name.values[0] if name and name.values else "",
            colour=colour_of(_entry_number(block, "PEAKCOL", 0, 0)),
            gain_db=_level(_entry_number(block, "VOLPAN", 0, 1)),
            pan=_entry_number(block, "VOLPAN", 1, 0),
            mute=_entry_number(block, "MUTESOLO", 0, 0) != 0,
            solo=_entry_number(block, "MUTESOLO", 1, 0) != 0,
            effects=tuple(read_chain(chain)) if chain else (),
            clips=tuple(clip for clip in clips if clip is not None),
            channels=int(min(max(_entry_number(block, "NCHAN", 0, 2), 2), 128)),
        )
        return track, int(max(min(_entry_number(block, "ISBUS", 1, 0), 1), -(10**6)))

    def clip(self, item: ItemChunk) -> Clip | None:
        if not item.takes:
            return None
        take = item.takes[item.active(None)]
        found = _source_file(take)
        if found is None:
            return None
        name, start = found
        rate = take.number("PLAYRATE", 0, 1.0)
        return Clip(
            media=Media(self.file(name), 0, 0, 0),
            position=self.seconds(item.position),
            length=self.seconds(item.length),
            source_start=self.seconds(take.number("SOFFS") + start),
            name=take.name,
            gain_db=_level(_float(item.volume) * _float(take.volume[1])),
            fade_in=self.seconds(item.number("FADEIN", 1)),
            fade_out=self.seconds(item.number("FADEOUT", 1)),
            stretch=simple_ratio(rate),
            pitch=_finite(take.number("PLAYRATE", 2)),
            keeps_pitch=take.number("PLAYRATE", 1, 1.0) != 0,
            mute=item.muted,
        )

    def file(self, name: str) -> Path:
        """Where the file lies that the project calls so, on this system."""
        file = self.folder / name
        beside = not PureWindowsPath(name).anchor
        if "\\" in name and beside and not file.exists():
            # A project from Windows, whose media lie beside it.
            return self.folder.joinpath(*PureWindowsPath(name).parts)
        return file

    def tempo(self, root: Block) -> Iterator[TempoPoint]:
        first = root.entry("TEMPO")
        bpm = first.number(0, 120.0) if first else 120.0
        signature = (4, 4)
        if first and first.number(1) >= 1 and first.number(2) >= 1:
            signature = (int(first.number(1)), int(first.number(2)))
        envelope = root.block("TEMPOENVEX")
        points = [
            [_float(value) for value in node.values[:6]]
            for node in (_entries(envelope, "PT") if envelope else ())
            if len(node.values) > 1
        ]
        if not points:
            points = [[0.0, bpm]]
        for numbers in points:
            signature = read_tempo(numbers) or signature
            yield TempoPoint(self.seconds(numbers[0]), numbers[1], *signature)

    def markers(self, root: Block) -> Iterator[Marker]:
        """In the order of the file; the two entries of a region are one marker."""
        begun: dict[str, tuple[Line, Seconds]] = {}
        for entry in _entries(root, "MARKER"):
            values = entry.values
            if len(values) < 2:
                continue
            position = self.seconds(entry.number(1))
            if not int(_finite(entry.number(3))) & 1:
                yield self.marker(entry, position, None)
            elif values[0] in begun:
                start, at = begun.pop(values[0])
                yield self.marker(start, at, position - at)
            else:
                begun[values[0]] = entry, position

    def marker(self, entry: Line, position: Seconds, length: Seconds | None) -> Marker:
        values = entry.values
        colour = colour_of(_finite(entry.number(4)))
        if colour and len(values) > 6 and values[6] == "B":
            red, green, blue = colour
            colour = blue, green, red
        return Marker(position, values[2] if len(values) > 2 else "", length, colour)


def _nested(tracks: Sequence[tuple[Track, int]]) -> tuple[Track, ...]:
    """The tree of tracks from their depths; folders that nothing closes end with the last."""
    levels: list[list[Track]] = [[]]
    parents: list[Track] = []

    def close() -> None:
        children = levels.pop()
        levels[-1].append(replace(parents.pop(), children=tuple(children)))

    for track, depth in tracks:
        if depth > 0:
            parents.append(track)
            levels.append([])
            continue
        levels[-1].append(track)
        for _ in range(min(-depth, len(parents))):
            close()
    while parents:
        close()
    return tuple(levels[0])


def _source_file(take: Take) -> tuple[str, float] | None:
    """The file that a take plays, and where a section of it starts; None for what has none."""
    source, start = take.source, 0.0
    while source is not None:
        kind = source.head.values[0] if source.head.values else ""
        file = source.entry("FILE")
        if kind == "SECTION":
            if int(_entry_number(source, "MODE", 0, 0)) & _REVERSED:
                return None
            start += _entry_number(source, "STARTPOS", 0, 0)
            source = source.block("SOURCE")
        elif kind not in ("MIDI", "MIDIPOOL", "RPP_PROJECT") and file and file.values:
            return file.values[0], start
        else:
            return None
    return None


def _blocks(parent: Block, key: str) -> list[Block]:
    return [node for node in parent.children if isinstance(node, Block) and node.key == key]


def _entries(parent: Block, key: str) -> list[Line]:
    return [node for node in parent.children if isinstance(node, Line) and node.key == key]


def _entry_number(block: Block, key: str, place: int, default: float) -> float:
    entry = block.entry(key)
    return default if entry is None else _finite(entry.number(place, default))


def _float(text: str) -> float:
    with contextlib.suppress(ValueError):
        return _finite(float(text))
    return 0.0


def _finite(value: float) -> float:
    return value if math.isfinite(value) and abs(value) < _LARGEST else 0.0


def _level(gain: float) -> float:
    """Its sign is the polarity, which the model does not have."""
    return decibels(abs(gain))
