"""Which recipe a song has, by the folders that it lies in."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stemlift.audio.opening import open_regular
from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.watch.recipe import Recipe
from stemlift.watch.wrong_values import wrong_value

RECIPE_FILE = "stemlift.toml"
_LARGEST_BYTES = 64 * 1024
_MOST_KEPT = 1000

# Folders of these names mean stems. They win over models, so that they always mean the same.
STEM_FOLDERS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("vocals", "drums", "bass", "other", "guitar", "piano")},
    "instrumental": ("instrumental",),
    "karaoke": ("vocals", "instrumental"),
    "acapella": ("vocals",),
}

_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Read:
    """A recipe file as it was when `stamp` was its state: its keys, or what is wrong."""

    stamp: _Stamp
    keys: dict[str, Any]
    error: StemliftError | None


class Recipes:
    """The recipes of one inbox; files that change are read again.

    Folders count from the inbox down to the song, and the later wins, key by key: first the
    name of a folder, then the stemlift.toml in it. A folder that is called like a stem means
    that stem, "karaoke" vocals and instrumental, "acapella" vocals, and a model's name that
    model. All other folders are just folders.

    base: from the settings or the command line.
    models: names that make a folder mean a model; "auto" is one of them always. May be
        replaced at any time, when models come and go.
    allow_delete: whether a recipe may delete originals; only the user's settings say so.

    Raises:
        StemliftError: ARGUMENT_INVALID where `base` deletes and `allow_delete` is not set.
    """

    def __init__(
        self, inbox: Path, base: Recipe, *, models: Collection[str], allow_delete: bool = False
    ) -> None:
        if base.original == "delete" and not allow_delete:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"Originals in {display_name(inbox)} may not be deleted.",
                "Set allow_delete = true for this inbox in your settings, or keep them.",
            )
        self._inbox = inbox
        self._base = base
        self.models: Collection[str] = models
        self._allow_delete = allow_delete
        self._files: dict[str, _Read] = {}

    def of(self, relative: str) -> Recipe:
        """The recipe of a file, whose path is as `Seen.relative` gives it.

        Raises:
            StemliftError: RECIPE_INVALID, naming the file and the field.
        """
        folders = relative.split("/")[:-1]
        models = {_plain(name): name for name in ("auto", *self.models)}
        recipe = self._with_file(self._base, "")
        for depth, name in enumerate(folders, start=1):
            recipe = recipe.model_copy(update=_meaning(name, models))
            recipe = self._with_file(recipe, "/".join(folders[:depth]))
        return recipe

    def _with_file(self, recipe: Recipe, folder: str) -> Recipe:
        path = self._inbox.joinpath(*folder.split("/"), RECIPE_FILE)
        keys = self._keys(path, folder)
        if not keys:
            return recipe
        try:
            changed = Recipe.model_validate({**recipe.model_dump(), **keys})
        except ValidationError as error:
            raise _invalid(path, _first(error)) from error
        if keys.get("original") == "delete" and not self._allow_delete:
            raise StemliftError(
                Reason.RECIPE_INVALID,
                f"The recipe {display_name(path)} would delete originals, which your settings"
                " do not allow: original.",
                'Set original = "leave" or "done", or allow_delete = true for this inbox in'
                " your own settings.",
            )
        return changed

    def _keys(self, path: Path, folder: str) -> dict[str, Any]:
        """What the file sets; nothing where there is none. Read once for each state."""
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            self._files.pop(folder, None)
            return {}
        except OSError as error:
            raise _invalid(path, error.strerror or type(error).__name__) from error
        stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        known = self._files.get(folder)
        if known is None or known.stamp != stamp:
            known = _read(path, stamp)
            if len(self._files) >= _MOST_KEPT:
                self._files.clear()
            self._files[folder] = known
        if known.error is not None:
            # Raised again and again, it would gather a traceback without end.
            raise known.error.with_traceback(None)
        return known.keys


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _meaning(name: str, models: dict[str, str]) -> dict[str, Any]:
    plain = _plain(name)
    if plain in STEM_FOLDERS:
        return {"stems": STEM_FOLDERS[plain]}
    return {"model": models[plain]} if plain in models else {}


def _read(path: Path, stamp: _Stamp) -> _Read:
    try:
        # A pipe of this name must not make the watcher wait.
        file, _ = open_regular(path)
        with file:
            content = file.read(_LARGEST_BYTES + 1)
        if len(content) > _LARGEST_BYTES:
            raise _invalid(path, f"it is larger than {_LARGEST_BYTES // 1024} KiB")
        # Editors on Windows begin the file with a byte order mark.
        keys = tomllib.loads(content.decode("utf-8-sig"))
    except StemliftError as error:
        known = error if error.reason is Reason.RECIPE_INVALID else _invalid(path, error.message)
        return _Read(stamp, {}, known)
    except UnicodeDecodeError:
        return _Read(stamp, {}, _invalid(path, "it is not saved as UTF-8"))
    except (OSError, ValueError, RecursionError) as error:
        return _Read(stamp, {}, _invalid(path, str(error)))
    return _Read(stamp, keys, None)


def _first(error: ValidationError) -> str:
    field, what = wrong_value(error)
    if error.errors()[0]["type"] == "extra_forbidden":
        return f"there is no key named {field!r}"
    return f"{field or 'the file'}: {what}"


def _invalid(path: Path, what: str) -> StemliftError:
    return StemliftError(
        Reason.RECIPE_INVALID,
        f"The recipe {display_name(path)} cannot be used: {what.rstrip('.')}.",
        "Mend that line, or remove the file. The songs in its folder wait until then.",
    )
