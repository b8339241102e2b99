"""A user's own checkpoint into the library: converted once, whole or not at all.

Runs as `python -m stemlift.models.importing`, see `models.child`. The folder of imports:

    NAME/model.json           the model's entry, with the sizes and checksums of its files
    NAME/….safetensors        the weights
    NAME/bag.yaml             of a Demucs bag
    .NAME….importing          an import that has not ended; the next one clears it away
    .lock                     held while one writes
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.models.child import Report, serve_child
from stemlift.models.entry import FileEntry, ModelEntry
from stemlift.models.library import ENTRY

if TYPE_CHECKING:
    from stemlift.models.recognise import Recognised

LICENCE = "Yours: imported from a file"
"""What stands as the licence of an import that names none."""

LONGEST_TITLE = 200
LONGEST_LICENCE = 1000
"""Characters. A line is for a person, and not a place to keep the text of a licence."""

_STAGED = ".importing"
_BAG = "bag.yaml"
_WEIGHTS = "weights.safetensors"
_ANY = {"network": "demucs", "stems": ("vocals",), "files": (FileEntry(name=_WEIGHTS),)}
"""What an entry must have, where only its name is looked at."""

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class ImportRequest(BaseModel):
    """What to import, as JSON has it.

    path: a file or a folder; config: the YAML or JSON that belongs to it.
    folder: of all imports; each gets a folder of its name in it.
    licence: "" for `LICENCE`; commercial_use: None where the user does not say.
    inspect_only: say what it is and store nothing; `name` may be empty then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    config: Path | None = None
    name: str = ""
    title: str = Field(default="", max_length=LONGEST_TITLE)
    licence: str = Field(default="", max_length=LONGEST_LICENCE)
    commercial_use: bool | None = None
    folder: Path
    inspect_only: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """entry: None where nothing was to be stored."""

    recognised: Recognised
    entry: ModelEntry | None


def import_model(request: ImportRequest, progress: Report) -> Imported:
    """Recognise a checkpoint and, unless it is only to be inspected, store it.

    Args:
        progress: bytes of the checkpoint that are done, and in all.

    Raises:
        StemliftError: as `recognise.recognise`; ARGUMENT_INVALID for a name that no model
            can have; MODEL_EXISTS; DISK_FULL; WRITE_FAILED.
    """
    # torch takes seconds to import, and a wrong name needs none of it.
    if not request.inspect_only:
        _entry(request, _ANY)
        _require_new(request)
    from stemlift.models.recognise import recognise

    recognised = recognise(request.path, request.config)
    progress(0, recognised.size)
    entry = None if request.inspect_only else _store(request, recognised, progress)
    progress(recognised.size, recognised.size)
    return Imported(recognised, entry)


def _require_new(request: ImportRequest) -> None:
    if (request.folder / request.name / ENTRY).exists():
        raise StemliftError(
            Reason.MODEL_EXISTS,
            f"A model called {request.name} was imported before.",
            f"Choose another name, or `stemlift models remove {request.name}` first.",
        )


