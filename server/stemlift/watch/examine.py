"""Whether a file that holds still opens as sound, as the engine would read it.

What can be seen without decoding: a header that promises more than there is (a WAV written in
place, a copy that goes on), a header that was never finished (sizes 0 or 0xFFFFFFFF, a FLAC
without a total), a missing last page or index, a file that somebody has open for writing, and
a copy whose whole size was set aside before its content came, as long as the file system tells
that its end was never written. What cannot: such a copy on a file system that does not tell.
It opens, with silence at its end or with an error when it is decoded; but as soon as the copy
goes on, the file changes, and it is done again.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import BinaryIO

from stemlift.audio.info import AudioInfo
from stemlift.audio.opening import open_regular
from stemlift.audio.problems import display_name
from stemlift.audio.riff import RiffError, read_riff
from stemlift.errors import Reason, StemliftError
from stemlift.system.shares import is_remote
from stemlift.system.writing import has_unwritten_parts, open_for_writing
from stemlift.watch.settling import Problem, Verdict

_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EISDIR})
_WAV = frozenset({"WAV", "RF64", "BW64"})


def examine(path: Path) -> Problem | None:
    """None: `path` can be taken. Raises nothing for any file."""
    # PyAV and libsndfile take their time to load, which `watch status` should not wait for.
    from stemlift.audio.probe import probe

    try:
        info = probe(path)
        file, stamp = open_regular(path)
        with file:
            sign = _sign_of_writing(path, file, stamp.size, info)
    except StemliftError as error:
        return Problem(_verdict(error), error)
    except RiffError:
        # It could be read a moment ago, so it has changed since.
        return _doubtful(path, "it changes")
    except OSError as error:
        return Problem(Verdict.AWAY, _cannot_be_read(path, error))
    return _doubtful(path, sign) if sign else None


def _sign_of_writing(path: Path, file: BinaryIO, size: int, info: AudioInfo) -> str:
    """Why a file that opens may still be written; empty where nothing says so."""
    if info.container == "FLAC" and info.frames is None:
        return "its header is not finished"
    if info.container in _WAV and read_riff(file, size).data.size is None:
        return "its header is not finished"
    if has_unwritten_parts(file):
        return "parts of it were never written"
    if not is_remote(path) and open_for_writing(file):
        return "a program has it open for writing"
    return ""


def _verdict(error: StemliftError) -> Verdict:
    if error.reason is Reason.FILE_NOT_FOUND:
        return Verdict.AWAY
    cause = error.__cause__
    if isinstance(cause, OSError) and not _is_refusal(cause, sys.platform):
        return Verdict.AWAY
    return Verdict.BROKEN


def _is_refusal(error: OSError, platform: str) -> bool:
    """Whether the file may not be read, rather than not just now.

    On Windows a file that another program has to itself is refused with the same error, and
    it is by far the more likely.
    """
    return platform != "win32" and error.errno in _REFUSED


def _doubtful(path: Path, what: str) -> Problem:
    return Problem(
        Verdict.DOUBTFUL,
        StemliftError(
            Reason.FILE_TRUNCATED,
            f"{display_name(path)} may still be written: {what}.",
            "It is taken as it is when nothing changes it any more.",
        ),
    )


def _cannot_be_read(path: Path, error: OSError) -> StemliftError:
    return StemliftError(
        Reason.FILE_UNREADABLE,
        f"{display_name(path)} cannot be read: {error.strerror or type(error).__name__}.",
        "It is tried again by itself.",
    )
