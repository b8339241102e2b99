"""Parts of an item, as a split in REAPER makes them: for stems within a time selection.

What counts from the item's start moves with it: the snap offset, take envelopes (their points
count in seconds of the take, so that a rate of 2 doubles them) and stretch markers (likewise).
"""

from __future__ import annotations

from dataclasses import dataclass

from stemlift.reaper.chunk import Block, Line, Node, changed, number
from stemlift.reaper.clone import Guids, shifted_markers
from stemlift.reaper.item_chunk import ItemChunk, Take

SHORTEST = 1e-6
"""Seconds; a part that is shorter is none."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of an item from `start` to `end`, in seconds of the project."""

    start: float
    end: float


def window(item: ItemChunk, selection: tuple[float, float]) -> Window | None:
    """The part of the item inside the selection; None where they do not meet.

    A fade is never cut: a selection that begins or ends within one takes in all of it, since
    two parts of a fade cannot be written as fades.
    """
    start = max(item.position, min(selection))
    end = min(item.position + item.length, max(selection))
    if end - start < SHORTEST:
        return None
    if start - item.position < max(_fade(item, "FADEIN"), SHORTEST):
        start = item.position
    if item.position + item.length - end < max(_fade(item, "FADEOUT"), SHORTEST):
        end = item.position + item.length
    # A fade in that ends within the fade out, or the other way round, leaves nothing to cut.
    if end - item.position < _fade(item, "FADEIN"):
        end = item.position + item.length
    if item.position + item.length - start < _fade(item, "FADEOUT"):
        start = item.position
    return Window(start, end)


def is_all(item: ItemChunk, part: Window) -> bool:
    return part.start <= item.position and part.end >= item.position + item.length


def trimmed(item: ItemChunk, part: Window, cycles: dict[int, float]) -> ItemChunk:
    """The item as it is between two times of the project.

    cycles: length of the file that a looping take repeats, by the take's index.
    """
    before = part.start - item.position
    after = item.position + item.length - part.end

    def change(node: Node) -> Node:
        if not isinstance(node, Line):
            return node
        match node.key:
            case "POSITION":
                return node.having(0, number(part.start))
            case "LENGTH":
                return node.having(0, number(part.end - part.start))
            case "SNAPOFFS":
                snap = node.number(0) - before
                return node.having(0, number(snap if 0 <= snap <= part.end - part.start else 0))
            case "FADEIN":
                return _no_fade(node) if before > 0 else node
            case "FADEOUT":
                return _no_fade(node) if after > 0 else node
        return node

    takes = [
        _later(take, before, cycles.get(index) if item.loops else None, item.ending)
        for index, take in enumerate(item.takes)
    ]
    return item.with_common(changed(item.common, change)).with_takes(takes)


def new_identity(item: ItemChunk, guids: Guids) -> ItemChunk:
    """The same item under new GUIDs, and not selected; for a part that is new in the project."""

    def change(node: Node) -> Node:
        if isinstance(node, Block):
            return node.with_children(changed(node.children, change))
        if node.key in ("IGUID", "GUID", "EGUID", "FXID"):
            return node.having(0, guids())
        return node.having(0, "0") if node.key == "SEL" else node

    common = changed(item.common, change)
    takes = [Take(take.header, changed(take.nodes, change)) for take in item.takes]
    return item.with_common(common).with_takes(takes)


def muted(item: ItemChunk) -> ItemChunk:
    """The same item, silent."""

    def change(node: Node) -> Node:
        return node.having(0, "1") if isinstance(node, Line) and node.key == "MUTE" else node

    if item.entry("MUTE") is None:
        return item.with_common((*item.common, Line(f"MUTE 1 0{item.ending}")))
    return item.with_common(changed(item.common, change))


def _later(take: Take, seconds: float, cycle: float | None, ending: str) -> Take:
    less = seconds * take.rate
    if not less:
        return take

    def change(node: Node) -> Node:
        if isinstance(node, Block):
            if node.key == "TAKEFX":
                return node.with_children(changed(node.children, change))
            return _envelope(node, less) if node.key.endswith("ENV") else node
        if node.key == "SOFFS":
            offset = node.number(0) + less
            return node.having(0, number(offset % cycle if cycle else offset))
        return shifted_markers(node, less, 0.0) if node.key == "SM" else node

    nodes = changed(take.nodes, change)
    if take.entry("SOFFS") is None and take.source is not None:
        offset = number(less % cycle if cycle else less)
        nodes = (*nodes, Line(f"SOFFS {offset}{ending}"))
    return Take(take.header, nodes)


def _envelope(block: Block, less: float) -> Block:
    def change(node: Node) -> Node:
        if isinstance(node, Line) and node.key == "PT":
            return node.having(0, number(node.number(0) - less))
        return node

    return block.with_children(changed(block.children, change))


def _fade(item: ItemChunk, key: str) -> float:
    # Shape, length, length of the automatic fade (which wins where there is one).
    return max(0.0, item.number(key, 1), item.number(key, 2))


def _no_fade(line: Line) -> Line:
    return line.having(1, "0", "0")
