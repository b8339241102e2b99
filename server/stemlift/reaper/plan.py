"""What shall be done: the jobs for the server, and what a script then does in the project.

A plan is data. The script knows each operation by its name and carries them out in order,
within one undo step; it decides nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stemlift.reaper.chanmodes import ChannelMode
from stemlift.reaper.facts import VERSION, Facts


class PlannedJob(Facts):
    """One separation.

    key: names the job within its plan.
    start_frame, frames: at the rate of the source; frames 0 means to the end.
    channel_mode, channel_first, channel_second: see `ChannelMap` of the API.
    name_template: file name of each stem without its extension, with "{stem}".
    """

    key: str
    input: str
    start_frame: int
    frames: int
    channel_mode: ChannelMode = "all"
    channel_first: int = 0
    channel_second: int = 1
    model: str
    stems: tuple[str, ...]
    remainder: str
    mask: str | None = None
    output_folder: str
    name_template: str


class Skipped(Facts):
    """An item that is left alone.

    reason: "midi", "empty", "offline", "subproject", "lane", "outside", "no_audio".
    sentence: says it to a person.
    """

    item: str
    reason: str
    sentence: str


class InsertTrack(Facts):
    """A new track at `index`, under the name `key` for later operations.

    copy_from: GUID of a track whose mixer settings, and sends, are copied; "" for a plain one:
        volume 1, pan 0, pan law 0 dB, no effects, so that it changes nothing on the way to its
        parent.
    source_track: GUID of the track whose items the stems come from; its timebase is taken over.
    """

    do: Literal["insert_track"] = "insert_track"
    key: str
    index: int
    name: str
    colour: tuple[int, int, int] | None
    depth: int
    channels: int = 2
    copy_from: str = ""
    source_track: str = ""


class SetTrackDepth(Facts):
    """I_FOLDERDEPTH of a track that is there already."""

    do: Literal["set_track_depth"] = "set_track_depth"
    track: str
    depth: int


class InsertItem(Facts):
    """A new item, made from a whole state chunk.

    track_key: `key` of a new track, or GUID of one that is there (for parts of an item that a
        time selection cuts, and where earlier stems lie).
    """

    do: Literal["insert_item"] = "insert_item"
    track_key: str
    chunk: str


class ReplaceItem(Facts):
    """Another state chunk for an item that is there: stems as takes, or the part of it inside a
    time selection."""

    do: Literal["replace_item"] = "replace_item"
    item: str
    chunk: str


class MuteItem(Facts):
    """B_MUTE of an item that is there."""

    do: Literal["mute_item"] = "mute_item"
    item: str


Operation = Annotated[
    InsertTrack | SetTrackDepth | InsertItem | ReplaceItem | MuteItem, Field(discriminator="do")
]


class ItemState(Facts):
    """What an item must still be when its stems arrive.

    fingerprint: its whole state chunk as the script sent it; the script compares it with the
        item's chunk now, lines left out that change without meaning (SEL).
    """

    item: str
    track: str
    fingerprint: str


class ImportPlan(Facts):
    """operations: in order, with real files in their chunks.

    expects: items that must still be there, as they were.
    undo_label: names the one undo step.
    notices: plain sentences for the user that only the results could tell.
    """

    version: int = VERSION
    expects: tuple[ItemState, ...]
    operations: tuple[Operation, ...]
    undo_label: str
    notices: tuple[str, ...] = ()


class Plan(Facts):
    """The output of `stemlift-reaper plan`.

    preview: the import as it will be if every stem gets the name that its job gives it.
    offers: GUIDs of other items that could have the same stems.
    notices: plain sentences for the user, e.g. on effects of takes.
    """

    version: int = VERSION
    jobs: tuple[PlannedJob, ...]
    skipped: tuple[Skipped, ...]
    notices: tuple[str, ...]
    offers: tuple[str, ...]
    preview: ImportPlan
