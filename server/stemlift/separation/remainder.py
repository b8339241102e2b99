"""The arithmetic that makes stems sum to the mix.

From an integer source the stems are rounded to integers without dither and the remainder is
the integer difference, so that the sum is exact. From a float source the remainder is the
difference to the stems as they are rounded to float32.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stemlift.separation.mix import Audio, Block
from stemlift.separation.stems import INSTRUMENTAL, REMAINDER, VOCALS, StemPlan

StemBlocks = dict[str, npt.NDArray[Any]]


class Arithmetic(Protocol):
    """Numbers in which the stems of one job are summed and kept."""

    def keep(self, stem: Audio) -> npt.NDArray[Any]:
        """A model's float output as it will be written."""

    def minus(self, mix: Block, stems: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """mix - sum of stems, as it will be written."""


class IntegerArithmetic:
    """int64 on the integer grid of the source."""

    def __init__(self, grid_bits: int) -> None:
        self._scale = np.float32(2.0 ** (grid_bits - 1))

    def keep(self, stem: Audio) -> npt.NDArray[Any]:
        # Exact: a power of two changes no digit of a float.
        whole: npt.NDArray[np.float32] = np.rint(stem * self._scale)
        return whole.astype(np.int64)

    def minus(self, mix: Block, stems: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        rest = mix.astype(np.int64)
        for stem in stems:
            rest -= stem
        return rest


class FloatArithmetic:
    """float32, summed in float64."""

    def keep(self, stem: Audio) -> npt.NDArray[Any]:
        return stem.astype(np.float32, copy=False)

    def minus(self, mix: Block, stems: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        rest = mix.astype(np.float64)
        for stem in stems:
            rest -= stem
        return rest.astype(np.float32)


def arithmetic_for(grid_bits: int | None) -> IntegerArithmetic | FloatArithmetic:
    return FloatArithmetic() if grid_bits is None else IntegerArithmetic(grid_bits)


def complete_stems(
    plan: StemPlan, mix: Block, model_output: Audio, arithmetic: Arithmetic
) -> StemBlocks:
    """Every stem that is written, from the model's output and the mix.

    Args:
        mix: (frames, channels).
        model_output: (frames, stems of the model, channels), full scale 1.0.
    """
    stems: StemBlocks = {
        name: arithmetic.keep(model_output[:, plan.model_stems.index(name)])
        for name in plan.needed
        if name != plan.carrier
    }
    if plan.carrier:
        stems[plan.carrier] = arithmetic.minus(mix, list(stems.values()))
    if INSTRUMENTAL in plan.written and INSTRUMENTAL not in plan.model_stems:
        stems[INSTRUMENTAL] = arithmetic.minus(mix, [stems[VOCALS]])
    if REMAINDER in plan.written:
        stems[REMAINDER] = arithmetic.minus(mix, [stems[name] for name in plan.subtracted])
    return {name: stems[name] for name in plan.written}
