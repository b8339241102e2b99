"""Memory that is kept after its tensors are gone, on a device and in this machine."""

from __future__ import annotations

import torch

from stemlift.system.allocation import give_back_freed_memory


def give_back_device_memory() -> None:
    """Hand what is held and not used back to the devices and to the system."""
    give_back_freed_memory()
    torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
