"""Items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reaper_sim.api_tracks import at
from reaper_sim.chunks import Lines, MalformedChunkError, quoted
from reaper_sim.contract import ApiError
from reaper_sim.items import ITEM_VALUES, Item

if TYPE_CHECKING:
    from reaper_sim.project import Project
    from reaper_sim.simulator import Call
    from reaper_sim.tracks import Track

COMPUTED = ("D_VOL", "I_CURTAKE", "IP_ITEMNUMBER", "I_FIXEDLANE", "C_LANEPLAYS")
READ_ONLY = ("IP_ITEMNUMBER", "B_MUTE_ACTUAL")


def selected(project: Project) -> list[Item]:
    return [item for item in project.items if item.get("B_UISEL")]


def add(c: Call, track: Track) -> Item:
    item = Item(track)
    track.items.append(item)
    track.project.touch()
    return item


def delete(c: Call, track: Track, item: Item) -> bool:
    if item not in track.items:
        return False
    track.items.remove(item)
    item.alive = False
    for take in item.takes:
        if take is not None:
            take.alive = False
    track.project.touch()
    return True


def get_value(c: Call, item: Item, name: str) -> Any:
    if name == "P_TRACK":
        return item.track
    if name not in ITEM_VALUES and name not in COMPUTED:
        raise NotImplementedError(f"item attribute {name}")
    return item.get(name)


def set_value(c: Call, item: Item, name: str, value: float) -> bool:
    if name not in ITEM_VALUES and name not in COMPUTED:
        raise NotImplementedError(f"item attribute {name}")
    if name in READ_ONLY:
        raise ApiError(f"{name} is read-only")
    if name == "C_LANEPLAYS":
        item.track.set_lane_plays(int(item.get("I_FIXEDLANE")), int(value))
    else:
        item.set(name, value)
    item.track.project.touch()
    return True


def info_string(c: Call, item: Item, name: str, value: str, is_set: bool) -> tuple[bool, str]:
    if name == "GUID":
        if is_set:
            item.lines.set_line(f"IGUID {value}")
        return True, item.guid
    if name == "P_NOTES" and not is_set:
        notes = item.lines.blocks("NOTES")
        return True, "\n".join(str(n)[1:] for n in notes[0].children) if notes else ""
    if name.startswith("P_EXT:"):
        key = "EXT_" + name[6:]
        if is_set:
            item.lines.set_line(f"{key} {quoted(value)}")
        return item.lines.has(key), item.lines.string(key, 0)
    raise NotImplementedError(f"item string {name}")


def set_chunk(c: Call, item: Item, text: str, _undo: bool | None) -> bool:
    try:
        item.load(text)
    except MalformedChunkError:
        return False
    item.track.project.touch()
    return True


def move(c: Call, item: Item, track: Track) -> bool:
    if item.track.project is not track.project:
        return False
    item.track.items.remove(item)
    item.track = track
    track.items.append(item)
    track.project.touch()
    return True


def split(c: Call, item: Item, position: float) -> Item | None:
    start, length = item.get("D_POSITION"), item.get("D_LENGTH")
    if not start < position < start + length:
        return None
    right = Item(item.track, item.chunk())
    for fresh in [right, *[t for t in right.takes if t is not None]]:
        lines: Lines = fresh.lines
        key = "IGUID" if fresh is right else "GUID"
        from reaper_sim.ids import new_guid

        lines.set_line(f"{key} {new_guid()}")
    item.set("D_LENGTH", position - start)
    item.set("D_FADEOUTLEN", 0)
    right.set("D_POSITION", position)
    right.set("D_LENGTH", start + length - position)
    right.set("D_FADEINLEN", 0)
    for take in right.takes:
        if take is not None:
            shift = (position - start) * take.get("D_PLAYRATE")
            take.set("D_STARTOFFS", take.get("D_STARTOFFS") + shift)
    item.track.items.insert(item.track.items.index(item) + 1, right)
    item.track.project.touch()
    return right


def set_length(c: Call, item: Item, value: float, _refresh: bool) -> bool:
    return set_value(c, item, "D_LENGTH", value)


def set_position(c: Call, item: Item, value: float, _refresh: bool) -> bool:
    return set_value(c, item, "D_POSITION", value)


def select(c: Call, item: Item, on: bool) -> None:
    item.set("B_UISEL", int(on))


def select_all(c: Call, project: Project | None, on: bool) -> None:
    for item in c.project(project).items:
        item.set("B_UISEL", int(on))


def by_guid(c: Call, project: Project | None, guid: str) -> Item | None:
    return next((item for item in c.project(project).items if item.guid == guid), None)


API = {
    "CountMediaItems": lambda c, p: len(c.project(p).items),
    "GetMediaItem": lambda c, p, index: at(c.project(p).items, index),
    "CountSelectedMediaItems": lambda c, p: len(selected(c.project(p))),
    "GetSelectedMediaItem": lambda c, p, index: at(selected(c.project(p)), index),
    "IsMediaItemSelected": lambda c, item: bool(item.get("B_UISEL")),
    "SetMediaItemSelected": select,
    "SelectAllMediaItems": select_all,
    "AddMediaItemToTrack": add,
    "DeleteTrackMediaItem": delete,
    "MoveMediaItemToTrack": move,
    "SplitMediaItem": split,
    "GetMediaItemTrack": lambda c, item: item.track,
    "GetMediaItem_Track": lambda c, item: item.track,
    "GetMediaItemInfo_Value": get_value,
    "SetMediaItemInfo_Value": set_value,
    "GetSetMediaItemInfo_String": info_string,
    "SetMediaItemLength": set_length,
    "SetMediaItemPosition": set_position,
    "GetItemStateChunk": lambda c, item, _s, _u: (True, item.chunk()),
    "SetItemStateChunk": set_chunk,
    "UpdateItemInProject": lambda c, item: None,
    "UpdateItemLanes": lambda c, p: True,
    "GetItemProjectContext": lambda c, item: item.track.project,
    "GetDisplayedMediaItemColor": lambda c, item: int(item.get("I_CUSTOMCOLOR")),
    "BR_GetMediaItemByGUID": by_guid,
    "BR_GetMediaItemGUID": lambda c, item: item.guid,
}
