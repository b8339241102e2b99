"""What a template says."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from stemlift.reaper.looks import Colour
from stemlift.sessions.templates.effects import Effects, as_tuple

FOCUS = "{focus}"
"""Stands for the stem that a session is about; what names it is left out where there is none."""

REST = "*"
"""Stands for every stem that no other track names."""

STEM = "{stem}"
"""In a track's name, stands for that of its stem."""

_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_NAME = r"^[^\x00-\x1f\x7f]+$"
_MOST = 200
_DEEPEST = 16

_Name = Annotated[str, Field(pattern=_NAME, max_length=120)]
_Stem = Annotated[str, Field(pattern=_NAME, max_length=64)]


class _Strip(BaseModel):
    """What tracks and folders share.

    colour: "#rrggbb"; without one a stem's track has the stem's own. gain_db: 0 leaves the
    level. pan: -1 left to 1 right. folder: name of the folder it lies in. effects: a chain of
    its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    colour: str | None = None
    folder: _Name | None = None
    gain_db: float = Field(default=0.0, ge=-120, le=24)
    pan: float = Field(default=0.0, ge=-1, le=1)
    mute: bool = False
    effects: Effects = Field(default=(), max_length=16)

    @field_validator("colour")
    @classmethod
    def _is_a_colour(cls, value: str | None) -> str | None:
        if value is not None and not _COLOUR.fullmatch(value):
            raise ValueError('it is no colour such as "#e05e8a"')
        return value

    @property
    def rgb(self) -> Colour | None:
        found = _COLOUR.fullmatch(self.colour or "")
        if found is None:
            return None
        red, green, blue = (int(part, 16) for part in found.groups())
        return red, green, blue


class Folder(_Strip):
    """A folder track, a bus: all that lies in it is heard through it."""

    name: _Name


class TrackLayout(_Strip):
    """A track; exactly one of stem and plays.

    stem: the stem on it; "*" for a track for each stem that no other track names; "{focus}".
    A stem has one track, the first that names it: on two it would be 6 dB too loud.
    plays: "mix" (the song itself), "click" (a click in the song's tempo, left out where that
    is not known) or "nothing" (an empty track, e.g. for a take to come).
    name: "{stem}" and "{focus}" stand for those stems' names for a person.
    check: "mono" measures what the stem loses in mono and says so.
    """

    stem: _Stem | None = None
    plays: Literal["mix", "click", "nothing"] | None = None
    name: _Name | None = None
    check: Literal["mono"] | None = None

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if (self.stem is None) == (self.plays is None):
            raise ValueError("it needs either stem or plays")
        if self.plays == "nothing" and self.name is None:
            raise ValueError("an empty track needs a name")
        if self.check is not None and self.stem is None:
            raise ValueError("only a stem can be checked")
        return self

    @property
    def needs_focus(self) -> bool:
        return FOCUS in (self.stem or "") or FOCUS in (self.name or "")


class Template(BaseModel):
    """A template; every key of its file is a field of the same name.

    about: what it is for, one sentence.
    stems: what is asked of the model; empty: every stem that it gives.
    remainder: where the part goes that the model gave to no stem, as `stemlift separate` has it.
    focus: the stem that the session is about, e.g. the one to be replaced; empty: none, unless
        the user names one.
    chains: "standard" gives every stem's track without effects the chain that a mixing engineer
        may begin with; "own": only those of the template. They are bypassed unless the user
        turns chains on.
    tempo, markers: "auto" listens to the song, "off" does not, unless the user says other.
    folder, track: in the order of the session; a folder stands where its first track does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    name: str = ""
    about: str = Field(default="", max_length=500)
    stems: Annotated[tuple[_Stem, ...], BeforeValidator(as_tuple)] = Field(
        default=(), max_length=64
    )
    remainder: Literal["other", "separate", "off"] = "other"
    focus: str = Field(default="", max_length=64)
    chains: Literal["standard", "own"] = "own"
    tempo: Literal["auto", "off"] = "off"
    markers: Literal["auto", "off"] = "off"
    folder: Annotated[tuple[Folder, ...], BeforeValidator(as_tuple)] = Field(
        default=(), max_length=_MOST
    )
    track: Annotated[tuple[TrackLayout, ...], BeforeValidator(as_tuple)] = Field(
        min_length=1, max_length=_MOST
    )

    @model_validator(mode="after")
    def _folders_are_there(self) -> Self:
        above: dict[str, str | None] = {}
        for folder in self.folder:
            if folder.name in above:
                raise ValueError(f"there are two folders named {folder.name!r}")
            above[folder.name] = folder.folder
        for one in (*self.folder, *self.track):
            if one.folder is not None and one.folder not in above:
                raise ValueError(f"there is no [[folder]] named {one.folder!r}")
        for name in above:
            place: str | None = name
            for _ in range(_DEEPEST):
                place = above[place] if place is not None else None
            if place is not None:
                raise ValueError(f"the folder {name!r} lies in itself, or too deep")
        if sum(track.stem == REST for track in self.track) > 1:
            raise ValueError('only one track may have stem = "*"')
        return self

    @property
    def has_click(self) -> bool:
        return any(track.plays == "click" for track in self.track)

    def asked(self, focus: str) -> tuple[str, ...]:
        """The stems to ask for, {focus} filled in; empty: every stem of the model."""
        found = [name.replace(FOCUS, focus) for name in self.stems if focus or FOCUS not in name]
        return tuple(dict.fromkeys(found))
