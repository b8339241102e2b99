"""Where the stem tracks go, and what becomes of the folders around them.

A project's folders are a running sum: a track of depth 1 opens a folder for what follows, one
of depth -n is the last in n of them. The final order and depths are settled first; then each
new track is inserted at its final place in ascending order, so that every index holds when its
operation comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stemlift.reaper.facts import Layout, Track
from stemlift.reaper.looks import colour, joined, title
from stemlift.reaper.plan import InsertTrack, SetTrackDepth


@dataclass(frozen=True, slots=True)
class Place:
    """A track in the final order; new: the operation that makes it."""

    id: str
    depth: int
    new: InsertTrack | None = None


def track_key(track: str, stem: str) -> str:
    """The key of the track for a stem of the items of `track`."""
    return f"{track}/{stem}"


def lay_out(
    tracks: Sequence[Track], stems: Mapping[str, Sequence[str]], layout: Layout
) -> tuple[list[SetTrackDepth], list[InsertTrack]]:
    """The operations that make the stem tracks.

    tracks: all of the project, in order. stems: by the GUID of the source track.

    Carry out the depths first, then the new tracks as they come.
    """
    places = [Place(track.guid, track.depth) for track in tracks]
    for track in tracks:
        names = stems.get(track.guid)
        if names and layout is not Layout.TAKES:
            add = _inside if layout is Layout.FOLDER else _after
            places = add(places, track, names)
    before = {track.guid: track.depth for track in tracks}
    depths = [
        SetTrackDepth(track=place.id, depth=place.depth)
        for place in places
        if place.new is None and place.depth != before[place.id]
    ]
    inserts = [
        place.new.model_copy(update={"index": index, "depth": place.depth})
        for index, place in enumerate(places)
        if place.new is not None
    ]
    return depths, inserts


def tracks_there(
    tracks: Sequence[Track], stems: Mapping[str, Sequence[str]], layout: Layout
) -> dict[str, str]:
    """GUIDs of tracks that earlier stems of the same source tracks lie on, by their keys.

    Such a track is where `lay_out` puts it, with the name and the colour that it gives; one that
    the user renamed, coloured or moved elsewhere is the user's own.
    """
    found: dict[str, str] = {}
    for track in tracks:
        near = list(_near(tracks, track, layout))
        for stem in stems.get(track.guid, ()):
            name = title(stem) if layout is Layout.FOLDER else joined(track.name, stem)
            same = (t for t in near if t.name == name and t.colour == colour(stem))
            if (there := next(same, None)) is not None:
                found[track_key(track.guid, stem)] = there.guid
    return found


def _near(tracks: Sequence[Track], track: Track, layout: Layout) -> Iterator[Track]:
    """The tracks directly in the folder that `track` is, or those after it beside it."""
    if layout is Layout.TAKES or (layout is Layout.FOLDER and track.depth < 1):
        return
    wanted = 1 if layout is Layout.FOLDER else 0
    level = track.depth
    for following in tracks[track.index + 1 :]:
        if level < wanted:
            return
        if level == wanted:
            yield following
        level += following.depth


def _inside(places: list[Place], track: Track, stems: Sequence[str]) -> list[Place]:
    """The source track becomes the parent; if it is one, the stems become its first children."""
    at = _index(places, track.guid)
    depth = places[at].depth
    last = 0 if depth >= 1 else depth - 1
    parent = replace(places[at], depth=max(depth, 1))
    new = [_new(track, stem, title(stem)) for stem in stems]
    new[-1] = replace(new[-1], depth=last)
    return [*places[:at], parent, *new, *places[at + 1 :]]


def _after(places: list[Place], track: Track, stems: Sequence[str]) -> list[Place]:
    """After the source track and, if it is a parent, its folder; folders that ended there end
    with the last stem."""
    at = _index(places, track.guid)
    level, end = 0, at
    for end in range(at, len(places)):
        level += places[end].depth
        if level <= 0:
            break
    kept = replace(places[end], depth=places[end].depth - level)
    new = [_new(track, stem, joined(track.name, stem), copy=True) for stem in stems]
    # A folder that the project never closes (level > 0) ends with its last track.
    new[-1] = replace(new[-1], depth=min(level, 0))
    return [*places[:end], kept, *new, *places[end + 1 :]]


def _new(track: Track, stem: str, name: str, *, copy: bool = False) -> Place:
    key = track_key(track.guid, stem)
    return Place(
        key,
        0,
        InsertTrack(
            key=key,
            index=0,
            name=name,
            colour=colour(stem),
            depth=0,
            channels=max(2, track.channels + track.channels % 2),
            copy_from=track.guid if copy else "",
            source_track=track.guid,
        ),
    )


def _index(places: Sequence[Place], id: str) -> int:  # noqa: A002
    return next(index for index, place in enumerate(places) if place.id == id)
