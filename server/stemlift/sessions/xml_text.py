"""Names and numbers as XML holds them."""

from __future__ import annotations

import re
from fractions import Fraction

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def label(name: str) -> str:
    """A name as XML can hold it."""
    return _NOT_XML.sub(" ", name)


def holds(text: str) -> bool:
    """Whether XML can hold it as it is."""
    return _NOT_XML.search(text) is None


def number(value: float | Fraction) -> str:
    """The shortest decimal that is this double."""
    return repr(float(value))
