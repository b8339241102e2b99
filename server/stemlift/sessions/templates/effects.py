"""Effects as a template has them, and what a session has them become."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stemlift.sessions import timeline
from stemlift.sessions.timeline import BandKind

STARTING_POINT = "(starting point)"
"""Ends the name of every effect that a template brings: none of them has heard the song."""


def as_tuple(value: object) -> object:
    """TOML has lists only."""
    return tuple(value) if isinstance(value, list) else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Band(_Strict):
    """frequency: Hz; gain_db: of no effect on cuts and notches; q: quality of the band."""

    kind: Literal["low_cut", "high_cut", "low_shelf", "high_shelf", "bell", "notch"]
    frequency: float = Field(ge=10, le=24_000)
    gain_db: float = Field(default=0.0, ge=-30, le=30)
    q: float = Field(default=0.707, ge=0.05, le=50)

    def made(self) -> timeline.Band:
        return timeline.Band(BandKind(self.kind), self.frequency, self.gain_db, self.q)


class Equalizer(_Strict):
    kind: Literal["equalizer"]
    bands: Annotated[tuple[Band, ...], BeforeValidator(as_tuple)] = Field(
        min_length=1, max_length=32
    )

    def made(self, *, enabled: bool) -> timeline.Effect:
        bands = tuple(band.made() for band in self.bands)
        return timeline.Equalizer(bands, enabled, f"EQ {STARTING_POINT}")


class Compressor(_Strict):
    """threshold_db: relative to full scale; ratio: 4 for 4:1; attack_ms, release_ms;
    makeup_db: gain behind it."""

    kind: Literal["compressor"]
    threshold_db: float = Field(ge=-80, le=0)
    ratio: float = Field(ge=1, le=100)
    attack_ms: float = Field(default=10.0, ge=0, le=500)
    release_ms: float = Field(default=100.0, ge=0, le=5000)
    makeup_db: float = Field(default=0.0, ge=-24, le=24)

    def made(self, *, enabled: bool) -> timeline.Effect:
        return timeline.Compressor(
            self.threshold_db,
            self.ratio,
            self.attack_ms / 1000,
            self.release_ms / 1000,
            self.makeup_db,
            enabled,
            f"Compressor {STARTING_POINT}",
        )


Effect = Annotated[Equalizer | Compressor, Field(discriminator="kind")]
Effects = Annotated[tuple[Effect, ...], BeforeValidator(as_tuple)]
