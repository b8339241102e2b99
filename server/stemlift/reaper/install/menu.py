"""Our entry in the context menu of items, in `reaper-menu.ini`.

A section is a whole menu, with its entries as `item_0=<command> <label>`, `item_1=…`; it is
there only once the user has changed that menu. Writing a section of our own would drop all
of REAPER's entries, so an entry is added where the section is, and nowhere else.
"""

from __future__ import annotations

import re
from enum import StrEnum

from stemlift.reaper.install.lines import Lines
from stemlift.reaper.install.scripts import MAIN

SECTION = b"[media item context]"
LABEL = "Separate to tracks"

CLICKS = (
    "1. At the top left choose Media item context.",
    "2. Click Add…, then Action….",
    f"3. Type separate to tracks, choose Script: {MAIN}, click Select.",
    "4. Click Save.",
)
"""What a user does once where the section is missing: no program can do it. `Stemlift_Setup`
and the manual say it in the same words."""

RENAME = (
    "If REAPER shows another name for the new entry, right-click it in that window's list before"
    f" you save, choose Rename and type {LABEL}."
)


def by_hand() -> str:
    """The clicks, and the quickest way to them."""
    return "\n".join(
        (
            "The quickest way: in REAPER run Stemlift_Setup and click “Right-click menu…”.",
            "It opens the right window, as does Options → Customize menus/toolbars…. In it:",
            *CLICKS,
            RENAME,
        )
    )


_ENTRY = re.compile(rb"^(item|icon)_(\d+)=")


class Entry(StrEnum):
    """Whether the menu has our entry. NO_MENU: the user has never changed that menu."""

    THERE = "there"
    MISSING = "missing"
    NO_MENU = "no_menu"


def look(file: Lines, action: str) -> Entry:
    span = _section(file)
    if span is None:
        return Entry.NO_MENU
    there = any(_runs(line, action) for line in file.lines[span[0] : span[1]])
    return Entry.THERE if there else Entry.MISSING


def add(file: Lines, action: str) -> None:
    """Append our entry to the menu, if there is a menu and it has none."""
    span = _section(file)
    if span is None or look(file, action) is Entry.THERE:
        return
    start, stop = span
    last, following = start - 1, 0
    for index in range(start, stop):
        found = _ENTRY.match(file.lines[index])
        if found and found[1] == b"item":
            last = index
            following = max(following, int(found[2]) + 1)
    file.insert(last + 1, f"item_{following}=_{action} {LABEL}")


def remove(file: Lines, action: str) -> None:
    """Take our entry out; those after it move up, since REAPER ends a menu at the first gap."""
    span = _section(file)
    if span is None:
        return
    start, stop = span
    ours = {
        int(_ENTRY.match(line)[2])  # type: ignore[index]
        for line in file.lines[start:stop]
        if _runs(line, action)
    }
    entries = {
        int(found[2])
        for line in file.lines[start:stop]
        if (found := _ENTRY.match(line)) and found[1] == b"item"
    }
    kept = []
    for line in file.lines[start:stop]:
        found = _ENTRY.match(line)
        # An icon of no entry is not ours to understand.
        if found is None or int(found[2]) not in entries:
            kept.append(line)
            continue
        number = int(found[2])
        if number in ours:
            continue
        moved = number - sum(1 for gone in ours if gone < number)
        kept.append(b"%s_%d=" % (found[1], moved) + line[found.end() :])
    file.lines[start:stop] = kept


def _section(file: Lines) -> tuple[int, int] | None:
    """The lines of the menu, its heading left out."""
    start = None
    for index, line in enumerate(file.lines):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not text.startswith(b"["):
            continue
        if start is not None:
            return start, index
        if text.lower() == SECTION:
            start = index + 1
    return None if start is None else (start, len(file.lines))


def _runs(line: bytes, action: str) -> bool:
    found = _ENTRY.match(line)
    if found is None or found[1] != b"item":
        return False
    words = line[found.end() :].split(None, 1)
    return bool(words) and words[0] == f"_{action}".encode()
