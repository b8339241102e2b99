"""Memory that is kept after its tensors are gone, on a device and in this machine."""

from __future__ import annotations

import torch

from stemlift.system.allocation import give_back_freed_memory

_SHORT_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "cufft_alloc_failed",
    "bad_alloc",
)


def memory_was_short(error: BaseException) -> bool:
    """Whether an error of torch says that memory ran out.

    Only CUDA's allocator has a type for it; its libraries, Metal and the CPU allocator
    raise a RuntimeError.
    """
    typed = isinstance(error, torch.cuda.OutOfMemoryError | MemoryError)
    words = str(error).lower()
    return typed or any(sign in words for sign in _SHORT_MEMORY)


def give_back_device_memory() -> None:
    """Hand what is held and not used back to the devices and to the system."""
    give_back_freed_memory()
    torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
