"""All models of one user: the shipped catalogue, models.toml and what was imported. No torch."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from pydantic import ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.models.catalogue import (
    Catalogue,
    catalogue_of,
    load_catalogue,
    read_user_models,
)
from stemlift.models.entry import ModelEntry
from stemlift.models.spec import ModelSpec, Origin
from stemlift.paths import Paths

IMPORTED = "imported"
"""Folder inside the models folder: one folder for each imported model, named after it."""

ENTRY = "model.json"
"""An imported model's entry, in its folder; written last, so that it stands for the whole."""

_log = logging.getLogger(__name__)

_Stamp = tuple[tuple[Path, int, int], ...]


class Library:
    """The models by name, read again when their files have changed; safe from any thread.

    An entry of models.toml takes the place of a shipped one of the same name, and an
    imported model that of both.

    Args:
        shipped: what stands where the user has nothing; None for what the package has.
    """

    def __init__(self, paths: Paths, shipped: Catalogue | None = None) -> None:
        self._user = paths.models_file
        self._imported = paths.models / IMPORTED
        self._shipped = shipped or load_catalogue()
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._catalogue = self._shipped

    def catalogue(self) -> Catalogue:
        """The catalogue as the files are now.

        Raises:
            StemliftError: SETTINGS_INVALID, naming the file and the first wrong entry.
        """
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._catalogue = self._read()
                self._stamp = stamp
            return self._catalogue

    def _look(self) -> _Stamp:
        entries = sorted(self._imported.glob(f"[!.]*/{ENTRY}"))
        return tuple(_stamp(path) for path in (self._user, *entries))

    def _read(self) -> Catalogue:
        specs = {spec.name: spec for spec in self._shipped.models}
        specs |= {spec.name: spec for spec in read_user_models(self._user)}
        broken: dict[str, StemliftError] = {}
        for path in sorted(self._imported.glob(f"[!.]*/{ENTRY}")):
            try:
                spec = _read_imported(path)
                specs[spec.name] = spec
            except FileNotFoundError:
                # It was removed a moment ago.
                continue
            except StemliftError as error:
                # One bad file must not take all other models with it.
                _log.warning("%s", error.message)
                broken[path.parent.name] = error
        return catalogue_of(specs.values(), broken)


def _read_imported(path: Path) -> ModelSpec:
    try:
        entry = ModelEntry.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error
    except ValidationError as error:
        raise _damaged(path, error.errors()[0]["msg"]) from error
    return entry.spec(Origin.IMPORTED, folder=path.parent)


def _damaged(path: Path, what: str) -> StemliftError:
    return StemliftError(
        Reason.CHECKPOINT_INVALID,
        f"The entry {path} of an imported model cannot be used: {what}.",
        f"Delete the folder {path.parent} and import the model again.",
    )


def _stamp(path: Path) -> tuple[Path, int, int]:
    try:
        found = path.stat()
    except OSError:
        return path, 0, -1
    return path, found.st_mtime_ns, found.st_size
