"""What a recipe can ask for besides the stems: names, and what writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from stemlift.watch import extra_dawproject, extra_rpp
from stemlift.watch.extra import CannotHoldError
from stemlift.watch.extra_flac import write_flac
from stemlift.watch.extra_stem_mp4 import write_stem_file
from stemlift.watch.manifest import Manifest

__all__ = ["EXTRAS", "CannotHoldError", "Extra"]

Extra = Callable[[Path, Manifest], tuple[str, ...]]
"""(result folder, its manifest) → paths of the files written, below the folder and
with "/". The folder is hidden still. Called again after a crash, it writes the same again.

Raises:
    CannotHoldError: the format cannot keep these stems; the stems themselves are fine, and
        the manifest says so.
    StemliftError, OSError: as all writing.
"""

EXTRAS: Mapping[str, Extra] = {
    "flac": write_flac,
    "stem.mp4": write_stem_file,
    "dawproject": extra_dawproject.write_project,
    "rpp": extra_rpp.write_project,
}
