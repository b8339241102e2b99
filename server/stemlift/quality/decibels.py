"""Powers as levels in dB, with a floor in place of minus infinity."""

from __future__ import annotations

import math

FLOOR_DB = -300.0
"""What nothing at all is reported as."""


def power_db(power: float, reference: float = 1.0) -> float:
    """10·log₁₀(power / reference), at least FLOOR_DB; FLOOR_DB without a reference."""
    if power <= 0.0 or reference <= 0.0:
        return FLOOR_DB
    return max(FLOOR_DB, 10.0 * (math.log10(power) - math.log10(reference)))


def amplitude_db(amplitude: float) -> float:
    """20·log₁₀ of an amplitude where 1.0 is full scale, at least FLOOR_DB."""
    return power_db(amplitude * amplitude)
