"""What the service runs, and by which name the system knows it."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths

# In the environment of the service: by this its definition is known to be ours.
MARK = "STEMLIFT_SERVICE"


@dataclass(frozen=True, slots=True)
class Program:
    """The server to run.

    name: of the service; a Stemlift with a STEMLIFT_HOME has one of its own.
    argv: absolute path of the interpreter and its arguments.
    home: what STEMLIFT_HOME is for it; None where the platform's folders are used.
    log: file for what is said before the server's own log is open.
    """

    name: str
    argv: tuple[str, ...]
    home: Path | None
    log: Path


def find_program(
    paths: Paths, interpreter: str = sys.executable, platform: str = sys.platform
) -> Program:
    """This Stemlift's server; which folders it watches, its settings say when it starts.

    Raises:
        StemliftError: SERVICE_FAILED when a path has signs that no definition can carry.
    """
    python = Path(interpreter).absolute()
    if platform == "win32" and python.name.lower() == "python.exe":
        # The other one opens a console window.
        python = python.with_name("pythonw.exe")
    for path in (python, paths.home, paths.logs):
        _require_plain(path, platform)
    # -P: a folder called stemlift where the service starts is not this program.
    argv = (str(python), "-P", "-m", "stemlift", "serve")
    name = "stemlift"
    if paths.home is not None:
        key = str(paths.home).encode("utf-8")
        name = f"stemlift-{hashlib.sha256(key).hexdigest()[:8]}"
    return Program(name, argv, paths.home, paths.logs / "service.log")


def _require_plain(path: Path | None, platform: str) -> None:
    text = "" if path is None else str(path)
    try:
        text.encode("utf-8")
        plain = text.isprintable()
    except UnicodeEncodeError:
        plain = False
    # The task scheduler puts a variable in place of %NAME%, and has no way to say %.
    if not plain or (platform == "win32" and "%" in text):
        raise StemliftError(
            Reason.SERVICE_FAILED,
            f"A service cannot name the path {text!a}.",
            "Move Stemlift or its STEMLIFT_HOME to a folder with plain letters.",
        )
