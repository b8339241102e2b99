"""What became of songs without stems: OUTBOX/_failed/<name>/error.txt, in plain language.

The song itself stays where it is, untouched. The folder goes when the song succeeds, is gone
or is tried again with another end; what somebody else put into it stays.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from stemlift.audio.problems import display_name
from stemlift.errors import Reason
from stemlift.watch.entry import Entry
from stemlift.watch.ignored import FAILED_FOLDER
from stemlift.watch.manifest import write_whole
from stemlift.watch.names import folder_key, folder_names, song_name

ERROR_FILE = "error.txt"

_OF_SONGS = (
    "There are no stems of this song:",
    """\
The song is where it was, untouched. It is tried again when it changes: save it, copy it or
drop it into the inbox again. Or, without a change:

    stemlift watch retry
""",
)
_OF_RECIPES = (
    "This recipe cannot be used, and its songs wait:",
    "Nothing is lost. The songs are taken as soon as the recipe is mended.\n",
)


def choose_report(outbox: Path, entry: Entry, taken: frozenset[str]) -> str:
    """The name of a song's folder in _failed. taken: the `folder_key`s of others' names.

    Raises:
        OSError: _failed cannot be listed.
    """
    try:
        there = {folder_key(path.name) for path in (outbox / FAILED_FOLDER).iterdir()}
    except FileNotFoundError:
        there = set()
    if entry.report and folder_key(entry.report) not in taken:
        return entry.report
    names = folder_names(song_name(entry.path.rpartition("/")[2]))
    return next(name for name in names if folder_key(name) not in taken | there)


def write_report(outbox: Path, name: str, entry: Entry) -> None:
    """Write error.txt, whole or not at all. The outbox is there. Raises OSError."""
    folder = outbox / FAILED_FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / ERROR_FILE, _text(entry))


def has_report(outbox: Path, name: str, entry: Entry) -> bool:
    """Whether error.txt is there and says just what it should."""
    try:
        found = (outbox / FAILED_FOLDER / name / ERROR_FILE).read_bytes()
    except OSError:
        return False
    return found == _text(entry)


def remove_report(outbox: Path, name: str) -> None:
    """Remove error.txt, and its folder and _failed where nothing else is in them.

    What cannot be removed stays: it is not worth an error.
    """
    folder = outbox / FAILED_FOLDER / name
    with contextlib.suppress(OSError):
        (folder / ERROR_FILE).unlink(missing_ok=True)
        folder.rmdir()
        folder.parent.rmdir()


def _text(entry: Entry) -> bytes:
    first, last = _OF_RECIPES if entry.reason == Reason.RECIPE_INVALID else _OF_SONGS
    path = Path(entry.inbox, *entry.path.split("/"))
    said = f"{entry.message}\n{entry.remedy}\n"
    text = f"{first}\n\n    {display_name(path)}\n\n{said}\n{last}\nReason: {entry.reason}\n"
    return text.encode("utf-8", "backslashreplace")
