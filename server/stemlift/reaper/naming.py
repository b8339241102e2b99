"""Names of files and folders for stems, and how a chunk writes them.

REAPER's machine may be another system than the one a test runs on, so paths are taken as what
they look like: with a drive or two backslashes they are Windows paths, else POSIX ones.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from stemlift.errors import Reason, StemliftError

FOLDER = "Stemlift"
"""Name of the folder in the project's media folder."""

_LONGEST = 60
_SHORTEST = 8
# Windows takes no more unless it is told to; a name that was shortened leaves some to spare.
_WINDOWS_PATH = 259
_WINDOWS_SPARE = 21
# The folder of stems, and of a file's name all but the source: range, key, stem, ending.
_AROUND_NAMES = 85
_UNSAFE = re.compile(r'[\\/<>:"|?*{}\x00-\x1f\x7f-\x9f\'`%#;]')
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


def pure(path: str) -> PurePath:
    """The path as its own system takes it."""
    return PureWindowsPath(path) if _WINDOWS.match(path) else PurePosixPath(path)


def is_absolute(path: str) -> bool:
    return pure(path).is_absolute()


def same_file(path: str) -> str:
    """A key that is the same for two spellings of one path."""
    one = pure(path)
    return str(one).lower() if isinstance(one, PureWindowsPath) else str(one)


def longest_name(media_folder: str) -> int:
    """Bytes that a source's name may have in the names of its stems and of their folder."""
    if isinstance(pure(media_folder), PurePosixPath):
        return _LONGEST
    room = (_WINDOWS_PATH - _WINDOWS_SPARE - _AROUND_NAMES - _units(media_folder)) // 2
    return min(max(room, _SHORTEST), _LONGEST)


def check_length(path: str) -> None:
    """Refuse a path that Windows would take for one that is not there.

    Raises:
        StemliftError: PATH_UNSUPPORTED.
    """
    if isinstance(pure(path), PureWindowsPath) and _units(path) > _WINDOWS_PATH:
        raise StemliftError(
            Reason.PATH_UNSUPPORTED,
            f"{path} is longer than the {_WINDOWS_PATH} characters that Windows allows.",
            "Save the project in a folder whose path is shorter, or set a shorter media folder in"
            " its settings.",
        )


def source_name(path: str, longest: int = _LONGEST) -> str:
    """The file's name without its extension, as a part of other names: safe on all systems.

    Signs that a file system, a template or REAPER's quoting could trip over become "_"; a name
    that Windows keeps for a device gets one, too.
    """
    name = unicodedata.normalize("NFC", pure(path).stem)
    name = _UNSAFE.sub("_", name).strip(" .")
    while len(name.encode()) > longest:
        name = name[:-1]
    name = name.rstrip(" .")
    if not name or name.split(".")[0].lower() in _DEVICES:
        name = f"_{name}"
    # A program that is given the file must not take it for an option.
    return f"_{name[1:]}" if name.startswith("-") else name


def job_key(*parts: object) -> str:
    """Ten hexadecimal digits that name a job by all that decides its stems."""
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def name_template(
    path: str, start: float, end: float | None, key: str, longest: int = _LONGEST
) -> str:
    """The template for the API: source, range in seconds, key and stem.

    The range tells a person which piece it is; the key keeps two jobs apart. longest: as of
    `source_name`.
    """
    last = "end" if end is None else _clock(end)
    return f"{source_name(path, longest)} {_clock(start)}-{last} {key} {{stem}}"


def output_folder(media_folder: str, path: str) -> str:
    """The folder for stems of the source `path`."""
    name = source_name(path, longest_name(media_folder))
    return str(pure(media_folder) / FOLDER / name)


def stem_path(folder: str, template: str, stem: str) -> str:
    """Where the stem of a job is expected."""
    return str(pure(folder) / f"{template.replace('{stem}', stem)}.wav")


def file_entry(path: str, project: str) -> str:
    """The path as FILE has it: relative to the project's folder where the stem lies under it.

    With the signs between folders that REAPER writes on that system: backslashes on Windows,
    slashes elsewhere. project: path of the project file; "" while it is not saved.
    """
    file = pure(path)
    if not project:
        return str(file)
    folder = pure(project).parent
    if type(file) is type(folder) and file.is_relative_to(folder):
        return str(file.relative_to(folder))
    return str(file)


def _units(path: str) -> int:
    """As Windows counts."""
    return len(path.encode("utf-16-le", "surrogatepass")) // 2


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes}m{rest / 1000:06.3f}s"
