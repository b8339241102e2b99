"""Memory that was freed is kept for the next tensor, where the system would take it back.

A segment in a network makes and frees hundreds of arrays of some megabytes. The C library of
Linux asks the kernel for each of them anew, which fills it with zeros, page by page. Without
that, a segment of the hybrid transformer of Demucs at full size took 5.2 s in place of 6.5 s
(CPU time, user and system, of one thread of a Zen 4 core).
"""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD = -1
_MMAP_MAX = -4
_ARENA_MAX = -8
"""mallopt(3)."""


def keep_freed_memory(platform: str = sys.platform, one_arena: bool = False) -> bool:
    """Ask the C library for it; whether it now keeps anything.

    Where the variables of the environment tune its allocator, they have the last word.

    Args:
        one_arena: for threads besides the main one, too, whose own arenas hold no large
            blocks. Only where this is asked for before there are any. Where the library
            refuses that, what the main thread frees is kept all the same.
    """
    tuned = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    mallopt = None if tuned else _function("mallopt", platform)
    # The threshold first: without it, blocks that are not mapped would be trimmed at once.
    if mallopt is None or not mallopt(_TRIM_THRESHOLD, 2**31 - 1):
        return False
    if one_arena:
        mallopt(_ARENA_MAX, 1)
    mallopt(_MMAP_MAX, 0)
    return True


def give_back_freed_memory(platform: str = sys.platform) -> None:
    """Hand all that is kept and not in use back to the system; elsewhere it does so itself."""
    trim = _function("malloc_trim", platform)
    if trim is not None:
        trim(0)


def _function(name: str, platform: str) -> ctypes._NamedFuncPointer | None:
    """A function of glibc; other C libraries, and other systems, have no such."""
    if platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), name, None)
