"""Reading templates: those that come with Stemlift by name, those of the user by path."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.templates.effects import Effects
from stemlift.sessions.templates.template import Template

PLAIN = "plain"
"""The template where none is named."""

LARGEST = 256 * 1024
"""Bytes of the largest template that is read."""

_SUFFIX = ".toml"
_KIND = 'it needs kind = "equalizer" or "compressor"'
_WORDS = {
    "missing": "it is not there, and must be",
    "tuple_type": "it is no list",
    "string_pattern_mismatch": "it is empty, or has a line break or the like in it",
    "union_tag_not_found": _KIND,
    "union_tag_invalid": _KIND,
}
"""By pydantic's types of errors, what its own words say in terms of Python."""


def template_names() -> tuple[str, ...]:
    """Names of the templates that come with Stemlift, sorted."""
    files = (resources.files(__package__) / "starters").iterdir()
    return tuple(sorted(Path(f.name).stem for f in files if f.name.endswith(_SUFFIX)))


def load_template(name_or_path: str | os.PathLike[str]) -> Template:
    """The template of that name, or in that file.

    What has a folder in it or ends with ".toml" is a path, all else is a name.

    Raises:
        StemliftError: TEMPLATE_INVALID, naming the file and the field, or the names there are.
    """
    told = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and Path(told).name == told and not told.endswith(_SUFFIX):
        names = template_names()
        if told not in names:
            raise StemliftError(
                Reason.TEMPLATE_INVALID,
                f"There is no template named {told!r}.",
                f"Choose from: {', '.join(names)}; or give the path of a .toml file.",
            )
        file = resources.files(__package__) / "starters" / f"{told}{_SUFFIX}"
        return _parsed(file.read_bytes(), f"{told}{_SUFFIX}", told)
    path = Path(told)
    try:
        with path.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise _invalid(str(path), f"it cannot be read ({why})") from error
    return _parsed(data, str(path), path.stem)


@cache
def standard_chains() -> dict[str, Effects]:
    """For each stem the chain that a mixing engineer may begin with."""
    file = resources.files(__package__) / "chains.toml"
    adapter = TypeAdapter(dict[str, Effects])
    return adapter.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))


def _parsed(data: bytes, told: str, name: str) -> Template:
    if len(data) > LARGEST:
        raise _invalid(told, f"it is larger than {LARGEST // 1024} KiB")
    try:
        # Editors on Windows begin the file with a byte order mark.
        keys = tomllib.loads(data.decode("utf-8-sig"))
        return Template.model_validate({"name": name, **keys})
    except UnicodeDecodeError as error:
        raise _invalid(told, "it is not saved as UTF-8") from error
    except ValidationError as error:
        raise _invalid(told, _first(error)) from error
    except (ValueError, RecursionError) as error:
        raise _invalid(told, str(error)) from error


def _first(error: ValidationError) -> str:
    """The first problem and where it is: "track 2, gain_db: …"; tracks count from 1."""
    first = error.errors()[0]
    places: list[str] = []
    for part in first["loc"]:
        if isinstance(part, int):
            places[-1:] = [f"{places[-1]} {part + 1}"] if places else [str(part + 1)]
        elif part not in ("equalizer", "compressor"):
            places.append(part)
    place = ", ".join(places)
    if first["type"] == "extra_forbidden":
        return f"{place}: there is no such key"
    message = _WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _invalid(told: str, problem: str) -> StemliftError:
    return StemliftError(
        Reason.TEMPLATE_INVALID,
        f"The template {told} cannot be used: {problem.rstrip('.')}.",
        "Mend that line; `stemlift session templates` lists those that come with Stemlift.",
    )
