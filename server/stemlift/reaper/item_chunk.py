"""The chunk of an item: what belongs to the item, and its takes one after the other.

In the chunk the first take has no line of its own: its entries follow those of the item. Every
further take starts with an entry TAKE, "TAKE NULL" for an empty one and "TAKE SEL" for the
active one. The item's volume and that of its first take share the entry VOLPAN; other takes
have TAKEVOLPAN.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from stemlift.reaper.chunk import Block, ChunkError, Line, Node, parse

# Entries of an item end at the first of these. VOLPAN is the item's, too, see `volume`.
_TAKE_KEYS = {"NAME", "VOLPAN", "TAKEVOLPAN", "SOFFS", "PLAYRATE", "CHANMODE", "GUID", "RECPASS"}
_TAKE_KEYS |= {"TAKECOLOR", "SM", "TKM", "TMINFO"}
_TAKE_BLOCKS = {"SOURCE", "TAKEFX"}

_NO_VOLUME = ("0", "1", "-1")


@dataclass(frozen=True, slots=True)
class Take:
    """header: its entry TAKE; None for the first one. nodes: all others of it."""

    header: Line | None
    nodes: tuple[Node, ...]

    @property
    def source(self) -> Block | None:
        blocks = (n for n in self.nodes if isinstance(n, Block) and n.key == "SOURCE")
        return next(blocks, None)

    @property
    def name(self) -> str:
        line = self.entry("NAME")
        return line.values[0] if line and line.values else ""

    @property
    def rate(self) -> float:
        """Of playing; REAPER has none of 0 or less."""
        rate = self.number("PLAYRATE", 0, 1.0)
        return rate if rate > 0 else 1.0

    @property
    def has_fx(self) -> bool:
        return self.block("TAKEFX") is not None

    @property
    def volume(self) -> tuple[str, ...]:
        """Pan, volume and pan law of the take, as written."""
        own = self.entry("TAKEVOLPAN")
        if own is not None:
            return (*own.values, *_NO_VOLUME[len(own.values) :])
        shared = self.entry("VOLPAN")
        values = shared.values[1:] if shared else ()
        return (*values, *_NO_VOLUME[len(values) :])

    def entry(self, key: str) -> Line | None:
        return next((n for n in self.nodes if isinstance(n, Line) and n.key == key), None)

    def block(self, key: str) -> Block | None:
        return next((n for n in self.nodes if isinstance(n, Block) and n.key == key), None)

    def number(self, key: str, place: int = 0, default: float = 0.0) -> float:
        line = self.entry(key)
        return default if line is None else line.number(place, default)


@dataclass(frozen=True, slots=True)
class ItemChunk:
    """position, length: in seconds of the project.

    common: the entries of the item itself, without VOLPAN.

    volume: of the item, as written; its takes carry theirs.
    """

    block: Block
    common: tuple[Node, ...]
    volume: str
    takes: tuple[Take, ...]

    def entry(self, key: str) -> Line | None:
        return next((n for n in self.common if isinstance(n, Line) and n.key == key), None)

    def number(self, key: str, place: int = 0, default: float = 0.0) -> float:
        line = self.entry(key)
        return default if line is None else line.number(place, default)

    @property
    def position(self) -> float:
        return self.number("POSITION")

    @property
    def length(self) -> float:
        return self.number("LENGTH")

    @property
    def loops(self) -> bool:
        return self.number("LOOP") != 0

    @property
    def muted(self) -> bool:
        return self.number("MUTE") != 0

    @property
    def ending(self) -> str:
        return self.block.ending

    def active(self, told: int | None) -> int:
        """Index of the active take: as told, else by "TAKE SEL", else the first."""
        if told is not None and 0 <= told < len(self.takes):
            return told
        for index, take in enumerate(self.takes):
            if take.header is not None and "SEL" in take.header.values:
                return index
        return 0

    def with_common(self, nodes: Iterable[Node]) -> ItemChunk:
        return replace(self, common=tuple(nodes))

    def with_takes(self, takes: Iterable[Take]) -> ItemChunk:
        return replace(self, takes=tuple(takes))

    @property
    def raw(self) -> str:
        nodes: list[Node] = list(self.common)
        for take in self.takes:
            if take.header is not None:
                nodes.append(take.header)
            nodes += take.nodes
        return self.block.with_children(nodes).raw


def parse_item(text: str) -> ItemChunk:
    """The parts of an item's chunk. `parse_item(text).raw == text`.

    Raises:
        ChunkError: it is no chunk of an item.
    """
    block = parse(text)
    if block.key != "ITEM":
        raise ChunkError("is not that of an item")
    return split_item(block)


def split_item(block: Block) -> ItemChunk:
    """The parts of an item, from its block."""
    parts: list[tuple[Line | None, list[Node]]] = [(None, [])]
    for node in block.children:
        if isinstance(node, Line) and node.key == "TAKE":
            parts.append((node, []))
        else:
            parts[-1][1].append(node)
    first = parts[0][1]
    cut = next((i for i, node in enumerate(first) if _of_take(node)), len(first))
    takes = [Take(None, tuple(first[cut:]))] if cut < len(first) or len(parts) > 1 else []
    takes += [Take(header, tuple(nodes)) for header, nodes in parts[1:]]
    volpan = takes[0].entry("VOLPAN") if takes else None
    volume = volpan.values[0] if volpan and volpan.values else "1"
    return ItemChunk(block, tuple(first[:cut]), volume, tuple(takes))


def _of_take(node: Node) -> bool:
    return node.key in (_TAKE_BLOCKS if isinstance(node, Block) else _TAKE_KEYS)
