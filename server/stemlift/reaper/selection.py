"""Which items can be separated, and what of their files; all others with the reason why not."""

from __future__ import annotations

from dataclasses import dataclass

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.chanmodes import Channels, from_mode
from stemlift.reaper.chunk import ChunkError
from stemlift.reaper.facts import Item, Request, Source
from stemlift.reaper.item_chunk import ItemChunk, Take, parse_item
from stemlift.reaper.naming import is_absolute, pure, same_file
from stemlift.reaper.plan import Skipped
from stemlift.reaper.playing import Playing, innermost, playing, source_kind
from stemlift.reaper.ranges import Span, needed_span
from stemlift.reaper.trim import Window, is_all, trimmed, window

_MIDI = {"MIDI", "MIDIPOOL"}
_SOUNDLESS = {"CLICK", "LTC", "VIDEOEFFECT"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item that gets stems.

    whole: its chunk. chunk: the part of it that gets them, cut at the time selection.
    part: that part, None where it is the whole item.
    span: the frames of the file that it plays.
    """

    item: Item
    source: Source
    whole: ItemChunk
    chunk: ItemChunk
    part: Window | None
    active: int
    what: Playing
    channels: Channels
    span: Span

    @property
    def take(self) -> Take:
        return self.chunk.takes[self.active]

    @property
    def title(self) -> str:
        return title(self.item, self.whole, self.active)

    @property
    def group(self) -> tuple[str, str, int, int]:
        """Items of the same file and channel map may share a job."""
        one = self.channels
        return same_file(self.source.path), one.mode, one.first, one.second


@dataclass(frozen=True, slots=True)
class Selection:
    """wanted: of the selected items; others: items that are not, are heard, and could have
    stems."""

    wanted: tuple[Wanted, ...]
    others: tuple[Wanted, ...]
    skipped: tuple[Skipped, ...]


def select(request: Request) -> Selection:
    """Sort the items of a request, in the order of their tracks and times.

    Raises:
        StemliftError: ARGUMENT_INVALID for a request that means nothing, naming the field.
    """
    places = _check(request)
    wanted: list[Wanted] = []
    others: list[Wanted] = []
    skipped: list[Skipped] = []
    for index, item in enumerate(request.items):
        try:
            found = _examine(request, index, item)
        except StemliftError:
            if item.selected:
                raise
            # Nobody asked for it.
            continue
        if isinstance(found, Skipped):
            if item.selected:
                skipped.append(found)
        elif item.selected:
            wanted.append(found)
        elif not found.whole.muted:
            # A muted one has its stems already, or nobody misses them.
            others.append(found)

    def order(one: Wanted) -> tuple[int, float]:
        return places[one.item.track], one.whole.position

    return Selection(
        tuple(sorted(wanted, key=order)), tuple(sorted(others, key=order)), tuple(skipped)
    )


def title(item: Item, chunk: ItemChunk, active: int) -> str:
    """What a person knows the item by: its take's name, its file's, or its time."""
    if active < len(chunk.takes) and chunk.takes[active].name:
        return chunk.takes[active].name
    if item.source is not None and item.source.path:
        return pure(item.source.path).name
    return f"the item at {chunk.position:.2f} s"


def cycles(active: int, what: Playing) -> dict[int, float]:
    """What `trimmed` needs to bring the offset of a looping take back into its first cycle.

    Nothing for a section: REAPER may round its length to frames, so that a whole cycle less
    would not be quite the same place.
    """
    return {} if what.section is not None or not what.file_length else {active: what.file_length}


def _examine(request: Request, index: int, item: Item) -> Wanted | Skipped:
    try:
        whole = parse_item(item.chunk)
    except ChunkError as error:
        raise invalid(
            f"items.{index}.chunk", f"what it is: it {error}", "an item's state chunk"
        ) from error
    active = whole.active(item.active_take)
    name = title(item, whole, active)

    def skip(reason: str, why: str) -> Skipped:
        sentence = f"{name[:1].upper()}{name[1:]} was left alone: {why}."
        return Skipped(item=item.guid, reason=reason, sentence=sentence)

    source = item.source
    take = whole.takes[active] if whole.takes else None
    if source is None or take is None or take.source is None:
        return skip("empty", "it is empty")
    inner = innermost(take.source)
    kinds = {source.kind.upper(), source_kind(take.source), source_kind(inner)}
    if "EMPTY" in kinds:
        return skip("empty", "its take is empty")
    if kinds & _MIDI:
        return skip("midi", "it plays MIDI, which is no sound yet")
    if "RPP_PROJECT" in kinds or pure(source.path).suffix.lower() == ".rpp":
        return skip("subproject", "it is a subproject")
    if not source.online or any(kind.startswith("_OFFLINE") for kind in kinds):
        return skip("offline", "its file is missing or offline")
    silenced = (line := inner.entry("AUDIO")) is not None and line.number(0, 1) == 0
    if kinds & _SOUNDLESS or not source.path or ("VIDEO" in kinds and silenced):
        return skip("no_audio", "it has no sound from a file")
    if source.kind.upper() == "VIDEO" and source.channels == 0:
        return skip("no_audio", "its video has no sound")
    if not is_absolute(source.path):
        raise invalid(f"items.{index}.source.path", repr(source.path), "an absolute path")
    if not item.lane_plays:
        return skip("lane", "its lane does not play")
    chunk, part = whole, None
    selection = request.project.time_selection
    if request.choices.within_time_selection and selection is not None:
        part = window(whole, selection)
        if part is None:
            return skip("outside", "it lies outside the time selection")
        if is_all(whole, part):
            part = None
        else:
            chunk = trimmed(whole, part, cycles(active, playing(whole, take, source.length)))
    what = playing(chunk, chunk.takes[active], source.length)
    span = needed_span(what, source.sample_rate)
    if span is None:
        return skip("outside", "it plays nothing of its file")
    channels = from_mode(int(take.number("CHANMODE")), source.channels)
    return Wanted(item, source, whole, chunk, part, active, what, channels, span)


def _check(request: Request) -> dict[str, int]:
    """Index of each track by GUID."""
    tracks = request.tracks
    if [track.index for track in tracks] != list(range(len(tracks))):
        raise invalid("tracks", "with gaps", "all tracks of the project, in its order, from 0")
    places = {track.guid: track.index for track in tracks}
    if len(places) != len(tracks):
        raise invalid("tracks", "twice the same", "each track once")
    if len({item.guid for item in request.items}) != len(request.items):
        raise invalid("items", "twice the same", "each item once")
    for index, item in enumerate(request.items):
        if item.track not in places:
            raise invalid(f"items.{index}.track", repr(item.track), "a GUID from tracks")
    folder = request.choices.media_folder
    if folder and not is_absolute(folder):
        raise invalid("choices.media_folder", repr(folder), "an absolute path, or nothing")
    if not folder and not is_absolute(request.project.media_folder):
        raise invalid(
            "project.media_folder", repr(request.project.media_folder), "an absolute path"
        )
    if request.project.path and not is_absolute(request.project.path):
        raise invalid("project.path", repr(request.project.path), "an absolute path, or nothing")
    if request.choices.remainder not in ("other", "separate", "off"):
        raise invalid(
            "choices.remainder", repr(request.choices.remainder), "other, separate or off"
        )
    if not all(request.choices.stems):
        raise invalid("choices.stems", "an empty name", "names of stems, or nothing for all")
    return places


def invalid(field: str, value: str, accepted: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID, f"{field} cannot be {value}.", f"Accepted: {accepted}."
    )
