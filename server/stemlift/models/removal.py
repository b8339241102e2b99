"""Deleting one model's files, and no other's."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from stemlift.errors import Reason, StemliftError
from stemlift.models.bag import read_bag
from stemlift.models.cachefiles import RepositoryFolder
from stemlift.models.place import ModelPlace

_GOING = ".removing-"
"""Begins the name of a folder that is being deleted; nothing looks into it any more."""


def remove(place: ModelPlace, kept: Iterable[ModelPlace]) -> int:
    """Delete the files of `place` but those of `kept`; see `ModelStore.remove`."""
    if not place.models.is_dir():
        return 0
    try:
        place.lock.parent.mkdir(exist_ok=True)
        with FileLock(place.lock, timeout=0):
            freed = 0
            if place.folder is None:
                freed += _remove_cached(place, {path for one in kept for path in _paths(one)})
            # The record goes last: until then, what is left can be found by it.
            return freed + _remove_folder(place.folder or place.home)
    except Timeout as error:
        raise StemliftError(
            Reason.MODEL_BUSY,
            f"{place.name} cannot be removed: its files are being fetched.",
            "Wait for the download to end, or cancel it.",
        ) from error
    except OSError as error:
        raise StemliftError(
            Reason.WRITE_FAILED,
            f"{place.name} cannot be removed: {error}.",
            "End the jobs that use it, make the models folder writable and try again.",
        ) from error


def _paths(place: ModelPlace) -> Iterator[Path]:
    for one in place.held():
        yield one.path


def _remove_cached(place: ModelPlace, kept: set[Path]) -> int:
    freed = 0
    touched = set()
    for repository, path in _with_conversions(_cached(place)):
        if path in kept or not (path.is_file() or path.is_symlink()):
            continue
        freed += repository.remove(path)
        touched.add(repository)
    for repository in touched | ({place.hub} if place.hub else set()):
        repository.prune()
    return freed


def _with_conversions(
    cached: Iterable[tuple[RepositoryFolder, Path]],
) -> Iterator[tuple[RepositoryFolder, Path]]:
    """Before each legacy checkpoint, what `models.loader` turned it into."""
    for repository, path in cached:
        if path.suffix == ".th":
            yield repository, path.with_suffix(".safetensors")
        yield repository, path


def _cached(place: ModelPlace) -> Iterator[tuple[RepositoryFolder, Path]]:
    """Files in snapshots: those the record tells of, then those that were brought by hand.

    A bag comes after its checkpoints, which are found by it.
    """
    recorded = place.read_record().values()
    for entry in sorted(recorded, key=lambda entry: entry.name == place.bag):
        path = place.models / entry.path
        if not path.is_relative_to(place.home) and "://" not in entry.source:
            yield RepositoryFolder(place.models, entry.source), path
    if place.hub is None:
        return
    names = [file.name for file in place.files if file.address is None]
    for snapshot in place.hub.snapshots():
        if place.bag is not None:
            names = [*_members(snapshot / place.bag), place.bag]
        for name in names:
            yield place.hub, snapshot / name


def _members(bag: Path) -> tuple[str, ...]:
    try:
        return read_bag(bag).files
    except (OSError, StemliftError):
        # A bag that is missing or damaged names nothing.
        return ()


def _remove_folder(folder: Path) -> int:
    """Delete `folder` whole: out of sight at once, even if the deleting is cut short."""
    freed = 0
    if folder.is_dir():
        freed = sum(_bytes(path) for path in folder.rglob("*"))
        going = folder.with_name(f"{_GOING}{folder.name}")
        shutil.rmtree(going, ignore_errors=True)
        folder.rename(going)
    for left in folder.parent.glob(f"{_GOING}{folder.name}"):
        shutil.rmtree(left)
    return freed


def _bytes(path: Path) -> int:
    return path.lstat().st_size if path.is_file() or path.is_symlink() else 0
