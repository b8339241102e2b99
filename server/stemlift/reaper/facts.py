"""What a script knows of the project and the selection: the input of every plan.

Lengths and positions are in seconds, of the project's timeline unless said otherwise.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1
"""Of this schema and of the plan; a script and a helper of different versions say so."""


class Facts(BaseModel):
    """A part of the schema. Unknown fields are refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Layout(StrEnum):
    """Where the stems go: tracks inside the source track, tracks after it, takes of the item."""

    FOLDER = "folder"
    FLAT = "flat"
    TAKES = "takes"


class Original(StrEnum):
    """What becomes of the items that get stems. They are never deleted."""

    MUTE = "mute"
    KEEP = "keep"


class TakeFx(StrEnum):
    """What becomes of the effects of a take, which are not the same on each stem as on the sum."""

    COPY = "copy"
    LEAVE_OUT = "leave_out"


class Choices(Facts):
    """What the user chose.

    stems: as for `stemlift separate`; empty means all.
    handles: extra audio on both sides of a range, in seconds of the source; never less than
        0.05, which resamplers need.
    within_time_selection: only the part of each item inside the time selection, if there is one.
    also_same_source: other items of the project with a source range that is separated anyway
        get the same stems, if they are not muted.
    media_folder: where stems go, absolute; "" for the project's.
    """

    model: str = "auto"
    stems: tuple[str, ...] = ()
    remainder: str = "other"
    mask: str | None = None
    layout: Layout = Layout.FOLDER
    original: Original = Original.MUTE
    take_fx: TakeFx = TakeFx.COPY
    handles: float = Field(default=1.0, ge=0, le=60)
    within_time_selection: bool = False
    also_same_source: bool = False
    media_folder: str = ""


class Source(Facts):
    """The file at the bottom of a take's source, as REAPER sees it.

    path: absolute; "" where the take has no file (MIDI, click, empty).
    kind: of the outermost source: "WAVE", "MP3", "VIDEO", "SECTION", "MIDI", "RPP_PROJECT", …
    length: of the file in seconds; None where REAPER does not say.
    online: False while the file is missing or set offline.
    """

    path: str = ""
    kind: str
    length: float | None = None
    sample_rate: int = Field(default=0, ge=0)
    channels: int = Field(default=0, ge=0)
    online: bool = True


class Item(Facts):
    """An item with its active take.

    chunk: the item's whole state chunk; everything else of it is read from there.
    source: of the active take; None for an empty item.
    lane_plays: whether its fixed lane plays; True where the track has none.
    selected: False for items that are here only because they share a source.
    active_take: I_CURTAKE, empty takes counted; None: as "TAKE SEL" in the chunk has it.
    """

    guid: str
    track: str
    chunk: str
    active_take: int | None = None
    source: Source | None = None
    lane_plays: bool = True
    selected: bool = True


class Track(Facts):
    """A track of the project.

    index: from 0, in the project's order.
    depth: I_FOLDERDEPTH: 1 opens a folder, -n closes n of them.
    colour: red, green, blue from 0 to 255; None where it has none.
    has_fx, has_sends, has_envelopes: whether there are any, hardware outputs counted as sends.
    fixed_lanes: whether the track shows fixed item lanes (I_FREEMODE 2).
    """

    guid: str
    index: int = Field(ge=0)
    name: str = ""
    depth: int = 0
    colour: tuple[int, int, int] | None = None
    channels: int = 2
    has_fx: bool = False
    has_sends: bool = False
    has_envelopes: bool = False
    fixed_lanes: bool = False


class Project(Facts):
    """The project of the selection.

    path: of the project file, absolute; "" while it is not saved.
    media_folder: where REAPER puts new media of this project, absolute (GetProjectPathEx).
    time_selection: start and end; None where nothing is selected.
    """

    path: str = ""
    media_folder: str
    time_selection: tuple[float, float] | None = None


class Request(Facts):
    """The input of `stemlift-reaper plan`, and a part of every job file."""

    version: int = VERSION
    reaper: str = ""
    project: Project
    tracks: tuple[Track, ...]
    items: tuple[Item, ...]
    choices: Choices = Choices()
