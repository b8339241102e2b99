"""A safetensors file, whole or not there at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from stemlift.system.whole import whole_file


def write_safetensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write `tensors` in the precision they have.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {name: _own(tensor) for name, tensor in tensors.items()}
    with whole_file(path) as scratch:
        try:
            save_file(whole, scratch, dict(metadata))
        except SafetensorError as error:
            raise _as_os_error(error) from error


def _as_os_error(error: SafetensorError) -> OSError:
    """The library tells of a full disk in words alone."""
    number = re.search(r"code: (\d+)", str(error))
    return OSError(int(number[1]), str(error)) if number else OSError(str(error))


def _own(tensor: Tensor) -> Tensor:
    """The format knows no tensors that share their numbers."""
    whole = tensor.detach().contiguous()
    return whole if whole.untyped_storage().nbytes() == whole.nbytes else whole.clone()
