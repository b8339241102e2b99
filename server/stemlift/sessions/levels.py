"""Levels: decibels as gains and back."""

from __future__ import annotations

import math

_DIGITS = 9


def linear(gain_db: float) -> float:
    """0 dB is exactly 1."""
    return 1.0 if gain_db == 0 else 10 ** (gain_db / 20)


def decibels(gain: float) -> float:
    """The inverse of `linear`, less what a double's rounding leaves; silence at 0 and below."""
    return round(20 * math.log10(gain), _DIGITS) if gain > 0 else -math.inf
