"""Names that are never songs."""

from __future__ import annotations


def ignored(name: str, *, folder: bool = False) -> bool:
    """Whether a file, or with `folder` a folder and all in it, is passed over by its name."""
    raise NotImplementedError
