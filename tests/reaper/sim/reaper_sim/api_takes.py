"""Takes, their sources, stretch markers and envelopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reaper_sim.api_tracks import at
from reaper_sim.chunks import Block, MalformedChunkError, fields, parse
from reaper_sim.contract import ApiError
from reaper_sim.ids import Handle
from reaper_sim.items import TAKE_ENVELOPES, TAKE_VALUES, Take
from reaper_sim.sources import Source, file_block
from reaper_sim.tracks import FX_KINDS

if TYPE_CHECKING:
    from reaper_sim.items import Item
    from reaper_sim.project import Project
    from reaper_sim.simulator import Call


class Envelope(Handle):
    """An envelope of a take."""

    ctype = "TrackEnvelope*"

    def __init__(self, take: Take, block: Block) -> None:
        super().__init__()
        self.take = take
        self.block = block

    def points(self) -> list[list[str]]:
        return [fields(str(c))[1:] for c in self.block.children if str(c).startswith("PT ")]


def get_take(c: Call, item: Item, index: int) -> Take | None:
    return at(item.takes, index)


def get_value(c: Call, take: Take, name: str) -> Any:
    if name == "P_ITEM":
        return take.item
    if name == "P_TRACK":
        return take.item.track
    if name == "P_SOURCE":
        return take.source
    if name not in TAKE_VALUES and name != "IP_TAKENUMBER":
        raise NotImplementedError(f"take attribute {name}")
    return take.get(name)


def set_value(c: Call, take: Take, name: str, value: float) -> bool:
    if name == "IP_TAKENUMBER":
        raise ApiError(f"{name} is read-only")
    if name not in TAKE_VALUES:
        raise NotImplementedError(f"take attribute {name}")
    take.set(name, value)
    take.item.track.project.touch()
    return True


def info_string(c: Call, take: Take, name: str, value: str, is_set: bool) -> tuple[bool, str]:
    if name == "P_NAME":
        if is_set:
            take.name = value
            take.item.track.project.touch()
        return True, take.name
    if name == "GUID":
        if is_set:
            take.lines.set_line(f"GUID {value}")
        return True, take.guid
    raise NotImplementedError(f"take string {name}")


def add(c: Call, item: Item) -> Take:
    item.track.project.touch()
    return item.add_take()


def set_active(c: Call, take: Take) -> None:
    take.item.current = take.item.takes.index(take)
    take.item.track.project.touch()


def set_source(c: Call, take: Take, source: Source) -> bool:
    take.set_source(source.block)
    take.item.track.project.touch()
    return True


def by_guid(c: Call, project: Project | None, guid: str) -> Take | None:
    takes = [take for item in c.project(project).items for take in item.takes]
    return next((take for take in takes if take is not None and take.guid == guid), None)


def create_source(c: Call, path: str) -> Source | None:
    found = Source(file_block(path), None)
    return found if found.path is not None and found.path.is_file() else None


def file_name(c: Call, source: Source) -> str:
    """Of a section there is none: climb to its parent."""
    if source.is_section:
        return ""
    return str(source.path) if source.path else ""


def section_info(c: Call, source: Source) -> tuple[bool, float, float, bool]:
    return (source.is_section, *source.section()) if source.is_section else (False, 0, 0, False)


def marker(c: Call, take: Take, index: int) -> tuple[int, float, float]:
    found = at(take.stretch_markers(), index)
    return (-1, 0.0, 0.0) if found is None else (index, found[0], found[1])


def set_marker(c: Call, take: Take, index: int, position: float, source: float | None) -> int:
    markers = take.stretch_markers()
    if source is None:
        source = take.get("D_STARTOFFS") + position
    if index < 0:
        markers.append((position, source, 0.0))
    elif index < len(markers):
        markers[index] = (position, source, markers[index][2])
    else:
        return -1
    take.set_stretch_markers(markers)
    return sorted(markers).index((position, source, 0.0 if index < 0 else markers[index][2]))


def effects(take: Take) -> list[Block]:
    return [fx for chain in take.lines.blocks("TAKEFX") for fx in chain.blocks(*FX_KINDS)]


def envelopes(take: Take) -> list[Envelope]:
    known = take.__dict__.setdefault("envelope_handles", {})
    blocks = take.lines.blocks(*TAKE_ENVELOPES.values())
    return [known.setdefault(id(block), Envelope(take, block)) for block in blocks]


def envelope_by_name(c: Call, take: Take, name: str) -> Envelope | None:
    key = TAKE_ENVELOPES.get(name)
    return next((e for e in envelopes(take) if e.block.key == key), None)


def envelope_name(c: Call, envelope: Envelope) -> tuple[bool, str]:
    return True, {v: k for k, v in TAKE_ENVELOPES.items()}[envelope.block.key]


def point(c: Call, envelope: Envelope, index: int) -> tuple[object, ...]:
    found = at(envelope.points(), index)
    if found is None:
        return False, 0.0, 0.0, 0, 0.0, False
    return True, float(found[0]), float(found[1]), int(float(found[2])), 0.0, False


def set_envelope_chunk(c: Call, envelope: Envelope, text: str, _undo: bool | None) -> bool:
    try:
        block = parse(text)
    except MalformedChunkError:
        return False
    envelope.block.header, envelope.block.children = block.header, block.children
    envelope.take.item.track.project.touch()
    return True


def metadata(c: Call, source: Source, identifier: str) -> tuple[int, str]:
    """Only the time reference of Broadcast WAV; see `bext` in EBU Tech 3285."""
    path = source.bottom.path
    if identifier != "BWF:TimeReference":
        raise NotImplementedError(f"GetMediaFileMetadata {identifier}")
    if path is None or not path.is_file():
        return 0, ""
    data = path.read_bytes()[:65536]
    at = data.find(b"bext")
    if not data.startswith((b"RIFF", b"RF64")) or at < 0:
        return 0, ""
    return 1, str(int.from_bytes(data[at + 8 + 338 : at + 8 + 346], "little"))


API = {
    "CountTakes": lambda c, item: len(item.takes),
    "GetMediaItemNumTakes": lambda c, item: len(item.takes),
    "GetTake": get_take,
    "GetMediaItemTake": get_take,
    "GetActiveTake": lambda c, item: item.active,
    "SetActiveTake": set_active,
    "AddTakeToMediaItem": add,
    "GetTakeName": lambda c, take: take.name,
    "GetMediaItemTake_Item": lambda c, take: take.item,
    "GetMediaItemTake_Track": lambda c, take: take.item.track,
    "GetMediaItemTake_Source": lambda c, take: take.source,
    "SetMediaItemTake_Source": set_source,
    "GetMediaItemTakeByGUID": by_guid,
    "GetMediaItemTakeInfo_Value": get_value,
    "SetMediaItemTakeInfo_Value": set_value,
    "GetSetMediaItemTakeInfo_String": info_string,
    "TakeIsMIDI": lambda c, take: take.source is not None and take.source.bottom.kind == "MIDI",
    "GetMediaSourceFileName": file_name,
    "GetMediaSourceLength": lambda c, source: (source.length, source.kind == "MIDI"),
    "GetMediaSourceNumChannels": lambda c, source: source.info()[2],
    "GetMediaSourceSampleRate": lambda c, source: source.info()[1],
    "GetMediaSourceType": lambda c, source: source.kind,
    "GetMediaSourceParent": lambda c, source: source.inner,
    "PCM_Source_GetSectionInfo": section_info,
    "PCM_Source_CreateFromFile": create_source,
    "PCM_Source_CreateFromFileEx": lambda c, path, _midi: create_source(c, path),
    "PCM_Source_Destroy": lambda c, source: None,
    "PCM_Source_BuildPeaks": lambda c, source, _mode: 0,
    "GetMediaFileMetadata": metadata,
    "CF_GetMediaSourceOnline": lambda c, source: source.online,
    "GetTakeNumStretchMarkers": lambda c, take: len(take.stretch_markers()),
    "GetTakeStretchMarker": marker,
    "SetTakeStretchMarker": set_marker,
    "GetTakeStretchMarkerSlope": lambda c, take, i: (at(take.stretch_markers(), i) or [0] * 3)[2],
    "TakeFX_GetCount": lambda c, take: len(effects(take)),
    "CountTakeEnvelopes": lambda c, take: len(envelopes(take)),
    "GetTakeEnvelope": lambda c, take, index: at(envelopes(take), index),
    "GetTakeEnvelopeByName": envelope_by_name,
    "GetEnvelopeName": envelope_name,
    "CountEnvelopePoints": lambda c, envelope: len(envelope.points()),
    "GetEnvelopePoint": point,
    "GetEnvelopeStateChunk": lambda c, envelope, _s, _u: (True, envelope.block.text()),
    "SetEnvelopeStateChunk": set_envelope_chunk,
}
