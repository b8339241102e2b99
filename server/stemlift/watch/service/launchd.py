"""The property list of a launchd agent. Source: launchd.plist(5)."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from stemlift.watch.service.program import MARK, Program


def label(program: Program) -> str:
    return f"io.github.{program.name}"


def agent_text(program: Program) -> bytes:
    """The agent: starts with the session, comes back when it fails."""
    variables = {MARK: "1"}
    if program.home is not None:
        variables["STEMLIFT_HOME"] = str(program.home)
    agent: dict[str, Any] = {
        "Label": label(program),
        "ProgramArguments": list(program.argv),
        "EnvironmentVariables": variables,
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        # Anything less is slowed down, and REAPER's jobs run here, too.
        "ProcessType": "Interactive",
        "ExitTimeOut": 60,
        "StandardOutPath": str(program.log),
        "StandardErrorPath": str(program.log),
    }
    return plistlib.dumps(agent)


def is_ours(data: bytes) -> bool:
    try:
        agent = plistlib.loads(data)
        return bool(agent["EnvironmentVariables"][MARK])
    except (ExpatError, ValueError, KeyError, TypeError, IndexError):
        # InvalidFileException is a ValueError.
        return False


def agent_file(home: Path, program: Program) -> Path:
    return home / "Library" / "LaunchAgents" / f"{label(program)}.plist"
