"""The errors of sound files, worded once."""

from __future__ import annotations

import os
from pathlib import Path

from stemlift.errors import Reason, StemliftError


def display_name(path: Path) -> str:
    """The path as text that any terminal, log or message can carry.

    A file name on Linux may hold bytes that are no UTF-8; they show as \\xNN.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unopenable(path: Path, error: OSError) -> StemliftError:
    """The typed error for a file that the system does not open or read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no file {display_name(path)}.",
            "Check the path; a removable or network drive may be away.",
        )
    return unreadable(path, error.strerror or type(error).__name__)


def unreadable(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.FILE_UNREADABLE,
        f"{display_name(path)} cannot be read: {why}.",
        "Give a regular file that this user may read.",
    )


def not_audio(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.NOT_AUDIO,
        f"{display_name(path)} is not a sound file that can be read: {why}.",
        "Give a WAV, AIFF, FLAC, Ogg, Opus, MP3 or M4A file, or a video with sound.",
    )


def empty(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.FILE_EMPTY,
        f"{display_name(path)} is empty: {why}.",
        "Export or copy the file again.",
    )


def truncated(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.FILE_TRUNCATED,
        f"{display_name(path)} is cut short: {why}.",
        "Copy or export it again, or save what is left of it from an audio editor.",
    )


def corrupt(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.FILE_CORRUPT,
        f"{display_name(path)} is damaged: {why}.",
        "Copy or export it again, or save what can be played of it from an audio editor.",
    )


def changed(path: Path) -> StemliftError:
    return StemliftError(
        Reason.FILE_CHANGED,
        f"{display_name(path)} changed after it was first looked at.",
        "Start again once nothing writes to the file any more.",
    )
