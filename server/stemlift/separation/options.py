"""The choices of a separation that have names. No torch."""

from __future__ import annotations

from enum import StrEnum


class RemainderPolicy(StrEnum):
    """Where that part of the mix goes which the model gave to no stem."""

    OTHER = "other"
    SEPARATE = "separate"
    OFF = "off"


class OutputFormat(StrEnum):
    WAV = "wav"
    FLAC = "flac"


class Precision(StrEnum):
    """AUTO: BF16 where it is quicker and was measured to lose little, see `precision`."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"
