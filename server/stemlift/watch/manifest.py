"""stems.json: what a result folder holds and how it came to be, for people and programs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from stemlift.system.whole import replace

MANIFEST = "stems.json"
BLOCK = 1 << 20


class SourceFacts(BaseModel):
    """The song. path: where it lay. sha256: of the whole file.

    frames, sample_rate, channels: as the stems have them. time_reference: samples since
    midnight that its Broadcast WAV stamp says, None without one; the stems carry it too.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    sha256: str
    frames: int
    sample_rate: int
    channels: int
    time_reference: int | None


class StemFacts(BaseModel):
    """A stem. file: its name in the folder. Levels in dBFS, -300 for digital silence."""

    model_config = ConfigDict(frozen=True)

    name: str
    file: str
    bytes: int
    sha256: str
    peak_dbfs: float
    rms_dbfs: float


class ExtraFacts(BaseModel):
    """What else a recipe asked for: a file, or with a final "/" a folder."""

    model_config = ConfigDict(frozen=True)

    kind: str
    file: str


class FileFacts(BaseModel):
    """A file that was written besides the stems; file: path below the folder, with "/"."""

    model_config = ConfigDict(frozen=True)

    file: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """The whole of stems.json.

    stemlift: version that made it. id: of this result, never used twice.
    song: name in the names of its files.
    model: the one that did it, also where "auto" was asked for. recipe: as it was.
    null_dbfs: peak of (song - sum of stems) relative to full scale, -300 when every sample
        is exactly zero, None when the stems are not meant to sum to the song.
    encoding: "PCM_24", "PCM_32" or "FLOAT". job: of the server.
    extras, files: what was asked for besides stems, and every file of it.
    created: UTC, ISO 8601.
    """

    model_config = ConfigDict(frozen=True)

    stemlift: str
    id: str
    song: str
    source: SourceFacts
    model: str
    recipe: dict[str, Any]
    stems: tuple[StemFacts, ...]
    null_dbfs: float | None
    encoding: str
    device: str
    job: str
    created: str
    warnings: tuple[str, ...] = ()
    extras: tuple[ExtraFacts, ...] = ()
    files: tuple[FileFacts, ...] = ()

    def contents(self) -> dict[str, tuple[int, str]]:
        """Size and SHA-256 of every file in the folder but stems.json itself."""
        stems = {stem.file: (stem.bytes, stem.sha256) for stem in self.stems}
        return stems | {each.file: (each.bytes, each.sha256) for each in self.files}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put stems.json into `folder`, whole or not at all. Raises OSError."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
    write_whole(folder / MANIFEST, f"{text}\n".encode())


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None where it has none that can be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a hidden name, then rename it. Raises OSError.

    The hidden name is always the same: what a kill leaves goes with the next writing.
    """
    scratch = path.with_name(f".{path.name}.stemlift")
    # Made anew: a link of this name, which anybody could put there, must lead nowhere.
    scratch.unlink(missing_ok=True)
    with scratch.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    replace(scratch, path)


def hash_file(path: Path, beat: Callable[[], None] = lambda: None) -> str:
    """SHA-256 of a file in hexadecimal, in constant memory. Raises OSError.

    beat: called between blocks; what it raises ends it.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            beat()
    return digest.hexdigest()
