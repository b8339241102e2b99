"""Running a program of the operating system and reading what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stemlift.system.process import CREATE_NO_WINDOW

LIMIT_SECONDS = 60.0
NOT_THERE = 127


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended.

    code: its exit code; 127, as shells have it, where there is no such program, and 124
        where it did not end in time.
    output: what it wrote on both streams.
    """

    code: int
    output: str


Runner = Callable[[Sequence[str]], Ran]


def run_command(
    argv: Sequence[str], env: Mapping[str, str] | None = None, limit: float = LIMIT_SECONDS
) -> Ran:
    """Run `argv`, no shell between, and wait for its end, `limit` seconds at most."""
    options: dict[str, Any] = {"creationflags": CREATE_NO_WINDOW} if sys.platform == "win32" else {}
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            timeout=limit,
            check=False,
            **options,
        )
    except subprocess.TimeoutExpired:
        return Ran(124, f"{argv[0]} did not end within {limit:g} seconds")
    except OSError as error:
        return Ran(NOT_THERE, f"{argv[0]}: {error.strerror or error}")
    return Ran(done.returncode, _text(done.stdout))


def _text(output: bytes) -> str:
    # schtasks writes UTF-16 where it writes XML, and the console's own code page elsewhere.
    if output.startswith((b"\xff\xfe", b"\xfe\xff")):
        return output.decode("utf-16", "replace")
    return output.decode("utf-8", "replace")
