"""Lines of a project in the making: a list of texts without line ends.

A block is a list, too; what is inside of it is indented by two blanks, as REAPER does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from fractions import Fraction

from stemlift.reaper.chunk import entry, number, quotable
from stemlift.reaper.clone import Guids, repeatable_guids
from stemlift.reaper.looks import Colour

NO_GUID = "{00000000-0000-0000-0000-000000000000}"
_OWN_COLOUR = 0x1000000


def line(key: str, *values: str | float | Fraction) -> str:
    """An entry; numbers as REAPER writes them, strings in quotes where they need them.

    Raises:
        StemliftError: PATH_UNSUPPORTED for a string that no quotes can hold.
    """
    written = (one if isinstance(one, str) else number(float(one)) for one in values)
    return entry(key, *written, ending="").raw


def block(head: str, *parts: Iterable[str]) -> list[str]:
    """`<head`, the lines of the parts, `>`."""
    return [f"<{head}", *(f"  {inner}" for part in parts for inner in part), ">"]


def label(name: str) -> str:
    """A name that quotes can hold: as in REAPER a back-quote gives way where all three kinds
    are in it, and a line break is a blank."""
    return quotable(" ".join(name.replace("\0", " ").splitlines()))


def colour_number(colour: Colour | None, default: int) -> int:
    """Red in the lowest byte, and a bit that says that it is set."""
    if colour is None:
        return default
    red, green, blue = colour
    return _OWN_COLOUR | blue << 16 | green << 8 | red


def colour_of(number: float) -> Colour | None:
    """The inverse of `colour_number`."""
    value = int(number)
    if not value & _OWN_COLOUR:
        return None
    return value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF


def with_guids(write: Callable[[Guids], list[str]], taken: Collection[str] = ()) -> list[str]:
    """What `write` gives with GUIDs that follow from it, so that twice the same is twice the same.

    taken: GUIDs that must not come again.
    """
    plain = "\n".join(write(lambda: NO_GUID))
    following = repeatable_guids(hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest())

    def free() -> str:
        while (guid := following()) in taken:
            pass
        return guid

    return write(free)
