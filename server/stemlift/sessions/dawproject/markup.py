"""Reading XML safely, with the place of each element, so that text can be put between.

Document types are refused, and with them entities and all that lies outside of the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

DEEPEST = 160
"""Elements in elements; folders in folders of a session are fewer than half of that."""

MOST = 2_000_000
"""Elements of one document: a hundred hours of dense automation."""

_TAG = re.compile(rb"<[^\"'>]*(?:\"[^\"]*\"[^\"'>]*|'[^']*'[^\"'>]*)*>")


class MarkupError(ValueError):
    """What is wrong with it, as the end of a sentence."""


@dataclass(slots=True)
class Node:
    """An element. start: where it begins; close: where its end tag begins, in bytes; behind an
    element that is one tag."""

    tag: str
    attributes: dict[str, str]
    start: int
    close: int = 0
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def number(self, name: str, default: float = 0.0) -> float:
        """An attribute as a finite number; the default where it is none."""
        try:
            value = float(self.attributes[name])
        except (KeyError, ValueError):
            return default
        return value if math.isfinite(value) else default

    def child(self, tag: str) -> Node | None:
        """The first child of that kind."""
        return next((one for one in self.children if one.tag == tag), None)

    def walk(self) -> Iterator[Node]:
        """It and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Document:
    """data: its bytes. utf8: whether text can be put into them as UTF-8."""

    data: bytes
    root: Node
    utf8: bool

    def last_in(self, node: Node, text: bytes) -> Document:
        """With a text at the end of an element; all else stays as it is."""
        if self._tag(node).endswith(b"/>"):
            return self._widened(node, text)
        return self._with(node.close, node.close, text)

    def first_in(self, node: Node, text: bytes) -> Document:
        """With a text at the start of an element."""
        if self._tag(node).endswith(b"/>"):
            return self._widened(node, text)
        start = node.start + len(self._tag(node))
        return self._with(start, start, text)

    def behind(self, node: Node, text: bytes) -> Document:
        """With a text behind an element."""
        tag = self._tag(node)
        if tag.endswith(b"/>"):
            end = node.start + len(tag)
        else:
            end = self.data.index(b">", node.close) + 1
        return self._with(end, end, text)

    def _widened(self, node: Node, text: bytes) -> Document:
        """An element that is one tag, as two with a text between."""
        tag = self._tag(node)
        around = tag[:-2].rstrip() + b">" + text + f"</{node.tag}>".encode()
        return self._with(node.start, node.start + len(tag), around)

    def _tag(self, node: Node) -> bytes:
        found = _TAG.match(self.data, node.start)
        assert found is not None
        return found[0]

    def _with(self, start: int, end: int, text: bytes) -> Document:
        return parse(self.data[:start] + text + self.data[end:])


def parse(data: bytes) -> Document:
    """Raises MarkupError."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: reading.start(
        tag, attributes, parser.CurrentByteIndex
    )
    parser.EndElementHandler = lambda _tag: reading.end(parser.CurrentByteIndex)
    parser.CharacterDataHandler = reading.characters
    parser.StartDoctypeDeclHandler = _refuse
    parser.XmlDeclHandler = reading.declared
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MarkupError(f"is no XML: {error}") from error
    except (LookupError, UnicodeError) as error:
        raise MarkupError("is XML in an unknown encoding") from error
    assert reading.root is not None
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    utf8 = not wide and reading.encoding.lower() in ("", "utf-8", "us-ascii", "ascii")
    return Document(data, reading.root, utf8)


def _refuse(*_: Any) -> None:
    raise MarkupError("has a document type, which is refused")


class _Reading:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.encoding = ""
        self._open: list[Node] = []
        self._count = 0

    def declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding or ""

    def start(self, tag: str, attributes: dict[str, str], at: int) -> None:
        self._count += 1
        if len(self._open) >= DEEPEST:
            raise MarkupError(f"has more than {DEEPEST} elements in each other")
        if self._count > MOST:
            raise MarkupError(f"has more than {MOST} elements")
        node = Node(tag, attributes, at)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def end(self, at: int) -> None:
        self._open.pop().close = at

    def characters(self, text: str) -> None:
        self._open[-1].text += text
