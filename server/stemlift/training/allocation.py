"""Memory that was freed is kept for the next tensor, where the system would take it back.

A step of training makes and frees hundreds of tensors of some megabytes. The C library of
Linux asks the kernel for each of them anew, which fills it with zeros, page by page.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD = -1
_MMAP_MAX = -4
"""mallopt(3)."""


def keep_freed_memory(platform: str = sys.platform) -> bool:
    """Ask the C library for it; whether it can. For programs that train and then end."""
    if platform != "linux":
        return False
    library = ctypes.CDLL(None)
    mallopt = getattr(library, "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
