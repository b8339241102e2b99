"""The tables of docs/provenance.md, from the list of ingredients and the catalogue of voices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from stemlift.training.songs.rights import OWN_VOICES, TOOLS, VOICES, Ingredient, Split, ingredients
from stemlift.training.songs.voices import catalogue

SOURCE = "server/stemlift/training/songs/rights.py"


def tables() -> dict[str, str]:
    """Each table by the name of its marks, with its notes, as Markdown."""
    learnt = ingredients("train")
    measured = [
        entry for split in ("valid", "test") for entry in ingredients(split) if entry not in learnt
    ]
    return {
        "learnt": _of_ingredients(learnt),
        "measured": _of_ingredients(dict.fromkeys(measured)),
        "voices": _of_voices(),
        "tools": _of_ingredients(TOOLS),
    }


def with_tables(page: str) -> str:
    """`page` with the tables as they should be.

    Raises:
        ValueError: it lacks the marks that a table lies between.
    """
    for name, table in tables().items():
        begin, end = marks(name)
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"provenance.md lacks “{begin}” or “{end}”")
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


def marks(name: str) -> tuple[str, str]:
    """The comments that a table lies between."""
    return f"<!-- {name}: made by `make generate` from {SOURCE} -->", f"<!-- end of {name} -->"


def _of_ingredients(entries: Iterable[Ingredient]) -> str:
    entries = tuple(entries)
    rows = [
        (f"**{entry.name}**", entry.licence, entry.what, entry.origin, entry.version)
        for entry in entries
    ]
    notes = [f"- **{entry.name}**: {entry.note}" for entry in entries if entry.note]
    ruled = _table(("ingredient", "licence", "what", "who, and where it says so", "version"), rows)
    return "\n".join([ruled, *(["", *notes] if notes else [])])


def _of_voices() -> str:
    rows = []
    for entry in (OWN_VOICES, *VOICES):
        sung = [voice for voice in catalogue() if voice.rights is entry]
        cells = [entry.name, entry.licence]
        for split in get_args(Split):
            of_split = [voice for voice in sung if voice.split == split]
            languages = ", ".join(sorted({voice.language for voice in of_split} - {""}))
            told = f" ({languages})" if languages else ""
            cells.append(f"{len(of_split)}{told}" if of_split else "")
        rows.append(tuple(cells))
    return _table(("voices of", "licence", *get_args(Split)), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    ruled = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)
