"""What is done with a song of the inbox."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from stemlift.watch.names import is_device

if TYPE_CHECKING:
    from stemlift.rpc.requests import SeparateOptions

# Also written into Windows' hidden streams, refused everywhere so that a recipe means the
# same on each system.
_FORBIDDEN = re.compile(r'[/\\<>:"|?*\x00-\x1f\x7f]')
_LONGEST_TEMPLATE = 120
_PLACE = re.compile(r"\{[^{}]*\}")
_NAME = r"^[^\x00-\x1f\x7f/\\]+$"

Extra = Literal["flac", "stem.mp4", "dawproject", "rpp", "report"]


def _tuple(value: Any) -> Any:
    # TOML has lists only.
    return tuple(value) if isinstance(value, list) else value


_Channel = Annotated[int, Field(ge=0, le=1023)]
_StemName = Annotated[str, Field(pattern=_NAME, max_length=64)]


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

    model: str = Field(default="auto", pattern=_NAME, max_length=64)
    stems: Annotated[tuple[_StemName, ...], BeforeValidator(_tuple)] = Field(
        default=(), max_length=64
    )
    format: Literal["wav", "flac"] = "wav"
    name: str = "{song} - {stem}"
    original: Literal["leave", "done", "delete"] = "leave"
    also: Annotated[tuple[Extra, ...], BeforeValidator(_tuple)] = Field(default=(), max_length=5)
    remainder: Literal["other", "separate", "off"] = "other"
    mask: Literal["binary", "ratio", "complex"] | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    channels: Annotated[
        Literal["swap", "downmix"] | _Channel | tuple[_Channel, _Channel] | None,
        BeforeValidator(_tuple),
    ] = None

    @field_validator("name")
    @classmethod
    def _gives_a_file_name(cls, value: str) -> str:
        if "{stem}" not in value:
            raise ValueError("it needs {stem}, or all stems would have one name")
        for place in _PLACE.findall(value):
            if place not in ("{song}", "{stem}"):
                raise ValueError(f"{{song}} and {{stem}} can be filled in, and no {place}")
        if len(value.encode("utf-8", "surrogatepass")) > _LONGEST_TEMPLATE:
            raise ValueError(f"it is longer than {_LONGEST_TEMPLATE} bytes")
        if _FORBIDDEN.search(value):
            raise ValueError('it has a folder or one of \\ / < > : " | ? * in it')
        if value != value.strip() or value[0] == "." or value[-1] == ".":
            raise ValueError("it begins or ends with a space or a dot")
        if is_device(value):
            raise ValueError("it begins with the name of a device of Windows")
        return value

    @field_validator("stems", "also")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of everything in it that changes the result.

        The order of stems changes nothing, nor does what becomes of the original.
        """
        facts = self.model_dump(mode="json", exclude={"original"})
        facts["stems"] = sorted(self.stems)
        facts["also"] = sorted(self.also)
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def options(self) -> SeparateOptions:
        """The arguments for `Client.submit`, those of places and priority excepted."""
        return {
            "model": self.model,
            "stems": list(self.stems) or None,
            "format": self.format,
            "name_template": self.name,
            "remainder": self.remainder,
            "mask": self.mask,
            "precision": self.precision,
            "channels": self.channels,
        }
