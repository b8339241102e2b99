"""Whether a file that holds still opens as sound, as the engine would read it."""

from __future__ import annotations

from pathlib import Path

from stemlift.watch.settling import Problem


def examine(path: Path) -> Problem | None:
    """None: `path` can be taken. Raises nothing for any file."""
    raise NotImplementedError
