"""State chunks as text: blocks of lines, fields of a line, REAPER's quotes and numbers.

Written from REAPER's own format alone, and on purpose apart from `stemlift.reaper`, so that the
two can disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

QUOTES = "\"'`"


class MalformedChunkError(ValueError):
    """A chunk that REAPER would refuse."""


@dataclass
class Block:
    """`<HEADER`, then lines and blocks, then `>`. The header has no `<`."""

    header: str
    children: list[str | Block] = field(default_factory=list)

    @property
    def key(self) -> str:
        return fields(self.header)[0]

    def text(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield "<" + self.header
        for child in self.children:
            if isinstance(child, Block):
                yield from child._lines()
            else:
                yield child
        yield ">"

    def blocks(self, *keys: str) -> Iterator[Block]:
        for child in self.children:
            if isinstance(child, Block) and (not keys or child.key in keys):
                yield child

    def line(self, key: str) -> list[str] | None:
        """The fields after `key` of its first line."""
        for child in self.children:
            if isinstance(child, str) and key_of(child) == key:
                return fields(child)[1:]
        return None


def parse(text: str) -> Block:
    """One block from its text; anything after it but white space is refused."""
    stack: list[Block] = []
    top: Block | None = None
    for raw in text.replace("\r\n", "\n").split("\n"):
        line = raw.strip(" \t")
        if not line:
            continue
        if top is not None and not stack:
            raise MalformedChunkError(f"text after the end of the chunk: {line!r}")
        if line.startswith("<"):
            block = Block(line[1:])
            if stack:
                stack[-1].children.append(block)
            elif top is None:
                top = block
            stack.append(block)
        elif line == ">":
            if not stack:
                raise MalformedChunkError("a > without its <")
            stack.pop()
        elif not stack:
            raise MalformedChunkError(f"a line outside of a block: {line!r}")
        else:
            stack[-1].children.append(line)
    if top is None or stack:
        raise MalformedChunkError("the chunk is empty or not closed")
    return top


def key_of(child: str | Block) -> str:
    if isinstance(child, Block):
        return child.key
    return child.split(" ", 1)[0].split("\t", 1)[0]


def fields(line: str) -> list[str]:
    """The fields of a line; a quoted field may hold spaces and the other two quotes."""
    found: list[str] = []
    at = 0
    while at < len(line):
        if line[at] in " \t":
            at += 1
            continue
        if line[at] in QUOTES:
            end = line.find(line[at], at + 1)
            end = len(line) if end < 0 else end
            found.append(line[at + 1 : end])
            at = end + 1
            continue
        end = at
        while end < len(line) and line[end] not in " \t":
            end += 1
        found.append(line[at:end])
        at = end
    return found


def quoted(value: str) -> str:
    """As REAPER writes a string: bare where it can, else the first quote that it does not hold."""
    if value and value[0] not in QUOTES and not any(c in value for c in " \t") and value[0] != "#":
        return value
    for quote in QUOTES:
        if quote not in value:
            return f"{quote}{value}{quote}"
    return "`" + value.replace("`", "'") + "`"


def number(value: float) -> str:
    """Up to fourteen decimals, without trailing zeros."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.14f}".rstrip("0").rstrip(".")


def join(key: str, values: Iterable[float | str]) -> str:
    """A line from its key and fields; strings must be quoted already."""
    return " ".join([key, *(v if isinstance(v, str) else number(v) for v in values)])


class Lines:
    """A list of lines and blocks whose lines can be read and set by key and field."""

    def __init__(self, children: Iterable[str | Block] = ()) -> None:
        self.children: list[str | Block] = list(children)

    def find(self, key: str) -> int | None:
        for index, child in enumerate(self.children):
            if key_of(child) == key:
                return index
        return None

    def has(self, key: str) -> bool:
        return self.find(key) is not None

    def string(self, key: str, position: int, default: str = "") -> str:
        index = self.find(key)
        if index is None or isinstance(self.children[index], Block):
            return default
        values = fields(str(self.children[index]))[1:]
        return values[position] if position < len(values) else default

    def value(self, key: str, position: int, default: float = 0.0) -> float:
        text = self.string(key, position, "")
        try:
            return float(text)
        except ValueError:
            return default

    def set_line(self, line: str, after: tuple[str, ...] = ()) -> None:
        """Replace the line of the same key, else put it behind the last of `after`, else last."""
        key = key_of(line)
        index = self.find(key)
        if index is not None:
            self.children[index] = line
            return
        places = [i for i, child in enumerate(self.children) if key_of(child) in after]
        self.children.insert(places[-1] + 1 if places else len(self.children), line)

    def set_value(self, key: str, position: int, value: float | str, default: str) -> None:
        """Set one field; `default` is the whole line's fields where there is none yet."""
        index = self.find(key)
        line = str(self.children[index]) if index is not None else f"{key} {default}"
        raw = split_keeping_quotes(line)
        wanted = split_keeping_quotes(f"{key} {default}")
        while len(raw) < position + 2:
            raw.append(wanted[len(raw)] if len(raw) < len(wanted) else "0")
        raw[position + 1] = value if isinstance(value, str) else number(value)
        self.set_line(" ".join(raw))

    def remove(self, key: str) -> None:
        self.children = [child for child in self.children if key_of(child) != key]

    def blocks(self, *keys: str) -> list[Block]:
        blocks = (child for child in self.children if isinstance(child, Block))
        return [block for block in blocks if not keys or block.key in keys]


def split_keeping_quotes(line: str) -> list[str]:
    key, *values = fields(line)
    return [key, *(quoted(value) for value in values)]
