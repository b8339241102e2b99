"""The scripts that ship with Stemlift: which there are, and the copy of them in REAPER.

In a wheel they are package data; in a checkout they lie in its top folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import stemlift
from stemlift import __version__
from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.reaper.install.lines import write
from stemlift.reaper.install.places import Place

ENTRY = "Stemlift_"
"""What the names of scripts begin with that are actions of their own."""

MAIN = "Stemlift_Separate to tracks.lua"
"""The action in the context menu."""

RECORD = "Stemlift_install.json"

LAUNCHER = ("/usr/bin/flatpak-spawn", "--host", "--directory=/")
"""Leads out of Flatpak's sandbox, in which REAPER sees no Python of the system.

Without the option nothing starts where REAPER's current folder is the sandbox's own:
flatpak-spawn takes it along, and the system has no such folder.
"""


@dataclass(frozen=True, slots=True)
class Script:
    """name: its path below the folder of our scripts, with "/"."""

    name: str
    data: bytes

    @property
    def is_action(self) -> bool:
        return "/" not in self.name and self.name.startswith(ENTRY)

    @property
    def action(self) -> str:
        return action_id(self.name)


def action_id(name: str) -> str:
    """The id under which REAPER knows a script of ours, without the "_" before it.

    "RS" and the SHA-1 of the path below Scripts, in upper case and with "/" on every system.
    Cockos does not document it. It gives the ids that other projects rely on: of Reaticulate,
    of scripts of the ReaTeam repository and of ReaClassical.
    """
    return "RS" + hashlib.sha1(f"Stemlift/{name}".upper().encode()).hexdigest()  # noqa: S324


def shipped_folder() -> Path:
    """Where the scripts of this Stemlift lie.

    Raises:
        StemliftError: FILE_NOT_FOUND.
    """
    package = Path(stemlift.__file__).parent
    for folder in (package / "reaper_scripts", package.parents[1] / "reaper_scripts"):
        if folder.is_dir():
            return folder
    raise StemliftError(
        Reason.FILE_NOT_FOUND,
        f"The scripts for REAPER are missing from {package}.",
        "Install Stemlift again.",
    )


def shipped_scripts(folder: Path | None = None) -> list[Script]:
    """The scripts of this Stemlift, by name.

    Raises:
        StemliftError: FILE_NOT_FOUND.
    """
    root = shipped_folder() if folder is None else folder
    paths = [*root.glob("*.lua"), *(root / "lib").rglob("*.lua")]
    return sorted(
        (Script(path.relative_to(root).as_posix(), path.read_bytes()) for path in paths),
        key=lambda script: script.name,
    )


def find_program(name: str = "stemlift-reaper") -> Path:
    """The helper's program, as an absolute path that needs no PATH.

    Raises:
        StemliftError: FILE_NOT_FOUND.
    """
    suffix = ".exe" if os.name == "nt" else ""
    user = f"{os.name}_user"
    folders = [
        Path(sys.argv[0]).absolute().parent if sys.argv and sys.argv[0] else Path(sys.prefix),
        Path(sys.executable).parent,
        Path(sysconfig.get_path("scripts")),
    ]
    if user in sysconfig.get_scheme_names():
        folders.append(Path(sysconfig.get_path("scripts", user)))
    for folder in folders:
        if (folder / f"{name}{suffix}").is_file():
            return (folder / f"{name}{suffix}").absolute()
    found = shutil.which(name)
    if found:
        return Path(found).absolute()
    raise StemliftError(
        Reason.FILE_NOT_FOUND,
        f"The program {name} is not there, though Stemlift is installed in {sys.prefix}.",
        "Install Stemlift again with pip, pipx or uv, which make it.",
    )


def make_record(paths: Paths, place: Place, scripts: list[Script]) -> dict[str, Any]:
    """What the scripts are told of this installation.

    launcher: words to put before the program's; empty but in a sandbox.
    files: all that was copied, so that the next installation and the removal know it.
    """
    program = find_program()
    try:
        windowless = find_program("stemlift-reaperw")
    except StemliftError:
        # Only on Windows does it matter which of the two is started.
        windowless = program
    return {
        "version": __version__,
        "program": str(program),
        "windowless": str(windowless),
        "launcher": list(LAUNCHER) if place.flatpak else [],
        "jobs_folder": str(paths.state / "reaper"),
        "home": str(paths.home) if paths.home else "",
        "files": [script.name for script in scripts],
    }


def read_record(place: Place) -> dict[str, Any]:
    """What the last installation wrote; empty where there is none that can be read."""
    try:
        record = json.loads((place.scripts / RECORD).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def recorded_files(record: Mapping[str, Any]) -> list[str]:
    """Names in a record, those left out that are no scripts or would lead out of our folder."""
    names = record.get("files")
    if not isinstance(names, list):
        return []
    return [name for name in names if isinstance(name, str) and _is_inside(name)]


def connect(place: Place, paths: Paths) -> Path:
    """Tell scripts that came another way, by ReaPack for instance, where the program is.

    Returns:
        The record. Nothing else of REAPER is touched, so it may run.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE or DISK_FULL.
    """
    former = recorded_files(read_record(place))
    record = make_record(paths, place, []) | {"files": former}
    path = place.scripts / RECORD
    _make_folder(path.parent)
    write(path, _text(record))
    return path


def copy_scripts(place: Place, scripts: list[Script], record: Mapping[str, Any]) -> bool:
    """Bring the copy in REAPER up to date; whether anything had to be written.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE or DISK_FULL.
    """
    former = recorded_files(read_record(place))
    wanted = {script.name: script.data for script in scripts}
    changed = False
    for name, data in [*wanted.items(), (RECORD, _text(record))]:
        path = place.scripts / name
        if _read(path) != data:
            _make_folder(path.parent)
            write(path, data)
            changed = True
    for name in former:
        if name not in wanted:
            changed = True
            _remove(place.scripts / name)
    return changed


def remove_scripts(place: Place, known: list[Script]) -> bool:
    """Remove what was copied; whether there was anything. What else lies there stays.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    names = dict.fromkeys(
        [*recorded_files(read_record(place)), *(script.name for script in known), RECORD]
    )
    there = [place.scripts / name for name in names if (place.scripts / name).exists()]
    for path in there:
        _remove(path)
    folders = {path.parent for path in there} | {place.scripts}
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        # The user's own files keep it.
        with contextlib.suppress(OSError):
            folder.rmdir()
    return bool(there)


def is_current(place: Place, scripts: list[Script]) -> bool:
    """Whether REAPER's copy is that of this Stemlift, byte for byte."""
    return all(_read(place.scripts / script.name) == script.data for script in scripts)


def _text(record: Mapping[str, Any]) -> bytes:
    text = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True)
    return f"{text}\n".encode()


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    foreign = any(sign in name for sign in ":\\\0") or path.suffix != ".lua"
    return not foreign and not path.is_absolute() and ".." not in path.parts


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"The folder {folder} cannot be made: {error.strerror or error}.",
            "Make the folder above it writable, then try again.",
        ) from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{path} cannot be removed: {error.strerror or error}.",
            "Make its folder writable, then try again.",
        ) from error
