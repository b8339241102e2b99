"""Tracks, sends and effects of tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reaper_sim.chunks import MalformedChunkError, quoted
from reaper_sim.contract import ApiError
from reaper_sim.project import Send
from reaper_sim.tracks import NO_COLOUR, TRACK_VALUES, Track

if TYPE_CHECKING:
    from reaper_sim.project import Project
    from reaper_sim.simulator import Call

SEND_VALUES = {
    "B_MUTE": "mute",
    "B_PHASE": "phase",
    "B_MONO": "mono",
    "D_VOL": "volume",
    "D_PAN": "pan",
    "I_SENDMODE": "mode",
    "I_SRCCHAN": "source_channel",
    "I_DSTCHAN": "target_channel",
}
SEND_REST = {"D_PANLAW": 0, "I_MIDIFLAGS": 1, "I_AUTOMODE": 2}
"""Places in the end of an AUXRECV line, which is kept but not heard."""

READ_ONLY = ("IP_TRACKNUMBER", "I_NUMFIXEDLANES")


def at(values: list[Any], index: int) -> Any:
    return values[index] if 0 <= index < len(values) else None


def insert(c: Call, proj: Project | None, index: int, flags: int) -> None:
    project = c.project(proj)
    place = max(0, min(index, len(project.tracks)))
    effects = c.sim.default_effects if flags & 1 else ()
    project.add_track(at=place, effects=effects)
    project.touch()


def delete(c: Call, track: Track) -> None:
    track.project.remove_track(track)
    track.project.touch()


def known(track: Track, name: str) -> None:
    if not (name in TRACK_VALUES or name in (*READ_ONLY, "I_FOLDERDEPTH") or "LANEPLAYS:" in name):
        raise NotImplementedError(f"track attribute {name}")


def get_value(c: Call, track: Track, name: str) -> float:
    known(track, name)
    return track.get(name)


def set_value(c: Call, track: Track, name: str, value: float) -> bool:
    known(track, name)
    if name in READ_ONLY:
        raise ApiError(f"{name} is read-only")
    track.set(name, value)
    track.project.touch()
    return True


def info_string(c: Call, track: Track, name: str, value: str, is_set: bool) -> tuple[bool, str]:
    if name == "P_NAME":
        if is_set:
            track.name = value
            track.project.touch()
        return True, track.name
    if name == "GUID":
        if is_set:
            track.lines.set_line(f"TRACKID {value}")
        return True, track.guid
    if name.startswith("P_LANENAME:"):
        return False, ""
    if name.startswith("P_EXT:"):
        key = "EXT_" + name[6:]
        if is_set:
            track.lines.set_line(f"{key} {quoted(value)}")
        return track.lines.has(key), track.lines.string(key, 0)
    raise NotImplementedError(f"track string {name}")


def get_name(c: Call, track: Track) -> tuple[bool, str]:
    if track is track.project.master:
        return True, "MASTER"
    return True, track.name or f"Track {track.index + 1}"


def set_chunk(c: Call, track: Track, text: str, _undo: bool | None) -> bool:
    try:
        track.load(text)
    except MalformedChunkError:
        return False
    track.project.touch()
    return True


def sends(track: Track, category: int) -> list[Send]:
    if category == 0:
        return [s for s in track.project.sends if s.source is track]
    if category < 0:
        return [s for s in track.project.sends if s.target is track]
    return []


def num_sends(c: Call, track: Track, category: int) -> int:
    if category > 0:
        return len([x for x in track.lines.children if str(x).startswith("HWOUT ")])
    return len(sends(track, category))


def send_value(c: Call, track: Track, category: int, index: int, name: str) -> float:
    send = at(sends(track, category), index)
    if name == "P_DESTTRACK":
        return send.target
    if name == "P_SRCTRACK":
        return send.source
    if name in SEND_REST:
        return float(send.rest.split()[SEND_REST[name]].split(":")[0]) if send else 0.0
    if name not in SEND_VALUES:
        raise NotImplementedError(f"send attribute {name}")
    return float(getattr(send, SEND_VALUES[name])) if send else 0.0


def set_send(c: Call, track: Track, category: int, index: int, name: str, value: float) -> bool:
    send = at(sends(track, category), index)
    if send is None:
        return False
    if name in SEND_REST:
        words = send.rest.split()
        words[SEND_REST[name]] = f"{value:g}:U" if name == "D_PANLAW" else f"{value:g}"
        send.rest = " ".join(words)
        return True
    if name not in SEND_VALUES:
        raise NotImplementedError(f"send attribute {name}")
    kind = type(getattr(send, SEND_VALUES[name]))
    setattr(send, SEND_VALUES[name], kind(value))
    track.project.touch()
    return True


def remove_send(c: Call, track: Track, category: int, index: int) -> bool:
    send = at(sends(track, category), index)
    if send is None:
        return False
    track.project.sends = [s for s in track.project.sends if s is not send]
    track.project.touch()
    return True


def create_send(c: Call, track: Track, target: Track | None) -> int:
    if target is None:
        track.lines.children.append("HWOUT 0 0 1 0 0 0 0 -1:U -1")
        return num_sends(c, track, 1) - 1
    track.project.add_send(track, target)
    track.project.touch()
    return len(sends(track, 0)) - 1


def colour(c: Call, track: Track) -> int:
    value = int(track.get("I_CUSTOMCOLOR"))
    return value if value & 0x1000000 else 0


def set_colour(c: Call, track: Track, value: int) -> None:
    track.set("I_CUSTOMCOLOR", value | 0x1000000 if value else NO_COLOUR)
    track.project.touch()


def selected(project: Project) -> list[Track]:
    return [track for track in project.tracks if track.get("I_SELECTED")]


def select(c: Call, track: Track, on: bool) -> None:
    track.set("I_SELECTED", int(on))


def select_only(c: Call, track: Track) -> None:
    for other in track.project.tracks:
        other.set("I_SELECTED", int(other is track))


def fx_name(c: Call, track: Track, index: int) -> tuple[bool, str]:
    fx = at(track.effects(), index)
    return (True, fx.header.split(" ")[1]) if fx else (False, "")


API = {
    "CountTracks": lambda c, p=None: len(c.project(p).tracks),
    "GetNumTracks": lambda c: len(c.sim.current.tracks),
    "GetTrack": lambda c, p, index: at(c.project(p).tracks, index),
    "GetMasterTrack": lambda c, p=None: c.project(p).master,
    "GetParentTrack": lambda c, track: track.parent,
    "GetTrackDepth": lambda c, track: track.project.depth_of(track),
    "GetTrackGUID": lambda c, track: track.guid,
    "GetTrackName": get_name,
    "GetMediaTrackInfo_Value": get_value,
    "SetMediaTrackInfo_Value": set_value,
    "GetSetMediaTrackInfo_String": info_string,
    "GetTrackStateChunk": lambda c, track, _s, _u: (True, track.chunk()),
    "SetTrackStateChunk": set_chunk,
    "InsertTrackAtIndex": lambda c, index, flags: insert(c, None, index, int(flags)),
    "InsertTrackInProject": insert,
    "DeleteTrack": delete,
    "GetTrackNumMediaItems": lambda c, track: len(track.items),
    "CountTrackMediaItems": lambda c, track: len(track.items),
    "GetTrackMediaItem": lambda c, track, index: at(track.items, index),
    "GetTrackNumSends": num_sends,
    "GetTrackSendInfo_Value": send_value,
    "SetTrackSendInfo_Value": set_send,
    "CreateTrackSend": create_send,
    "RemoveTrackSend": remove_send,
    "GetTrackColor": colour,
    "SetTrackColor": set_colour,
    "CountSelectedTracks": lambda c, p: len(selected(c.project(p))),
    "GetSelectedTrack": lambda c, p, index: at(selected(c.project(p)), index),
    "IsTrackSelected": lambda c, track: bool(track.get("I_SELECTED")),
    "SetTrackSelected": select,
    "SetOnlyTrackSelected": select_only,
    "TrackFX_GetCount": lambda c, track: len(track.effects()),
    "TrackFX_GetFXName": fx_name,
    "TrackFX_GetRecCount": lambda c, track: 0,
    "CountTrackEnvelopes": lambda c, track: len(
        [b for b in track.lines.blocks() if b.key.endswith(("ENV", "ENV2", "ENV3"))]
    ),
    "GetTrackAutomationMode": lambda c, track: int(track.get("I_AUTOMODE")),
}
