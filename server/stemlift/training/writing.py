"""Files that training leaves: each of them whole or not there, and said in words where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stemlift.errors import Reason, StemliftError
from stemlift.system.whole import whole_file


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Make `folder` for what the block writes there.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: Exception) -> StemliftError:
    """OUTPUT_UNWRITABLE, with what the system says."""
    why = getattr(error, "strerror", None) or str(error)
    return StemliftError(
        Reason.OUTPUT_UNWRITABLE,
        f"The folder {folder} cannot be written to: {why}.",
        "Choose another folder, or make room.",
    )


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an `.npy`. Raises OSError."""
    # By its handle: numpy would give the name another ending.
    with whole_file(path) as scratch, scratch.open("wb") as file:
        np.save(file, array)
