"""Blocks of any length in, blocks of one length out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


def rechunk(blocks: Iterable[npt.NDArray[Any]], size: int) -> Iterator[npt.NDArray[Any]]:
    """Re-cut a stream along its first axis; every block has `size` frames but the last."""
    held: list[npt.NDArray[Any]] = []
    count = 0
    for incoming in blocks:
        block = incoming
        while count + len(block) >= size:
            head, block = block[: size - count], block[size - count :]
            yield np.concatenate((*held, head)) if held else head
            held, count = [], 0
        if len(block):
            held.append(block)
            count += len(block)
    if held:
        yield np.concatenate(held)
