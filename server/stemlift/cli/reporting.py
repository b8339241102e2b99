"""How every command speaks: errors, notes and JSON lines."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from stemlift.errors import Reason, StemliftError

if TYPE_CHECKING:
    from rich.console import Console

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def prepare_streams() -> None:
    """Let neither a closed stream nor a sign that the terminal cannot show end the program."""
    # They stay open as long as the process, as the streams that they stand for would.
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def print_json(value: Any) -> None:
    """One line on stdout, in ASCII, so that it survives every terminal and pipe."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def print_error_json(error: StemliftError, source: str | None = None) -> None:
    """An error as a line on stdout."""
    line: dict[str, Any] = {}
    if source is not None:
        line["source"] = source
    if error.job_id:
        line["job"] = error.job_id
    line["error"] = {
        "reason": str(error.reason),
        "message": error.message,
        "remedy": error.remedy,
    }
    print_json(line)


def print_error(error: StemliftError) -> None:
    """An error for a person, on stderr."""
    lines = [f"error: {error.message}"]
    if error.remedy:
        lines.append(f"  {sign('→', '->', sys.stderr)} {error.remedy}")
    if error.reason is Reason.SERVER_LOST and error.job_id:
        lines.append(f"  Job {error.job_id}: the next command goes on with it, for instance")
        lines.append(f"    stemlift jobs watch {error.job_id}")
    lines.append(f"  ({error.reason})")
    note("\n".join(lines))


def note(text: str) -> None:
    """A line for a person, on stderr."""
    sys.stderr.write(plain(text) + "\n")
    sys.stderr.flush()


def plain(text: str) -> str:
    """Text without control signs: a file's name may hold commands for a terminal."""
    return _CONTROLS.sub("?", text)


def in_one_line(text: str) -> str:
    """Text whose parts are names of files, which may hold line breaks, for a list of lines."""
    return plain(text).replace("\n", "?").replace("\t", "?")


def sign(wanted: str, instead: str, stream: TextIO) -> str:
    """`wanted` where the stream's encoding has it."""
    try:
        wanted.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return instead
    return wanted


def console(stream: TextIO) -> Console:
    """Rich on a stream. Paths are data: no markup, no colouring of words, no emoji.

    Away from a terminal, lines are as long as they need be, so that no path is broken.
    """
    from rich.console import Console

    wide = None if stream.isatty() else 10_000
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=wide)


def duration(seconds: float) -> str:
    """Time as a person reads it: "42 s", "3 min 05 s", "2 h 07 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: int) -> str:
    """Bytes as a person reads them, in powers of 1000."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit in ("B", "kB") else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
