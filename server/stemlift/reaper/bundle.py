"""The support bundle: what somebody needs to see who shall help, and nothing private.

No audio, no token, no names of songs, tracks, items or folders; the user's folder is written
as ~.
"""

from __future__ import annotations

import io
import json
import platform
import secrets
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.reaper.folder import job_folders
from stemlift.reaper.messages import JOB_FILE
from stemlift.reaper.redact import Redactor, names_in, songs_in
from stemlift.system.whole import write_whole

MOST_BYTES = 1_000_000
"""Of each log, its end; of all else, whether it is taken at all."""

MOST_JOBS = 50


def write_bundle(
    target: Path, paths: Paths, reports: Mapping[str, str], home: Path | None = None
) -> Path:
    """Write the bundle to `target`; its absolute path.

    Args:
        reports: text by file name, such as the doctor's.
        home: what is written as ~; by default the user's folder.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    shorten = shortener(home or Path.home(), _tokens(paths))
    target = target.absolute()
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _contents(paths, reports):
            archive.writestr(name, shorten(text))
    try:
        write_whole(target, memory.getvalue())
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"The bundle {target} cannot be written: {error.strerror or error}.",
            "Choose a folder that is there and writable.",
        ) from error
    return target


def shortener(home: Path, hidden: list[str]) -> Callable[[str], str]:
    """Writes the user's folder as ~, in JSON's spelling too, and no secret at all."""
    names = {str(home), home.as_posix()}
    with suppress(OSError):
        names |= {str(home.resolve()), home.resolve().as_posix()}
    forms = {json.dumps(name)[1:-1] for name in names}
    forms |= {json.dumps(name, ensure_ascii=False)[1:-1] for name in names} | names
    # A root has no name in it, and would be found everywhere.
    longest_first = sorted((form for form in forms if len(form) > 3), key=len, reverse=True)

    def shorten(text: str) -> str:
        for secret in hidden:
            text = text.replace(secret, "(token)")
        for form in longest_first:
            text = text.replace(form, "~")
        return text

    return shorten


def _contents(paths: Paths, reports: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    salt = secrets.token_bytes(16)
    yield from reports.items()
    yield "versions.txt", _versions()
    for file in (paths.settings_file, paths.models_file):
        text = _read(file)
        if text:
            yield file.name, Redactor((), salt).text(text)
    with suppress(OSError):
        for log in sorted(paths.logs.glob("*.log*")):
            text = _read(log)
            yield f"logs/{log.name}", Redactor(songs_in(text), salt).text(text)
    for folder in job_folders(paths.state / "reaper")[-MOST_JOBS:]:
        status, log_text = _read(folder.status_file), _read(folder.log_file)
        redactor = Redactor(names_in(_read(folder.path / JOB_FILE), status), salt)
        if status:
            yield f"jobs/{folder.path.name}/{folder.status_file.name}", redactor.status(status)
        if log_text:
            yield f"jobs/{folder.path.name}/{folder.log_file.name}", redactor.text(log_text)


def _versions() -> str:
    lines = [f"Python {sys.version}", f"{platform.platform()} {platform.machine()}"]
    found = {f"{each.name} {each.version}" for each in distributions()}
    return "\n".join([*lines, *sorted(found, key=str.lower)]) + "\n"


def _read(path: Path) -> str:
    """The end of a text file; empty where there is none that can be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - MOST_BYTES, 0))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _tokens(paths: Paths) -> list[str]:
    token = _read(paths.token).strip()
    return [token] if token else []
