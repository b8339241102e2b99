"""`stemlift-reaper plan IN.json`: a request in, a plan out. Nothing else is touched."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.facts import VERSION, Request
from stemlift.reaper.planning import make_plan


def plan_text(source: Path | None) -> str:
    """The plan for the request in a file, None for stdin; as JSON with a line end.

    Raises:
        StemliftError: the file cannot be read, is no request, or cannot be planned.
    """
    return make_plan(read_request(_read(source))).model_dump_json(indent=2) + "\n"


def read_request(text: str) -> Request:
    """A request from its JSON.

    Raises:
        StemliftError: ARGUMENT_INVALID naming the field that is wrong.
    """
    try:
        request = Request.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the request"
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{field} is not as it must be: {first['msg']}.",
            "See the schema: python -m stemlift.reaper.schema.",
        ) from error
    if request.version != VERSION:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"version cannot be {request.version}: this Stemlift speaks version {VERSION}.",
            "Install the scripts of this Stemlift again: stemlift reaper install.",
        )
    return request


def _read(source: Path | None) -> str:
    try:
        data = sys.stdin.buffer.read() if source is None else source.read_bytes()
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND, f"There is no file {source}.", "Check the path."
        ) from error
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"{source} cannot be read: {error.strerror or error}.",
            "Check its permissions.",
        ) from error
    except UnicodeDecodeError as error:
        raise StemliftError(
            Reason.ARGUMENT_INVALID, f"{source or 'The input'} is not text in UTF-8.", ""
        ) from error
