"""The small parts that elements are made of: names, numbers, colours, parameters."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Collection
from fractions import Fraction
from xml.etree.ElementTree import Element

from stemlift.reaper.looks import Colour

Ids = Callable[[], str]
"""Gives an id that no element has."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?$")
_DIGITS = 9


def new_ids(taken: Collection[str] = ()) -> Ids:
    """Ids in a row, without those that are taken."""
    numbers = (f"id{number}" for number in itertools.count())
    free = (one for one in numbers if one not in taken)
    return lambda: next(free)


def label(name: str) -> str:
    """A name as XML can hold it."""
    return _NOT_XML.sub(" ", name)


def holds(text: str) -> bool:
    """Whether XML can hold it as it is."""
    return _NOT_XML.search(text) is None


def number(value: float | Fraction) -> str:
    """The shortest decimal that is this double."""
    return repr(float(value))


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


def linear(gain_db: float) -> float:
    return 1.0 if gain_db == 0 else 10 ** (gain_db / 20)


def decibels(gain: float) -> float:
    """Of a linear gain; what is behind the digits is a double's rounding."""
    return round(20 * math.log10(gain), _DIGITS) if gain > 0 else -math.inf
