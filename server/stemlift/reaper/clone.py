"""A stem's item: the chunk of the original with its active take alone, and the stem as source.

All that is not named here survives as it is: position, length, fades, rate and pitch, snap
offset, timebase, envelopes, lock, notes, and whatever a newer REAPER adds.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stemlift.reaper.chunk import (
    Block,
    Line,
    Node,
    changed,
    entry,
    finite,
    number,
    quotable,
)
from stemlift.reaper.facts import TakeFx
from stemlift.reaper.item_chunk import ItemChunk, Take
from stemlift.reaper.playing import read_section

Guids = Callable[[], str]
"""Gives a new GUID at each call, as REAPER writes it: "{…}" in capitals."""

# Of the original alone: its place in lanes (YPOS) and comps, its group, its own colours (the
# stem's track has one), its number and its notes window.
_NOT_INHERITED = frozenset({"YPOS", "LANE", "COMP", "GROUP", "COLOR", "IID", "NOTESWND", "SEL"})
# What REAPER found or changed in the samples of the original source.
_OF_THE_SAMPLES = frozenset({"TMINFO", "TM", "SAMPLEEDITS", "SPLS", "TAKECOLOR"})
_FX = frozenset({"TAKEFX", "TAKE_FX_HAVE_NEW_PDC_AUTOMATION_BEHAVIOR"})


@dataclass(frozen=True, slots=True)
class NewSource:
    """The file of a stem and where it begins.

    file: as the chunk shall have it.
    shift: seconds of the original file before the stem begins.
    cut: whether the stem ends before the original file does, or begins after it.
    chanmode: the CHANMODE that the stem needs.
    """

    file: str
    shift: float = 0.0
    cut: bool = False
    chanmode: int = 0


def random_guids() -> str:
    """A GUID that nothing else has."""
    return _braced(uuid.uuid4())


def repeatable_guids(seed: str) -> Guids:
    """GUIDs that are the same for the same seed, for previews and tests."""
    space = uuid.uuid5(uuid.NAMESPACE_URL, f"stemlift:{seed}")
    state = {"count": 0}

    def following() -> str:
        state["count"] += 1
        return _braced(uuid.uuid5(space, str(state["count"])))

    return following


def _braced(value: uuid.UUID) -> str:
    return "{" + str(value).upper() + "}"


def stem_item(
    item: ItemChunk, active: int, new: NewSource, name: str, take_fx: TakeFx, guids: Guids
) -> str:
    """The chunk of a new item that plays the stem as the active take plays the mix."""
    common = changed(item.common, lambda node: _own(node, guids))
    common = changed(common, lambda node: _plain(node, cut=new.cut))
    take = as_first(stem_take(item, item.takes[active], new, name, take_fx, guids), item.volume)
    return item.with_common(common).with_takes([take]).raw


def with_stem_takes(
    item: ItemChunk,
    active: int,
    stems: Sequence[tuple[NewSource, str]],
    take_fx: TakeFx,
    guids: Guids,
    *,
    play_first: bool,
) -> ItemChunk:
    """The item with the stems as further takes; play_first: the first of them is active.

    One take is heard at a time, also where all of them were: the stems would double the mix.
    """
    takes = [_selected(take, False) for take in item.takes] if play_first else list(item.takes)
    for place, (new, name) in enumerate(stems):
        take = as_further(stem_take(item, item.takes[active], new, name, take_fx, guids))
        takes.append(_selected(take, play_first and place == 0))
    common = changed(item.common, lambda node: _plain(node, cut=False))
    return item.with_common(common).with_takes(takes)


def stem_take(
    item: ItemChunk, take: Take, new: NewSource, name: str, take_fx: TakeFx, guids: Guids
) -> Take:
    """The take with the stem as its source, times moved to the stem's start."""
    source = take.source
    in_section = source is not None and read_section(source) is not None
    # Inside a section times count from the section, which moves as a whole.
    shift = 0.0 if in_section else new.shift
    name = quotable(name)

    def change(node: Node) -> Node | None:
        if node.key in _OF_THE_SAMPLES or (take_fx is TakeFx.LEAVE_OUT and node.key in _FX):
            return None
        if isinstance(node, Block):
            return _resourced(node, new) if node.key == "SOURCE" else _fresh_ids(node, guids)
        match node.key:
            case "NAME":
                return node.having(0, name)
            case "GUID":
                return node.having(0, guids())
            case "CHANMODE":
                return node.having(0, str(new.chanmode))
            case "SOFFS":
                return _less(node, shift)
            case "TKM":
                return _marker(node, shift)
            case "SM":
                return shifted_markers(node, 0.0, shift)
        return node

    nodes = changed(take.nodes, change)
    if take.entry("NAME") is None:
        nodes = (entry("NAME", name, ending=item.ending), *nodes)
    if shift and take.entry("SOFFS") is None:
        nodes = (*nodes, entry("SOFFS", number(-shift), ending=item.ending))
    return Take(take.header, nodes)


