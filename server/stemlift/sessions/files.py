"""Session files on the disk: whole or as before, and never by accident over another one."""

from __future__ import annotations

from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.install.lines import write


def refuse_existing(path: Path) -> None:
    """Raises StemliftError (SESSION_EXISTS) where anything of that name is there."""
    if path.exists() or path.is_symlink():
        raise StemliftError(
            Reason.SESSION_EXISTS,
            f"{path} is there already.",
            "Choose another name, use --force to replace it, or add to it instead.",
        )


def write_session(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a session file, as a whole; its folder is made where it is missing.

    Raises:
        StemliftError: SESSION_EXISTS without force, OUTPUT_UNWRITABLE, DISK_FULL. What was
            there is as it was.
    """
    if not force:
        refuse_existing(path)
    make_folder(path.parent)
    write(path, data)


def make_folder(folder: Path) -> None:
    """Raises StemliftError (OUTPUT_UNWRITABLE)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"The folder {folder} cannot be made: {error.strerror or error}.",
            "Make the folder above it writable, or choose another place.",
        ) from error


def read_session(path: Path, limit: int) -> bytes:
    """The bytes of a session file of at most `limit` bytes.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE; SESSION_UNREADABLE where it is larger
            or no file at all.
    """
    try:
        if not path.is_file():
            if path.exists():
                raise unreadable(path, "is no file")
            raise FileNotFoundError
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no file {path}.",
            "Check the path; a removable or network drive may be away.",
        ) from error
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"{path} cannot be read: {error.strerror or error}.",
            "Check its permissions.",
        ) from error
    if len(data) > limit:
        raise unreadable(path, f"has more than {limit >> 20} MiB")
    return data


def unreadable(path: Path, problem: str) -> StemliftError:
    """A SESSION_UNREADABLE; problem: what the file is or has, as the end of a sentence."""
    return StemliftError(
        Reason.SESSION_UNREADABLE,
        f"{path} {problem}.",
        "Open it in its DAW and save it again; nothing was changed.",
    )