def _entry(request: ImportRequest, facts: dict[str, Any]) -> ModelEntry:
    try:
        return ModelEntry.model_validate(
            {
                "name": request.name,
                "title": request.title or f"{request.path.name}, imported",
                "licence": request.licence or LICENCE,
                "commercial_use": request.commercial_use,
                **facts,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if field == "name":
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"A model cannot be called “{request.name}”.",
                "Use at most 64 lower-case letters, digits, “_”, “.” and “-”, a letter or digit "
                "first and no “.” last; “auto”, “rest” and Windows' devices mean something else.",
            ) from error
        raise StemliftError(
            Reason.CHECKPOINT_REFUSED,
            f"{request.path} gives no usable model: {field}: {first['msg']}.",
            "Correct its configuration, such as the names of its stems, and import it again.",
        ) from error


def _store(request: ImportRequest, recognised: Recognised, progress: Report) -> ModelEntry:
    """Write everything into a folder of its own and give that its name at the end."""
    from stemlift.models.recognise import refusing_import

    # Before anything is written: the names of stems may be none that the library takes.
    facts: dict[str, Any] = {
        "network": recognised.network,
        "stems": recognised.stems,
        "sample_rate": recognised.sample_rate,
    }
    # A Demucs bag has its own, which may replace those of its networks.
    if recognised.checkpoint is not None and recognised.segment:
        facts["segment"] = recognised.segment
    _entry(request, facts | {"files": (FileEntry(name=_WEIGHTS),)})
    with _writing(request):
        request.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(request.folder / ".lock"):
            _clear(request.folder)
            _require_new(request)
            staged = Path(
                tempfile.mkdtemp(prefix=f".{request.name}.", suffix=_STAGED, dir=request.folder)
            )
            try:
                with refusing_import():
                    written = _convert(recognised, staged, progress)
                entry = _entry(request, facts | {"files": tuple(_described(written))})
                _write(staged / ENTRY, entry.model_dump_json(indent=1))
                _publish(staged, request.folder / request.name)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
    return entry


@contextmanager
def _writing(request: ImportRequest) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StemliftError(
                Reason.DISK_FULL,
                f"The disk is full: there is no room for {request.name}.",
                "Make room on the disk of the models folder and import it again.",
            ) from error
        raise StemliftError(
            Reason.WRITE_FAILED,
            f"The model {request.name} cannot be stored: {error}.",
            "Make the models folder writable and import it again.",
        ) from error


def _clear(folder: Path) -> None:
    """What imports that were killed have left; the lock says that none is running."""
    for left in folder.glob(f".*{_STAGED}"):
        shutil.rmtree(left, ignore_errors=True)


def _convert(recognised: Recognised, staged: Path, progress: Report) -> list[Path]:
    from stemlift.models.bag import write_bag
    from stemlift.models.formats.native import write_native
    from stemlift.models.formats.tensors import refusing

    if recognised.checkpoint is not None:
        with refusing(recognised.files[0]):
            write_native(staged / _WEIGHTS, recognised.checkpoint)
        return [staged / _WEIGHTS]
    written = []
    done = 0
    for name, member in _members(recognised):
        target = staged / name
        _convert_demucs(member)(member, target)
        written.append(target)
        done += member.stat().st_size
        progress(min(done, recognised.size), recognised.size)
    if recognised.bag is not None:
        write_bag(recognised.bag, staged / _BAG)
        written.append(staged / _BAG)
    return written


def _members(recognised: Recognised) -> list[tuple[str, Path]]:
    """The members' names in the library: those that the bag, where there is one, asks for."""
    if recognised.bag is None:
        return [(_WEIGHTS, member) for member in recognised.members]
    signatures = dict.fromkeys(recognised.bag.models)
    names = (f"{signature}.safetensors" for signature in signatures)
    return list(zip(names, recognised.members, strict=True))


def _convert_demucs(member: Path) -> Callable[[Path, Path], None]:
    from stemlift.models.formats.demucs_legacy import convert_legacy
    from stemlift.models.sniffing import Kind, sniff

    return convert_legacy if sniff(member).kind is Kind.DEMUCS_LEGACY else _copy


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 1024 * 1024)
        writer.flush()
        os.fsync(writer.fileno())


def _described(files: list[Path]) -> Iterator[FileEntry]:
    for path in files:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield FileEntry(name=path.name, size=path.stat().st_size, sha256=digest)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _publish(staged: Path, final: Path) -> None:
    # Without an entry it is what a removal left that was cut short.
    if final.exists():
        shutil.rmtree(final)
    # mkdtemp shuts out all others; the folder is to be as open as the one that holds it.
    staged.chmod(final.parent.stat().st_mode & 0o777)
    staged.rename(final)


def _taken(found: Recognised, path: Path) -> list[str]:
    """Of a folder, a person cannot know which files were meant."""
    from stemlift.models.formats.tensors import printable

    if not path.is_dir():
        return []
    return [f"Of this folder is taken: {', '.join(printable(file.name) for file in found.files)}."]


def main(request: dict[str, Any], progress: Report) -> dict[str, Any]:
    """The process's work: an `ImportRequest` in, what was recognised and the entry out.

    Raises:
        StemliftError: as `import_model`.
    """
    done = import_model(ImportRequest.model_validate(request), progress)
    found = done.recognised
    return {
        "format": found.format,
        "network": str(found.network),
        "files": [str(path) for path in found.files],
        "stems": list(found.stems),
        "sample_rate": found.sample_rate,
        "segment": found.segment,
        "overlap": found.overlap,
        "parameters": found.parameters,
        "size": found.size,
        "warnings": [*_taken(found, Path(request["path"])), *found.warnings],
        "entry": None if done.entry is None else done.entry.model_dump(mode="json"),
    }


if __name__ == "__main__":
    serve_child(main)
