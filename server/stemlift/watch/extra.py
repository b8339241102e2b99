"""What all extras share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stemlift.watch.manifest import Manifest

Beat = Callable[[], None]

Extra = Callable[[Path, Manifest, Beat], tuple[str, ...]]
"""(result folder, its manifest, beat) → paths of the files written, below the folder and
with "/". The folder is hidden still. Called again after a crash, it writes the same again.

beat is called often where writing takes its time; what it raises ends the writing.

Raises:
    CannotHoldError: the format cannot keep these stems; the stems themselves are fine, and
        the manifest says so.
    StemliftError, OSError: as all writing.
"""


class CannotHoldError(Exception):
    """A format cannot keep these stems. Its text is a sentence for the manifest's warnings."""
