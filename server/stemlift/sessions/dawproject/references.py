"""How a project names its sound files: outside beside it, or inside of its ZIP."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.dawproject.container import MEDIA
from stemlift.sessions.media import copy_names
from stemlift.sessions.timeline import Media
from stemlift.sessions.xml_text import holds


class Outside:
    """Files where they lie: relative where they lie under the project's folder."""

    def __init__(self, project: Path) -> None:
        self.folder = project.absolute().parent

    def __call__(self, media: Media) -> dict[str, str]:
        """Raises StemliftError (PATH_UNSUPPORTED)."""
        return {"path": self.path_of(media.file), "external": "true"}

    def path_of(self, media: Path) -> str:
        """Raises StemliftError (PATH_UNSUPPORTED)."""
        file = media.absolute()
        named = file.relative_to(self.folder) if file.is_relative_to(self.folder) else file
        path = named.as_posix()
        if not holds(path) or (os.name != "nt" and "\\" in path):
            raise StemliftError(
                Reason.PATH_UNSUPPORTED,
                f"A DAWproject cannot name {file}.",
                "Rename the file without back-slashes and control characters, or put it inside "
                "of the project with --embed.",
            )
        return path


class Inside:
    """Files that go into the ZIP, each once. taken: names that are in it."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self.entries: dict[Path, str] = {}
        self._taken = {name.casefold() for name in taken}

    def __call__(self, media: Media) -> dict[str, str]:
        if media.file not in self.entries:
            self.entries[media.file] = self._free(media.file)
        return {"path": self.entries[media.file], "external": "false"}

    def _free(self, file: Path) -> str:
        entries = (f"{MEDIA}/{name}" for name in copy_names(file))
        entry = next(entry for entry in entries if entry.casefold() not in self._taken)
        self._taken.add(entry.casefold())
        return entry
