"""From wanted items and the files of their stems to the operations in the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.chunk import quoted
from stemlift.reaper.clone import Guids, NewSource, stem_item, with_stem_takes
from stemlift.reaper.facts import Layout, Original, Request
from stemlift.reaper.looks import joined
from stemlift.reaper.naming import file_entry, pure
from stemlift.reaper.plan import (
    ImportPlan,
    InsertItem,
    ItemState,
    MuteItem,
    Operation,
    PlannedJob,
    ReplaceItem,
)
from stemlift.reaper.ranges import END_SLACK
from stemlift.reaper.selection import Wanted, cycles
from stemlift.reaper.tracks import lay_out, track_key, tracks_there
from stemlift.reaper.trim import Window, muted, new_identity, trimmed

SAME_LENGTH = 0.001
"""Seconds by which REAPER and the server may see the length of a file differently."""


class Separated(Protocol):
    """What a job gave; `rpc.results.SeparationResult` is one.

    stems: files by stem, in order. start_frame, frames: the range that they hold, at
    sample_rate, which is the file's.
    """

    @property
    def stems(self) -> Mapping[str, PurePath]: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def start_frame(self) -> int: ...
    @property
    def frames(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Supply:
    """An item with the job that gives its stems, and what that gave."""

    wanted: Wanted
    job: PlannedJob
    result: Separated

    @property
    def shift(self) -> float:
        return self.result.start_frame / self.result.sample_rate


def import_plan(
    request: Request, supplies: Sequence[Supply], guids: Guids, *, join: bool = False
) -> ImportPlan:
    """The import of these stems.

    join: put them on the tracks of earlier stems of the same source track, where there are any.

    Operations in order: depths of tracks that are there, new tracks at ascending places, then
    item after item its parts and stems, last the muting.

    Raises:
        StemliftError: FILE_CHANGED when the stems do not hold what an item plays,
            PATH_UNSUPPORTED for a path that a chunk cannot hold.
    """
    for supply in supplies:
        _check_range(supply)
    stems: dict[str, list[str]] = {}
    for supply in supplies:
        names = stems.setdefault(supply.wanted.item.track, [])
        names += [stem for stem in supply.result.stems if stem not in names]
    layout = request.choices.layout
    there = tracks_there(request.tracks, stems, layout) if join else {}
    lacking = {
        track: [stem for stem in names if track_key(track, stem) not in there]
        for track, names in stems.items()
    }
    depths, tracks = lay_out(request.tracks, lacking, layout)
    operations: list[Operation] = [*depths, *tracks]
    for supply in supplies:
        operations += _of_item(request, supply, there, guids)
    operations += [
        MuteItem(item=supply.wanted.item.guid)
        for supply in supplies
        if _mutes(request) and supply.wanted.part is None and not supply.wanted.whole.muted
    ]
    return ImportPlan(
        expects=tuple(
            ItemState(item=one.guid, track=one.track, fingerprint=one.chunk)
            for one in (supply.wanted.item for supply in supplies)
        ),
        operations=tuple(operations),
        undo_label=_label(request, len(supplies)),
        notices=tuple(dict.fromkeys(text for one in supplies for text in _length_notice(one))),
    )


def _of_item(
    request: Request, supply: Supply, there: Mapping[str, str], guids: Guids
) -> Iterator[Operation]:
    """there: GUIDs of tracks for stems that are there already, by their keys."""
    one, choices = supply.wanted, request.choices
    stems = [
        (stem, _new_source(request, supply, path), joined(one.take.name, stem))
        for stem, path in supply.result.stems.items()
    ]
    middle = one.chunk
    if choices.layout is Layout.TAKES:
        middle = with_stem_takes(
            middle,
            one.active,
            [(new, name) for _, new, name in stems],
            choices.take_fx,
            guids,
            play_first=choices.original is Original.MUTE,
        )
    elif _mutes(request) and one.part is not None:
        middle = muted(middle)
    if middle is not one.whole and _changes(request):
        yield ReplaceItem(item=one.item.guid, chunk=middle.raw)
        yield from _parts(one, guids)
    if choices.layout is not Layout.TAKES:
        for stem, new, name in stems:
            key = track_key(one.item.track, stem)
            yield InsertItem(
                track_key=there.get(key, key),
                chunk=stem_item(one.chunk, one.active, new, name, choices.take_fx, guids),
            )


def _parts(one: Wanted, guids: Guids) -> Iterator[Operation]:
    """The item before and after the part that gets stems, as items of their own."""
    if one.part is None:
        return
    whole, part = one.whole, one.part
    end = whole.position + whole.length
    for start, stop in ((whole.position, part.start), (part.end, end)):
        if stop > start:
            rest = trimmed(whole, Window(start, stop), cycles(one.active, one.what))
            rest = new_identity(rest, guids)
            yield InsertItem(track_key=one.item.track, chunk=rest.raw)


def _new_source(request: Request, supply: Supply, path: PurePath) -> NewSource:
    one = supply.wanted
    file = file_entry(str(path), request.project.path)
    quoted(file)
    partial = supply.job.start_frame != 0 or supply.job.frames != 0
    return NewSource(
        file=file,
        shift=supply.shift,
        cut=partial and one.what.section is None,
        chanmode=one.channels.stays,
    )


def _check_range(supply: Supply) -> None:
    """Hold the range that came against the one that the item plays, in seconds."""
    one, result = supply.wanted, supply.result
    rate = one.source.sample_rate
    if rate <= 0 or one.span.end is None:
        return
    late = supply.shift - one.span.start / rate
    short = one.span.end / rate - (result.start_frame + result.frames) / result.sample_rate
    if late > 0.5 / rate or short > END_SLACK:
        raise StemliftError(
            Reason.FILE_CHANGED,
            f"The stems of {one.source.path} do not hold all that {one.title} plays: the file is"
            " another one than REAPER told, or has another sample rate.",
            "Let REAPER read the file again (set it offline and online), then separate the items"
            " again.",
        )


def _length_notice(supply: Supply) -> Iterator[str]:
    """Decoders differ in what they leave out at the start of a compressed file without tags.

    Only a range to the end of the file tells the length that the server sees.
    """
    source, result = supply.wanted.source, supply.result
    if supply.job.frames or not source.length:
        return
    ours = (result.start_frame + result.frames) / result.sample_rate
    apart = abs(ours - source.length)
    if apart > SAME_LENGTH:
        yield (
            f"REAPER plays {pure(source.path).name} {apart * 1000:.0f} ms "
            f"{'longer' if source.length > ours else 'shorter'} than Stemlift, so its stems may"
            " lie as much beside it. Turn the file into a WAV in REAPER for an exact fit."
        )


def _mutes(request: Request) -> bool:
    choices = request.choices
    return choices.original is Original.MUTE and choices.layout is not Layout.TAKES


def _changes(request: Request) -> bool:
    """Whether the original items are touched at all."""
    return request.choices.layout is Layout.TAKES or _mutes(request)


def _label(request: Request, count: int) -> str:
    what = "item" if count == 1 else f"{count} items"
    where = "takes" if request.choices.layout is Layout.TAKES else "tracks"
    return f"Stemlift: separate {what} to {where}"
