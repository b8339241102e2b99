"""One model's files in the models folder: which it needs, and which of them are here. No torch.

models--OWNER--NAME/…           files of a hub repository, see `cachefiles`
files/MODEL/FILE                files fetched by address; whole files only
files/MODEL/.record.json        what was fetched for this model, with its checksums
files/MODEL/.partial/KEY        what an unfinished transfer has so far
locks/….lock                    held while files come or go; never deleted
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from stemlift.models.bag import read_bag
from stemlift.models.cachefiles import RepositoryFolder
from stemlift.models.spec import ModelSpec, WeightFile


class Recorded(BaseModel):
    """A file that was fetched whole.

    source: its address, or its hub repository.
    path: relative to the models folder, with "/".
    sha256: of all its content, made when it was fetched.
    key: the mark of its content where it came from; equal marks, equal content.
    member: its name in the archive that it came in; None where it came by itself.
    archive: the archive's SHA-256.
    md5: of what came, where that was compared.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    source: str
    path: str
    size: int
    sha256: str
    key: str
    member: str | None = None
    archive: str | None = None
    md5: str | None = None


class _Record(BaseModel):
    files: tuple[Recorded, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A file that a model needs.

    path: where it is, or where it would be.
    recorded: how it was fetched; None where it was brought by hand or is not here.
    here: whether it is there, of the right size and, by its record, the one that is wanted.
    """

    file: WeightFile
    path: Path
    recorded: Recorded | None
    here: bool


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """Files on disk.

    bag: the YAML of a Demucs model; None for all others.
    paths: the bag's checkpoints in its order, or the entry's files in theirs.
    """

    bag: Path | None
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """The place of one model; the fields are those of its `ModelSpec`."""

    models: Path
    name: str
    repository: str | None
    bag: str | None
    files: tuple[WeightFile, ...]
    folder: Path | None = None

    @classmethod
    def of(cls, models: Path, spec: ModelSpec) -> Self:
        return cls(models, spec.name, spec.repository, spec.bag, spec.files, spec.folder)

    @classmethod
    def asked(cls, request: dict[str, Any]) -> Self:
        """The place that `request` was made from."""
        files = tuple(WeightFile(**file) for file in request["files"])
        models = Path(request["models"])
        return cls(models, request["name"], request["repository"], request["bag"], files)

    def request(self, endpoint: str) -> dict[str, Any]:
        """What `models.download` takes, as JSON can hold it."""
        return {
            "models": str(self.models),
            "endpoint": endpoint,
            "name": self.name,
            "repository": self.repository,
            "bag": self.bag,
            "files": [asdict(file) for file in self.files],
        }

    @property
    def home(self) -> Path:
        return self.models / "files" / self.name

    @property
    def partial(self) -> Path:
        return self.home / ".partial"

    @property
    def lock(self) -> Path:
        """Models that share a repository share their lock."""
        owner = f"model--{self.name}"
        if self.repository is not None:
            owner = f"repository--{self.repository.replace('/', '--')}"
        return self.models / "locks" / f"{owner}.lock"

    @property
    def hub(self) -> RepositoryFolder | None:
        return None if self.repository is None else RepositoryFolder(self.models, self.repository)

    def source(self, file: WeightFile) -> str:
        return file.address or self.repository or ""

    def find(self) -> WeightFiles | None:
        """All files, or None unless every one of them is here.

        Raises:
            StemliftError: CHECKPOINT_INVALID, the bag is here and is not one.
        """
        held = self.held()
        if not held or not all(one.here for one in held):
            return None
        paths = tuple(one.path for one in held)
        return WeightFiles(None, paths) if self.bag is None else WeightFiles(paths[0], paths[1:])

    def held(self) -> tuple[Held, ...]:
        """Every file: the bag first, then the checkpoints. Of a missing bag, only itself.

        Raises:
            StemliftError: as `find`.
        """
        if self.bag is None:
            return self.look(self.files)
        bag = self.look((WeightFile(self.bag),))
        if not bag[0].here:
            return bag
        # One look for all, so that a folder that was copied is taken as one snapshot.
        members = tuple(WeightFile(name) for name in read_bag(bag[0].path).files)
        return self.look((WeightFile(self.bag), *members))

    def look(self, files: Iterable[WeightFile]) -> tuple[Held, ...]:
        """Where `files` are."""
        wanted = tuple(files)
        if self.folder is not None:
            return tuple(_unrecorded(file, self.folder / file.name) for file in wanted)
        record = self.read_record()
        strange = [file for file in wanted if not file.address and file.name not in record]
        snapshot = self._snapshot_with(strange)
        found = []
        for file in wanted:
            entry = record.get(file.name)
            if entry is not None:
                found.append(self._recorded(file, entry))
            elif file.address is not None:
                # Without any record, the folder was brought by hand.
                held = _unrecorded(file, self.home / file.name)
                found.append(Held(file, held.path, None, held.here and not record))
            else:
                found.append(_unrecorded(file, snapshot / file.name))
        return tuple(found)

    def _recorded(self, file: WeightFile, entry: Recorded) -> Held:
        same = entry.member == file.member
        if file.sha256 is not None:
            same = same and (entry.archive or entry.sha256).startswith(file.sha256)
        elif file.md5 is not None:
            same = same and entry.md5 == file.md5
        else:
            same = same and entry.source == self.source(file)
        path = self.models / entry.path
        return Held(file, path, entry if same else None, same and _size(path) == entry.size)

    def _snapshot_with(self, files: list[WeightFile]) -> Path:
        """A snapshot that has all of `files`; else the newest."""
        if self.hub is None:
            return self.home
        for snapshot in self.hub.snapshots():
            if files and all((snapshot / file.name).is_file() for file in files):
                return snapshot
        return self.hub.current()

    def read_record(self) -> dict[str, Recorded]:
        """What was fetched, by name; empty where no record is, or none that can be read."""
        try:
            text = (self.home / ".record.json").read_bytes()
            record = _Record.model_validate_json(text)
        except (OSError, ValidationError):
            return {}
        return {entry.name: entry for entry in record.files if _is_inside(entry.path)}

    def write_record(self, entries: Iterable[Recorded]) -> None:
        """Replace the record at once, so that none is ever read that is half written."""
        self.home.mkdir(parents=True, exist_ok=True)
        fresh = self.home / ".record.new"
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(_Record(files=tuple(entries)).model_dump_json(indent=1))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self.home / ".record.json")


def _unrecorded(file: WeightFile, path: Path) -> Held:
    size = _size(path)
    return Held(file, path, None, size is not None and file.own_size in (None, size))


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts
