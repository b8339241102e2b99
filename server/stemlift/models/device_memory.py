"""Memory that torch keeps on a device after its tensors are gone."""

from __future__ import annotations

import torch


def give_back_device_memory() -> None:
    """Hand what torch holds and does not use back to the devices; nothing where none is in use."""
    torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
