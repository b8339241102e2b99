"""Whether a model's files are still what was published."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stemlift.errors import Reason, StemliftError
from stemlift.models.cachefiles import SHA256
from stemlift.models.child import Report
from stemlift.models.place import Held, ModelPlace
from stemlift.models.spec import WeightFile

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileCheck:
    """How a file compares with what it should be.

    state: "unchecked" only where nobody has said what it should be: a file that was
        brought by hand and whose checksum the catalogue does not know.
    expected: SHA-256, or its first digits; None where it is not known.
    found: SHA-256; None for a missing file.
    """

    path: Path
    state: Literal["ok", "missing", "damaged", "unchecked"]
    expected: str | None
    found: str | None


def check(
    place: ModelPlace, progress: Report, cancelled: Callable[[], bool]
) -> tuple[FileCheck, ...]:
    """See `ModelStore.verify`."""
    damaged_bag = False
    try:
        held = place.held()
    except StemliftError:
        assert place.bag is not None
        held = place.look((WeightFile(place.bag),))
        damaged_bag = True
    sizes = [one.path.stat().st_size if one.path.is_file() else 0 for one in held]
    total = sum(sizes)
    checks = []
    for index, one in enumerate(held):
        before = sum(sizes[:index])

        def report(done: int, before: int = before) -> None:
            progress(before + done, total)

        checks.append(_check(place, one, report, cancelled, damaged_bag))
    progress(total, total)
    return tuple(checks)


def _check(
    place: ModelPlace,
    held: Held,
    report: Callable[[int], None],
    cancelled: Callable[[], bool],
    damaged: bool,
) -> FileCheck:
    known = _known(place, held)
    expected = max(known, key=len, default=None)
    if not held.path.is_file():
        return FileCheck(held.path, "missing", expected, None)
    found = _sha256(held.path, report, cancelled)
    for one in known:
        if not found.startswith(one):
            return FileCheck(held.path, "damaged", one, found)
    size = held.file.own_size
    if damaged or (size is not None and held.path.stat().st_size != size):
        return FileCheck(held.path, "damaged", expected, found)
    return FileCheck(held.path, "ok" if known else "unchecked", expected, found)


def _known(place: ModelPlace, held: Held) -> list[str]:
    """What the catalogue, the record and the hub's cache say of the SHA-256."""
    known = [held.file.own_sha256] if held.file.own_sha256 else []
    if held.recorded is not None:
        known.append(held.recorded.sha256)
    blob = place.hub.blob(held.path) if place.hub is not None else None
    # The blob of a small file is named after another kind of checksum.
    if blob is not None and SHA256.fullmatch(blob.name):
        known.append(blob.name)
    return known


def _sha256(path: Path, report: Callable[[int], None], cancelled: Callable[[], bool]) -> str:
    digest = hashlib.sha256()
    done = 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                if cancelled():
                    raise StemliftError(Reason.CANCELLED, "The check was cancelled.")
                digest.update(block)
                done += len(block)
                report(done)
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"{path} cannot be read: {error.strerror or error}.",
            "Make the models folder readable, or check the disk.",
        ) from error
    return digest.hexdigest()
