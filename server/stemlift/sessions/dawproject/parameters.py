"""The small parts that elements are made of: ids, colours, parameters."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection
from xml.etree.ElementTree import Element

from stemlift.reaper.looks import Colour
from stemlift.sessions.xml_text import number

Ids = Callable[[], str]
"""Gives an id that no element has."""

_COLOUR = re.compile(r"#([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?$")


def new_ids(taken: Collection[str] = ()) -> Ids:
    """Ids in a row, without those that are taken."""
    numbers = (f"id{number}" for number in itertools.count())
    free = (one for one in numbers if one not in taken)
    return lambda: next(free)


def real(
    tag: str,
    value: float,
    unit: str,
    ids: Ids,
    limits: tuple[float, float] | None = None,
    name: str = "",
) -> Element:
    """A parameter; limits: its lowest and highest value."""
    element = Element(tag)
    if limits:
        low, high = limits
        element.attrib |= {"max": number(max(high, value)), "min": number(low)}
    element.attrib |= {"unit": unit, "value": number(value), "id": ids()}
    if name:
        element.set("name", name)
    return element


def boolean(tag: str, value: bool, ids: Ids, name: str = "") -> Element:
    element = Element(tag, value=truth(value), id=ids())
    if name:
        element.set("name", name)
    return element


def truth(value: bool) -> str:
    return "true" if value else "false"


def is_true(text: str) -> bool:
    return text in ("true", "1")


def colour_text(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def colour_of(text: str) -> Colour | None:
    """The inverse of `colour_text`; None for what is no colour."""
    found = _COLOUR.match(text)
    if not found:
        return None
    red, green, blue = bytes.fromhex(found[1])
    return red, green, blue
