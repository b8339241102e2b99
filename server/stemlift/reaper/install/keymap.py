"""Our actions in `reaper-kb.ini`, where REAPER keeps scripts, custom actions and shortcuts.

A script is a line `SCR <flags> <section> <id> "Custom: <name>" <path>`: flags 4, section 0 (the
arrange window), the path below Scripts. Shortcuts are other lines, which name the id.
"""

from __future__ import annotations

import sys

from stemlift.reaper.install.lines import Lines
from stemlift.reaper.install.scripts import Script


def registered(file: Lines) -> set[str]:
    """The ids of all scripts that REAPER knows in the arrange window."""
    return {words[3].decode("ascii", "replace") for words in map(_words, file.lines) if words}


def register(file: Lines, scripts: list[Script], platform: str = sys.platform) -> None:
    """Add a line for each action that has none, after the scripts that are there."""
    there = registered(file)
    last = max((index for index, line in enumerate(file.lines) if _words(line)), default=None)
    index = len(file.lines) if last is None else last + 1
    for script in scripts:
        if script.is_action and script.action not in there:
            file.insert(index, _line(script, platform))
            index += 1


def unregister(file: Lines, ids: set[str]) -> None:
    """Remove the lines of these actions; shortcuts that the user gave them stay."""
    mine = {each.encode() for each in ids}
    file.lines = [line for line in file.lines if not ((words := _words(line)) and words[3] in mine)]


def _words(line: bytes) -> list[bytes] | None:
    """The first words of a line that registers a script in the arrange window."""
    words = line.split(None, 4)
    return words if len(words) == 5 and words[0] == b"SCR" and words[2] == b"0" else None


def _line(script: Script, platform: str) -> str:
    separator = "\\" if platform == "win32" else "/"
    path = f"Stemlift/{script.name}".replace("/", separator)
    return f'SCR 4 0 {script.action} "Custom: {script.name}" "{path}"'
