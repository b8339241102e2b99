"""What is done with a song of the inbox."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from stemlift.rpc.requests import SeparateOptions


class Recipe(BaseModel):
    """A recipe; every key of stemlift.toml is a field of the same name.

    model: a name from `stemlift models list`, or "auto".
    stems: names of stems; empty: every stem of the model.
    format: "wav" or "flac".
    name: file name of a stem without its extension; "{song}" and "{stem}" are filled in.
    original: what becomes of the song afterwards: "leave", "done" (moved into the folder
        _done of the inbox) or "delete".
    also: what is written besides the stems.
    remainder, mask, precision, channels: as `stemlift.Client.separate` takes them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = "auto"
    stems: tuple[str, ...] = ()
    format: Literal["wav", "flac"] = "wav"
    name: str = "{song} - {stem}"
    original: Literal["leave", "done", "delete"] = "leave"
    also: tuple[Literal["flac", "stem.mp4", "dawproject", "rpp"], ...] = ()
    remainder: Literal["other", "separate", "off"] = "other"
    mask: Literal["binary", "ratio", "complex"] | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    channels: Literal["swap", "downmix"] | int | tuple[int, int] | None = None

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of everything in it that changes the result."""
        raise NotImplementedError

    def options(self) -> SeparateOptions:
        """The arguments for `Client.submit`, those of places and priority excepted."""
        raise NotImplementedError
