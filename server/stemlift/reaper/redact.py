"""Names taken out of what goes into a support bundle: of songs, tracks, items, projects, folders.

A name becomes a short code, the same everywhere in one bundle, so that one can still see what
belongs together. The code is salted: nobody can find a song by trying titles.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

_NAMED = {"title", "path", "media_folder", "name", "input", "output_folder"}
_CHUNKS = {"chunk", "fingerprint"}
_OURS = {
    *("id", "phase", "stage", "device", "model", "server_jobs", "reason", "do", "undo_label"),
    *("item", "track", "track_key", "key", "copy_from", "source_track"),
}
"""Fields of the status file whose text is ours: words, ids, names of stems and models."""

_SENTENCES = {"message", "remedy", "sentence", "warnings", "notices"}

# A path goes to the end of its line: where else it ends nobody can tell, since names may hold
# spaces and quotes. Not a part of an address or of a fraction.
_PATH = re.compile(
    r"(?<![\w.:/\\])(?:~|[A-Za-z]:)?[/\\](?!\s|$).*?(?=(?:[\"'],?)?$| by [\w.-]+$)", re.MULTILINE
)
_FRAME = re.compile(r'^(\s*)File ".*?((?:[\w.-]+[/\\]){0,2}[\w.-]+\.py)", (line \d+, in .*)$')
_QUEUED = re.compile(r" queued: (.+) by [\w.-]+$", re.MULTILINE)
_TOKEN = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`|\S+")
_KEY = re.compile(r"<?[A-Z][A-Z0-9_]*|>")
_PLAIN = re.compile(r"-?[\d.]+(?:[eE][-+]?\d+)?(?::\d+)*|\{[0-9A-Fa-f-]{36}\}|\"\"|''")
_TYPED = {"<SOURCE", "TAKE"}
_OPENED = re.compile(r"<(?:ITEM|SOURCE|[A-Z]*ENV[0-9]?)")


class Redactor:
    """Takes `names` out of texts, whatever their case, and every path."""

    def __init__(self, names: Iterable[str], salt: bytes) -> None:
        self._salt = salt
        longest_first = sorted({name for name in names if name.strip()}, key=len, reverse=True)
        found = "|".join(re.escape(name) for name in longest_first)
        self._names = re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE) if found else None

    def code(self, name: str) -> str:
        said = hashlib.sha256(self._salt + name.casefold().encode("utf-8", "replace"))
        return f"(name {said.hexdigest()[:8]})"

    def text(self, text: str) -> str:
        """Sentences and logs."""
        return "\n".join(self._line(line) for line in text.split("\n"))

    def chunk(self, text: str) -> str:
        """A state chunk: its keys, numbers and ids stay; effects and notes are left out."""
        found: list[str] = []
        closed_at = depth = 0
        for line in text.splitlines():
            tokens = _TOKEN.findall(line)
            if not tokens:
                continue
            if closed_at:
                # Within a block of somebody else's.
                depth += tokens[0].startswith("<") - (line.strip() == ">")
                if depth < closed_at:
                    closed_at = 0
                    found.append(">")
                continue
            depth += tokens[0].startswith("<") - (line.strip() == ">")
            if not _KEY.fullmatch(tokens[0]):
                found.append("…")
                if tokens[0].startswith("<"):
                    closed_at = depth
                continue
            if tokens[0].startswith("<") and not _OPENED.fullmatch(tokens[0]):
                closed_at = depth
                found.append(tokens[0])
                continue
            found.append(" ".join([tokens[0], *self._values(tokens)]))
        return "\n".join(found)

    def status(self, text: str) -> str:
        """A status file; nothing of one that is no JSON."""
        try:
            return json.dumps(self._value("", json.loads(text)), ensure_ascii=False, indent=1)
        except (ValueError, RecursionError):
            return "(no JSON)"

    def _line(self, line: str) -> str:
        if frame := _FRAME.match(line):
            return f'{frame[1]}File "{frame[2]}", {frame[3]}'
        if self._names is not None:
            line = self._names.sub(lambda found: self.code(found[0]), line)
        return _PATH.sub(lambda found: self.code(found[0]), line)

    def _values(self, tokens: list[str]) -> Iterator[str]:
        for value in tokens[1:]:
            typed = tokens[0] in _TYPED and _KEY.fullmatch(value)
            yield value if typed or _PLAIN.fullmatch(value) else self.code(value.strip("\"'`"))

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._value(name, each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._value(key, each) for each in value]
        if not isinstance(value, str) or key in _OURS or not value:
            return value
        if key in _CHUNKS:
            return self.chunk(value)
        return self.text(value) if key in _SENTENCES else self.code(value)


def names_in(*texts: str) -> set[str]:
    """The names in a job's file and its status, as they may stand in sentences and logs."""
    found: set[str] = set()
    for text in texts:
        try:
            found |= set(_named("", json.loads(text)))
        except (ValueError, RecursionError):
            # Then it says no name that could be found.
            continue
    return found


def songs_in(log: str) -> set[str]:
    """The names of the files that a server's log says were separated."""
    return {name for path in _QUEUED.findall(log) for name in _of_path(path)}


def _named(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _named(name, each)
    elif isinstance(value, list):
        for each in value:
            yield from _named(key, each)
    elif isinstance(value, str) and key in _NAMED:
        yield from _of_path(value)
    elif isinstance(value, str) and key in _CHUNKS:
        for line in value.splitlines():
            word, *values = _TOKEN.findall(line) or [""]
            if word in ("NAME", "FILE"):
                yield from _of_path(" ".join(values).strip("\"'`"))


def _of_path(path: str) -> Iterator[str]:
    """It, the name of its file, and that without the extension."""
    file = re.split(r"[/\\]", path)[-1]
    yield from (path, file, file.rpartition(".")[0] or file)
