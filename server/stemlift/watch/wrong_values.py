"""What is wrong with a value that a person gave, in words for who knows neither Python nor
regular expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

# Of values that may be of several kinds pydantic tells only why each kind refused them.
_KINDS: Mapping[str, str] = {
    "channels": 'it is "swap", "downmix", the number of a channel from 0 on, or two of them,'
    " such as [2, 3]",
    "polling": 'it is true, false or "auto"',
}


def wrong_value(error: ValidationError) -> tuple[str, str]:
    """The field that is wrong first, such as "also.1", and what is wrong with it.

    The field is empty where it is no field at all that is wrong.
    """
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if place and place[0] in _KINDS and first["type"] != "missing":
        return place[0], _KINDS[place[0]]
    return ".".join(place), _words(first)


def _words(first: ErrorDetails) -> str:
    kind, given = first["type"], first["input"]
    if given == "":
        return "it is empty"
    if kind == "string_pattern_mismatch":
        return "no such name can be, with a slash or a control sign in it"
    if kind == "tuple_type":
        return f'it is a list, such as ["{given}"]' if _is_word(given) else "it is a list"
    if kind == "string_type":
        return f'it is text in quotes, such as "{given}"' if _is_number(given) else "it is text"
    return first["msg"].removeprefix("Value error, ").replace("Input should be", "it should be")


def _is_word(given: object) -> bool:
    return isinstance(given, str) and given.isprintable() and not set(given) & set('"\\')


def _is_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)
