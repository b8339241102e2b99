"""How much memory this process has taken."""

from __future__ import annotations

import sys

import psutil


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, the others kibibytes.
    return int(peak if sys.platform == "darwin" else peak * 1024)
