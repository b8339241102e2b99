"""Chunks as REAPER 7 writes them, put together from a few numbers, and requests around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stemlift.reaper.facts import Choices, Item, Project, Request, Source, Track

SONG = "/music/project/Media/song.wav"


def guid(number: int) -> str:
    return f"{{00000000-0000-4000-8000-{number:012X}}}"


def source_block(
    file: str = "Media/song.wav", kind: str = "WAVE", section: Sequence[str] | None = None
) -> str:
    inner = f'<SOURCE {kind}\n  FILE "{file}"\n>\n'
    if section is None:
        return inner
    lines = "".join(f"  {line}\n" for line in section)
    return f"<SOURCE SECTION\n{lines}{inner}>\n"


def item_chunk(
    *,
    number: int = 1,
    position: float = 10.0,
    length: float = 8.0,
    offset: float = 0.0,
    rate: float = 1.0,
    loop: bool = False,
    mute: int = 0,
    fade_in: float = 0.01,
    fade_out: float = 0.01,
    chanmode: int = 0,
    name: str = "song.wav",
    common: Sequence[str] = (),
    take: Sequence[str] = (),
    after: str = "",
    more: str = "",
    source: str | None = None,
    ending: str = "\n",
) -> str:
    """common, take: further entries; after: blocks behind the source; more: further takes."""
    text = f"""<ITEM
POSITION {position!r}
SNAPOFFS 0
LENGTH {length!r}
LOOP {int(loop)}
ALLTAKES 0
FADEIN 1 {fade_in!r} 0 1 0 0 0
FADEOUT 1 {fade_out!r} 0 1 0 0 0
MUTE {mute} 0
SEL 1
{"".join(f"{line}{chr(10)}" for line in common)}IGUID {guid(number)}
IID {number}
NAME "{name}"
VOLPAN 0.5 -0.25 -0.8 -1
SOFFS {offset!r}
PLAYRATE {rate!r} 1 0 -1 0 0.0025
CHANMODE {chanmode}
GUID {guid(1000 + number)}
{"".join(f"{line}{chr(10)}" for line in take)}{source_block() if source is None else source}{after}\
{more}>
"""
    return text.replace("\n", ending)


def take_lines(
    *, number: int = 50, header: str = "TAKE", name: str = "second", source: str | None = None
) -> str:
    return f"""{header}
NAME {name}
TAKEVOLPAN 0.1 0.7 -1
SOFFS 2
PLAYRATE 1 1 0 -1 0 0.0025
CHANMODE 0
GUID {guid(1000 + number)}
{source_block("Media/second.wav") if source is None else source}"""


def track(index: int, depth: int = 0, **changes: Any) -> Track:
    return Track(guid=guid(100 + index), index=index, name=f"Track {index}", depth=depth, **changes)


def item(chunk: str, number: int = 1, on: int = 0, **changes: Any) -> Item:
    facts: dict[str, Any] = {
        "path": SONG,
        "kind": "WAVE",
        "length": 60.0,
        "sample_rate": 48000,
        "channels": 2,
    } | changes.pop("source", {})
    return Item(
        guid=guid(number), track=guid(100 + on), chunk=chunk, source=Source(**facts), **changes
    )


def request(
    *items: Item, tracks: Sequence[Track] | None = None, selection: Any = None, **choices: Any
) -> Request:
    return Request(
        project=Project(
            path="/music/project/song.rpp",
            media_folder="/music/project/Media",
            time_selection=selection,
        ),
        tracks=tuple(tracks) if tracks is not None else (track(0),),
        items=items,
        choices=Choices(**choices),
    )
