"""REAPER's state chunks: nested blocks of lines, read and written without losing a byte.

A chunk is the text that GetItemStateChunk gives, and a part of every RPP file: a line that
starts with "<" opens a block, a line ">" closes it, every other line is an entry: a key and its
values. Lines that nobody touches keep their bytes, whatever they are: indents, line ends,
base64, code behind "|". Source of the format: ReaTeam/Doc, "State Chunk Definitions".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from stemlift.errors import Reason, StemliftError

_QUOTES = "\"'`"
_BLANKS = " \t"
_BLANK = re.compile(r"[ \t]+")
_NEED_QUOTES = (*_QUOTES, "#", ";", "|", "<", ">")

DEEPEST = 100
"""Blocks within blocks; REAPER's own go some ten deep, with containers of effects."""


class ChunkError(ValueError):
    """A text that is no chunk; its words are the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry. raw: its text with its line end."""

    raw: str

    @property
    def tokens(self) -> tuple[str, ...]:
        return tuple(_tokens(self.raw))

    @property
    def key(self) -> str:
        return _first(self.raw)

    @property
    def values(self) -> tuple[str, ...]:
        return self.tokens[1:]

    def number(self, place: int, default: float = 0.0) -> float:
        """The value at `place`, from 0; `default` where there is none or it is no finite number."""
        values = self.values
        if place >= len(values):
            return default
        return finite(values[place], default)

    def having(self, place: int, *values: str) -> Line:
        """The same entry with other values from `place` on, indent and line end as before."""
        tokens = list(self.tokens)
        tokens += ["0"] * (place + 1 - len(tokens))
        tokens[place + 1 : place + 1 + len(values)] = values
        return Line(_indent(self.raw) + _written(tokens) + _ending(self.raw))


@dataclass(frozen=True, slots=True)
class Block:
    """A block. head: its first line; tail: its last, with all that follows the outermost one."""

    head: Line
    children: tuple[Node, ...]
    tail: Line

    @property
    def key(self) -> str:
        return self.head.key[1:]

    @property
    def raw(self) -> str:
        return self.head.raw + "".join(child.raw for child in self.children) + self.tail.raw

    def entry(self, key: str) -> Line | None:
        """The first entry of that key, blocks left out."""
        return next((n for n in self.children if isinstance(n, Line) and n.key == key), None)

    def block(self, key: str) -> Block | None:
        """The first block of that key in this one."""
        return next((n for n in self.children if isinstance(n, Block) and n.key == key), None)

    def with_children(self, children: Iterable[Node]) -> Block:
        return replace(self, children=tuple(children))

    @property
    def ending(self) -> str:
        """The line end that its lines have."""
        return _ending(self.head.raw) or "\n"


Node = Line | Block


def parse(text: str) -> Block:
    """The one block that `text` is. `parse(text).raw == text`.

    Raises:
        ChunkError: it does not start with "<", or its blocks do not close, or are too deep.
    """
    open_blocks: list[tuple[Line, list[Node]]] = []
    done: Block | None = None
    for raw in _lines(text):
        word = raw.strip()
        if done is not None:
            if word:
                raise ChunkError("goes on after its last line")
            done = replace(done, tail=Line(done.tail.raw + raw))
        elif word.startswith("<"):
            open_blocks.append((Line(raw), []))
            if len(open_blocks) > DEEPEST:
                raise ChunkError(f"has blocks more than {DEEPEST} deep")
        elif not open_blocks:
            raise ChunkError("does not start with a block")
        elif word == ">":
            head, children = open_blocks.pop()
            block = Block(head, tuple(children), Line(raw))
            if open_blocks:
                open_blocks[-1][1].append(block)
            else:
                done = block
        else:
            open_blocks[-1][1].append(Line(raw))
    if done is None:
        raise ChunkError("ends before its last line")
    return done


def changed(
    nodes: Iterable[Node], change: Callable[[Node], Node | None], *, within: str = ""
) -> tuple[Node, ...]:
    """Each node as `change` gives it; None drops it.

    within: key of blocks whose insides are changed as well.
    """
    result: list[Node] = []
    for node in nodes:
        new = change(node)
        if isinstance(new, Block) and within and new.key == within:
            new = new.with_children(changed(new.children, change, within=within))
        if new is not None:
            result.append(new)
    return tuple(result)


def entry(key: str, *values: str, ending: str = "\n", indent: str = "") -> Line:
    """A new entry; its values are quoted where they must be."""
    return Line(indent + _written([key, *values]) + ending)


def finite(text: str, default: float) -> float:
    """The number that a text is; `default` where it is none, or not a finite one."""
    try:
        value = float(text)
    except ValueError:
        return default
    return value if math.isfinite(value) else default


def number(value: float) -> str:
    """As REAPER writes numbers: at most 14 digits behind the point, never an exponent."""
    text = f"{value:.14f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def quoted(value: str, *, always: bool = False) -> str:
    """A value as it stands in an entry: in quotes where it has blanks or begins with a sign.

    There is no escaping: the quotes are such as the value does not have. always: as REAPER
    writes paths.

    Raises:
        StemliftError: PATH_UNSUPPORTED for a value with all three kinds of quotes, or with
            a line break in it.
    """
    if any(sign in value for sign in "\r\n\0"):
        raise _unwritable(value, "a line break or a zero")
    plain = value and not value.startswith(_NEED_QUOTES) and not any(c in value for c in " \t")
    if plain and not always:
        return value
    for quote in _QUOTES:
        if quote not in value:
            return f"{quote}{value}{quote}"
    raise _unwritable(value, "all three kinds of quotes")


def quotable(name: str) -> str:
    """A name as REAPER keeps it where it has all three kinds of quotes: with one kind less."""
    return name.replace("`", "'") if all(quote in name for quote in _QUOTES) else name


def _written(tokens: Iterable[str]) -> str:
    key, *values = tokens
    written = [quoted(v, always=key == "FILE" and place == 0) for place, v in enumerate(values)]
    return " ".join([key, *written])


def _tokens(raw: str) -> Iterator[str]:
    # Blanks and tabs alone part values: a name may hold other signs that Unicode calls white.
    rest = raw.strip(_BLANKS + "\r\n")
    while rest:
        if rest[0] in _QUOTES:
            end = rest.find(rest[0], 1)
            # REAPER takes a quote that is not closed as going to the end of the line.
            end = len(rest) if end < 0 else end
            yield rest[1:end]
            rest = rest[end + 1 :].lstrip(_BLANKS)
        else:
            word = _BLANK.split(rest, maxsplit=1)
            yield word[0]
            rest = word[1] if len(word) > 1 else ""


def _first(raw: str) -> str:
    words = raw.split(maxsplit=1)
    return words[0] if words else ""


def _lines(text: str) -> list[str]:
    # Not splitlines: a name may hold signs that Unicode counts as line ends.
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _indent(raw: str) -> str:
    return raw[: len(raw) - len(raw.lstrip(" \t"))]


def _ending(raw: str) -> str:
    if raw.endswith("\r\n"):
        return "\r\n"
    return "\n" if raw.endswith("\n") else ""


def _unwritable(value: str, what: str) -> StemliftError:
    shown = " ".join(value.replace("\0", " ").split())
    return StemliftError(
        Reason.PATH_UNSUPPORTED,
        f"{shown} has {what} in it, which a REAPER project cannot hold.",
        "Rename the file or folder, or choose another folder for the stems.",
    )
