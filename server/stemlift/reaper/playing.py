"""What a take plays: where in the file, at which rate, through which section.

Times of the file are in seconds from its start; project times in seconds of the timeline.
"""

from __future__ import annotations

from dataclasses import dataclass

from stemlift.reaper.chunk import Block, Line
from stemlift.reaper.item_chunk import ItemChunk, Take

_WHOLE = 1
_REVERSE = 2


@dataclass(frozen=True, slots=True)
class Section:
    """The SECTION around a file's source.

    start, length: of the section in the file; a section that is none (REAPER's mode 3, which
        only reverses) has 0 and None.
    overlap: of its crossfade, where it loops.
    deep: whether there is a section in the section.
    """

    start: float
    length: float | None
    reverse: bool
    overlap: float = 0.0
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Playing:
    """position, length: of the item in the project.

    offset: SOFFS, in seconds of the section where there is one, else of the file.
    file_length: None where it is not known.
    markers: whether stretch markers bend the time.
    edits: whether spectral edits lie on the source.
    """

    position: float
    length: float
    offset: float
    rate: float = 1.0
    loop: bool = False
    file_length: float | None = None
    section: Section | None = None
    markers: bool = False
    edits: bool = False

    @property
    def end(self) -> float:
        return self.position + self.length

    @property
    def cycle(self) -> float | None:
        """What a loop repeats: the length of the section or file; None if it is not known."""
        if self.section is not None and self.section.length is not None:
            return self.section.length
        return self.file_length


def playing(item: ItemChunk, take: Take, file_length: float | None) -> Playing:
    """What `take` of `item` plays, read from its chunk."""
    source = take.source
    return Playing(
        position=item.position,
        length=item.length,
        offset=take.number("SOFFS"),
        rate=take.rate,
        loop=item.loops,
        file_length=file_length if file_length and file_length > 0 else None,
        section=read_section(source) if source is not None else None,
        markers=take.entry("SM") is not None,
        edits=any(isinstance(n, Line) and n.key == "SPECTRAL_EDIT" for n in take.nodes),
    )


def read_section(source: Block) -> Section | None:
    """The section that `source` is; None for any other source."""
    if source_kind(source) != "SECTION":
        return None
    numbers = {
        key: line.number(0)
        for key in ("LENGTH", "STARTPOS", "OVERLAP", "MODE")
        if (line := source.entry(key)) is not None
    }
    mode = int(numbers.get("MODE", 0))
    length = numbers.get("LENGTH", 0.0)
    inner = source.block("SOURCE")
    whole = bool(mode & _WHOLE) or length <= 0
    return Section(
        start=0.0 if whole else numbers.get("STARTPOS", 0.0),
        length=None if whole else length,
        reverse=bool(mode & _REVERSE),
        overlap=max(0.0, numbers.get("OVERLAP", 0.0)),
        deep=inner is not None and source_kind(inner) == "SECTION",
    )


def source_kind(source: Block) -> str:
    """WAVE, MP3, SECTION, …; an offline one as "_OFFLINE_WAVE"."""
    values = source.head.values
    return values[0].upper() if values else ""


def innermost(source: Block) -> Block:
    """The source of the file, below all sections."""
    while (inner := source.block("SOURCE")) is not None:
        source = inner
    return source


def wraps(what: Playing, frame: float) -> bool:
    """Whether a looping take reads beyond one cycle of its source, or may.

    frame: seconds of one. Between two frames the last one is mixed with the first of the next
    cycle, so that an item which reaches into it wraps already.
    """
    if not what.loop:
        return False
    cycle = what.cycle
    last = what.offset + what.length * what.rate
    return cycle is None or what.offset < 0 or last > cycle - frame
