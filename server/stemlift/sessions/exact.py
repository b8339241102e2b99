"""Times that a format wrote as decimals, as the frames that they were."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

RATES = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)

# Far above what a double loses on ten hours, and far below a frame of any rate.
_NEAR = Fraction(1, 10**9)
_LARGEST = 10**9


def exact(value: float | Fraction, rates: Iterable[int] = RATES) -> Fraction:
    """The time of the frame, at the first rate that has one there; else the value's digits.

    What is no number, or more than thirty years, is 0.
    """
    if not math.isfinite(value) or not -_LARGEST < value < _LARGEST:
        return Fraction(0)
    precise = Fraction(value)
    for rate in rates:
        frame = Fraction(round(precise * rate), rate)
        if abs(frame - precise) < _NEAR:
            return frame
    return Fraction(repr(float(value)))


def simple_ratio(value: float | Fraction) -> Fraction:
    """The ratio of small numbers that it is, else the value's digits."""
    if not math.isfinite(value) or not 0 < value < _LARGEST:
        return Fraction(1)
    near = Fraction(value).limit_denominator(100_000)
    return near if abs(near - Fraction(value)) < _NEAR / 10 else Fraction(repr(float(value)))
