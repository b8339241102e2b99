"""Undo by whole snapshots: the text of all tracks, items and sends, and who they were."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reaper_sim.items import Item

if TYPE_CHECKING:
    from reaper_sim.project import Project, Send
    from reaper_sim.tracks import Track

TRACKS, ITEMS = 1, 4


@dataclass(frozen=True)
class Snapshot:
    tracks: tuple[tuple[Track, str, tuple[tuple[Item, str], ...]], ...]
    sends: tuple[Send, ...]

    @property
    def state(self) -> tuple[object, ...]:
        """What can be compared; selections are no change, as in REAPER's default."""
        tracks = [(_plain(text), *(_plain(t) for _, t in items)) for _, text, items in self.tracks]
        return (tuple(tracks), self.sends)

    def changed(self, other: Snapshot) -> int:
        """The flags of what differs."""
        flags = 0
        if [_plain(t[1]) for t in self.tracks] != [_plain(t[1]) for t in other.tracks]:
            flags |= TRACKS
        mine = [[_plain(text) for _, text in items] for _, _, items in self.tracks]
        theirs = [[_plain(text) for _, text in items] for _, _, items in other.tracks]
        if [m for m in mine if m] != [t for t in theirs if t]:
            flags |= ITEMS
        return flags


def _plain(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.startswith("SEL "))


def take_snapshot(project: Project) -> Snapshot:
    tracks = tuple(
        (
            track,
            track.chunk(with_items=False),
            tuple((item, item.chunk()) for item in track.items),
        )
        for track in project.tracks
    )
    return Snapshot(tracks, tuple(replace(send) for send in project.sends))


def restore(project: Project, snapshot: Snapshot) -> None:
    """Tracks keep their pointers; an item that changed comes back as another one, as in REAPER."""
    for track in project.tracks:
        track.alive = False
        for item in track.items:
            item.alive = False
    project.tracks = [track for track, _, _ in snapshot.tracks]
    for track, text, items in snapshot.tracks:
        track.alive = True
        was = {id(item): item.chunk() for item in track.items}
        track.load(text, with_items=False)
        track.items = []
        for item, chunk in items:
            same = was.get(id(item)) == chunk
            kept = item if same else Item(track, chunk)
            kept.alive = True
            for take in kept.takes:
                if take is not None:
                    take.alive = True
            track.items.append(kept)
    project.sends = [replace(send) for send in snapshot.sends]


@dataclass
class Undo:
    """The undo stack of one project."""

    project: Project
    depth: int = 0
    done: list[tuple[str, Snapshot, Snapshot]] = field(default_factory=list)
    undone: list[tuple[str, Snapshot, Snapshot]] = field(default_factory=list)
    _before: Snapshot | None = None
    _marked: Snapshot | None = None

    @property
    def labels(self) -> list[str]:
        return [label for label, _, _ in self.done]

    def begin(self) -> None:
        if self.depth == 0:
            self._before = take_snapshot(self.project)
        self.depth += 1

    def end(self, label: str, flags: int) -> str:
        """Close a block; the sentence says what is wrong, and is empty where nothing is."""
        if self.depth == 0:
            return "Undo_EndBlock without Undo_BeginBlock"
        self.depth -= 1
        if self.depth:
            return ""
        before, after = self._before, take_snapshot(self.project)
        assert before is not None
        if before.state == after.state:
            return ""
        missing = before.changed(after) & ~flags
        self.push(label, before, after)
        return f"the undo flags {flags} leave out changes {missing}" if missing else ""

    def push(self, label: str, before: Snapshot, after: Snapshot) -> None:
        self.done.append((label, before, after))
        self.undone.clear()
        self._marked = after

    def undo(self) -> bool:
        if not self.done:
            return False
        label, before, _ = self.done.pop()
        self.undone.append((label, before, take_snapshot(self.project)))
        restore(self.project, before)
        self._marked = take_snapshot(self.project)
        return True

    def redo(self) -> bool:
        if not self.undone:
            return False
        label, before, after = self.undone.pop()
        restore(self.project, after)
        self.done.append((label, before, after))
        self._marked = take_snapshot(self.project)
        return True

    def mark(self) -> None:
        """From here on, changes without an undo step count as unrecorded."""
        self._marked = take_snapshot(self.project)

    def unrecorded(self) -> bool:
        return self._marked is not None and self._marked.state != take_snapshot(self.project).state