def as_first(take: Take, item_volume: str) -> Take:
    """A take as the first of an item, where the item's volume stands with it."""
    volpan = take.entry("VOLPAN")
    if take.header is None and volpan is not None:
        return take
    ending = _ending_of(take)
    volpan = entry("VOLPAN", item_volume, *take.volume, ending=ending)
    return Take(None, _with_volume(take, volpan))


def as_further(take: Take) -> Take:
    """A take as the second or a later one of an item."""
    ending = _ending_of(take)
    if take.header is not None:
        return Take(entry("TAKE", ending=ending), take.nodes)
    own = entry("TAKEVOLPAN", *take.volume, ending=ending)
    return Take(entry("TAKE", ending=ending), _with_volume(take, own))


def shifted_markers(line: Line, position: float, source: float) -> Line:
    """Stretch markers with so much less of their positions in the item and in the source.

    The entry is groups of two or three numbers with "+" between them: position, position in
    the source, slope.
    """
    if not position and not source:
        return line
    groups = " ".join(line.values).split("+")
    moved: list[str] = []
    for group in groups:
        numbers = group.split()
        for place, less in ((0, position), (1, source)):
            if place < len(numbers) and less:
                numbers[place] = number(finite(numbers[place], 0.0) - less)
        moved += [*numbers, "+"]
    return Line(line.raw[: line.raw.index("SM")] + " ".join(["SM", *moved[:-1]]) + _end(line))


def _own(node: Node, guids: Guids) -> Node | None:
    """An entry of the item as the stem's own; None for what it does not inherit."""
    if node.key in _NOT_INHERITED:
        return None
    if isinstance(node, Line) and node.key in ("IGUID", "GUID"):
        return node.having(0, guids())
    return node


def _plain(node: Node, *, cut: bool) -> Node:
    # A stem is heard alone, not with other takes; and a piece of a file must not be looped.
    if isinstance(node, Line) and (node.key == "ALLTAKES" or (node.key == "LOOP" and cut)):
        return node.having(0, "0")
    return node


def _resourced(source: Block, new: NewSource) -> Block:
    """The source with the stem at its bottom; a section stays around it and moves along."""
    if source.block("SOURCE") is None:
        indent = source.head.raw[: source.head.raw.index("<")]
        inner = f"{indent}  " if indent else ""
        return Block(
            Line(f"{indent}<SOURCE WAVE{source.ending}"),
            (entry("FILE", new.file, ending=source.ending, indent=inner),),
            source.tail,
        )
    section = read_section(source)
    moves = section is not None and section.length is not None

    def change(node: Node) -> Node:
        if isinstance(node, Block):
            return _resourced(node, new) if node.key == "SOURCE" else node
        return _less(node, new.shift) if moves and node.key == "STARTPOS" else node

    children = changed(source.children, change)
    if moves and new.shift and source.entry("STARTPOS") is None:
        start = entry("STARTPOS", number(-new.shift), ending=source.ending)
        children = (start, *children)
    return source.with_children(children)


def _less(line: Line, seconds: float) -> Line:
    return line.having(0, number(line.number(0) - seconds)) if seconds else line


def _marker(line: Line, shift: float) -> Line | None:
    """A take marker, whose position counts in the source; None before the stem begins."""
    moved = line.number(0) - shift
    return None if moved < 0 <= line.number(0) else _less(line, shift)


def _fresh_ids(block: Block, guids: Guids) -> Block:
    """New identities for envelopes and effects, which are not the original's any more."""

    def change(node: Node) -> Node:
        if isinstance(node, Block):
            return _fresh_ids(node, guids)
        return node.having(0, guids()) if node.key in ("EGUID", "FXID") else node

    return block.with_children(changed(block.children, change))


def _with_volume(take: Take, volume: Line) -> tuple[Node, ...]:
    """The take's entries with this one for its volume, where REAPER has it: after the name."""
    nodes = [n for n in take.nodes if n.key not in ("VOLPAN", "TAKEVOLPAN")]
    place = next((i + 1 for i, node in enumerate(nodes) if node.key == "NAME"), 0)
    return (*nodes[:place], volume, *nodes[place:])


def _selected(take: Take, selected: bool) -> Take:
    header = take.header
    if header is None:
        return take
    words = [word for word in header.values if word != "SEL"] + (["SEL"] if selected else [])
    if tuple(words) == header.values:
        return take
    return Take(entry("TAKE", *words, ending=_end(header)), take.nodes)


def _ending_of(take: Take) -> str:
    lines: Iterable[str] = (node.raw for node in take.nodes)
    return "\r\n" if any(raw.endswith("\r\n") for raw in lines) else "\n"


def _end(line: Line) -> str:
    return line.raw[len(line.raw.rstrip("\r\n")) :]
