"""What a user should know before stems come: plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stemlift.reaper.facts import Layout, Original, Request, TakeFx
from stemlift.reaper.naming import pure
from stemlift.reaper.selection import Wanted


def notices(request: Request, wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """Each sentence once, those of items first."""
    said = [text for one in wanted for text in _of_item(request, one)]
    return tuple(dict.fromkeys([*said, *_of_tracks(request, wanted)]))


def _of_item(request: Request, one: Wanted) -> Iterator[str]:
    choices = request.choices
    if one.take.has_fx:
        if choices.take_fx is TakeFx.COPY:
            yield (
                f"{one.title} has take effects. Each stem gets a copy of them; an effect such as"
                " a compressor does not do the same to each stem as to the mix."
            )
        else:
            yield f"{one.title} has take effects, which the stems do not get."
    count = sum(1 for take in one.whole.takes if take.source is not None)
    if count > 1:
        if one.whole.number("ALLTAKES"):
            yield (
                f"{one.title} plays all of its {count} takes. Only the active one is separated"
                f"{_of_other_takes(request)}."
            )
        else:
            yield f"{one.title} has {count} takes. The active one is separated."
    if one.take.entry("SAMPLEEDITS") is not None:
        yield f"{one.title} has edited samples. The stems come from the file without the edits."
    if one.channels.stays or (one.source.channels > 2 and one.channels.mode == "all"):
        yield (
            f"{pure(one.source.path).name} has {one.source.channels} channels."
            " Pairs and single channels of it are separated each on its own."
        )
    yield from _of_span(one)


def _of_span(one: Wanted) -> Iterator[str]:
    """Why all of a file is separated, where that may be more than the item plays."""
    what = one.what
    if not one.span.whole or what.section is not None or what.file_length is None:
        return
    if what.markers:
        why = "has stretch markers"
    elif what.edits:
        why = "has spectral edits"
    elif what.offset >= 0 and what.offset + what.length * what.rate <= what.file_length:
        # It plays nearly all or no more than to the end: nothing that a person would ask about.
        return
    else:
        why = "loops its file"
    yield f"{one.title} {why}, so all of {pure(one.source.path).name} is separated."


def _of_tracks(request: Request, wanted: Sequence[Wanted]) -> Iterator[str]:
    if request.choices.layout is not Layout.FLAT:
        return
    used = {one.item.track for one in wanted}
    for track in request.tracks:
        if track.guid not in used:
            continue
        name = track.name or f"track {track.index + 1}"
        parts = [("effects", track.has_fx), ("envelopes", track.has_envelopes)]
        if there := " and ".join(part for part, is_there in parts if is_there):
            yield (
                f"The {there} of {name} do not act on its stems, which lie beside it."
                " In a folder they would."
            )


def _of_other_takes(request: Request) -> str:
    if request.choices.layout is Layout.TAKES:
        return ", and one take is heard at a time from now on"
    return "; the others fall silent with it" if request.choices.original is Original.MUTE else ""
