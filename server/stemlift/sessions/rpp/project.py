"""A project that exists: read without losing a byte, extended at its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.chunk import Block, ChunkError, Line, Node, parse
from stemlift.reaper.clone import Guids
from stemlift.sessions.files import read_session, unreadable, write_session
from stemlift.sessions.media import FOLDER, Copies, require_media
from stemlift.sessions.rpp.lines import with_guids
from stemlift.sessions.rpp.mapping import session_of
from stemlift.sessions.rpp.tracks import bus, tracks_lines
from stemlift.sessions.timeline import Session, Track, checked

LARGEST = 128 << 20
"""Bytes of the largest project that is read: some hundred times those of a large one."""

DEEPEST = 64
"""Folders in folders of the deepest one; for blocks in blocks see `chunk.DEEPEST`."""

_BOM = "\ufeff"
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")


@dataclass(frozen=True, slots=True)
class RppProject:
    """A project file. data: its bytes when it was read; root: its lines as a tree.

    bom: the byte order mark that some editors put before the text, else "".
    """

    path: Path
    data: bytes
    root: Block
    bom: str = ""

    @property
    def session(self) -> Session:
        """What of it a session can say; the facts of its media are not known.

        No file that it names is opened: see `stemlift.sessions.media.with_facts`.
        """
        return session_of(self.root, self.path)

    @property
    def bytes(self) -> bytes:
        """The file as it would be saved; without a change, as it was read."""
        return (self.bom + self.root.raw).encode("utf-8", "surrogateescape")

    def added(self, tracks: Sequence[Track]) -> RppProject:
        """The project with new tracks behind its last one; nothing else in it changes.

        Only behind the last one, for sends count tracks from the first. One line does change
        where the project's last folder is never closed: there the track that was the last
        closes it now, or the new tracks would be heard through it.

        Raises:
            StemliftError: ARGUMENT_INVALID, MEDIA_MISSING, PATH_UNSUPPORTED.
        """
        session = checked(Session("", 48_000, tuple(tracks)))
        require_media(session)
        if not tracks:
            return self
        children = list(_closed(self.root.children))
        places = [i for i, node in enumerate(children) if _is_track(node)]
        at = places[-1] + 1 if places else _first_place(children)
        indent = _indent(children[places[-1]]) if places else "  "
        taken = {found.upper() for found in _GUID.findall(self.root.raw)}

        def written(guids: Guids) -> list[str]:
            blocks = tracks_lines(session.tracks, self.path, guids)
            return [line for block in blocks for line in block]

        lines = with_guids(written, taken)
        ending = self.root.ending
        children[at:at] = _parsed(f"{indent}{line}{ending}" for line in lines)
        return replace(self, root=self.root.with_children(children))

    def save(self, path: Path | None = None, *, force: bool = False) -> RppProject:
        """Write it over the file that was read, or to another one; as a whole or not at all.

        The new one is returned, so that more can be added to it. Media of another folder keep
        the names that they have in the project.

        Raises:
            StemliftError: FILE_CHANGED where the file was saved by somebody else since it was
                read, SESSION_EXISTS for another path without force, FILE_NOT_FOUND,
                FILE_UNREADABLE, OUTPUT_UNWRITABLE, DISK_FULL.
        """
        target = self.path if path is None else path.absolute()
        if target == self.path:
            if read_session(target, LARGEST) != self.data:
                raise StemliftError(
                    Reason.FILE_CHANGED,
                    f"{target} was saved by another program meanwhile.",
                    "Save and close it there, then try again.",
                )
            force = True
        data = self.bytes
        write_session(target, data, force=force)
        return replace(self, path=target, data=data)


def read_rpp(path: Path) -> RppProject:
    """Read a project file.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE; SESSION_UNREADABLE where it is no
            project of REAPER, damaged, too large or too deep.
    """
    path = path.absolute()
    data = read_session(path, LARGEST)
    # Older projects may be in the system's own encoding; their bytes come back as they were.
    text = data.decode("utf-8", "surrogateescape")
    bom = _BOM if text.startswith(_BOM) else ""
    text = text[len(bom) :]
    if not text.startswith("<REAPER_PROJECT"):
        raise unreadable(path, "is no project of REAPER")
    try:
        root = parse(text)
    except ChunkError as error:
        raise unreadable(path, f"is damaged: the project {error}") from error
    if _folders(root) > DEEPEST:
        raise unreadable(path, f"has more than {DEEPEST} folders in each other")
    return RppProject(path, data, root, bom)


def add_to_rpp(path: Path, tracks: Sequence[Track], *, copy_media: bool = False) -> RppProject:
    """Add tracks to the project file at `path`; all else in it stays as it is.

    Args:
        copy_media: copy the media of the new tracks into the folder "Media" beside it first.

    Raises:
        StemliftError: as `read_rpp`, `RppProject.added` and `RppProject.save`. Nothing is
            changed then.
    """
    project = read_rpp(path)
    copies = Copies(project.path.parent / FOLDER)
    session = checked(Session("", 48_000, tuple(tracks)))
    try:
        placed = copies.of(session) if copy_media else session
        return project.added(placed.tracks).save()
    except StemliftError:
        copies.undo()
        raise


def _parsed(lines: Iterable[str]) -> list[Node]:
    """The blocks that the lines are, side by side."""
    return list(parse("<X\n" + "".join(lines) + ">").children)


def _closed(children: Sequence[Node]) -> Sequence[Node]:
    """The nodes, the last track closing what folders are open."""
    places = [i for i, node in enumerate(children) if _is_track(node)]
    level = 0
    for place in places:
        level = max(level + _bus_depth(children[place]), 0)
    if level == 0:
        return children
    last = children[places[-1]]
    assert isinstance(last, Block)
    state, depth = bus(_bus_depth(last) - level).split()[1:]
    if last.entry("ISBUS") is None:
        nodes = (_like(last, f"ISBUS {state} {depth}"), *last.children)
    else:
        nodes = tuple(
            node.having(0, state, depth) if isinstance(node, Line) and node.key == "ISBUS" else node
            for node in last.children
        )
    return [*children[: places[-1]], last.with_children(nodes), *children[places[-1] + 1 :]]


def _like(block: Block, text: str) -> Line:
    return Line(f"{_indent(block)}  {text}{block.ending}")


def _first_place(children: Sequence[Node]) -> int:
    """Where the first track of a project goes: before what REAPER writes behind the tracks."""
    for index, node in enumerate(children):
        if isinstance(node, Block) and node.key == "EXTENSIONS":
            return index
    return len(children)


def _is_track(node: Node) -> bool:
    return isinstance(node, Block) and node.key == "TRACK"


def _bus_depth(node: Node) -> int:
    entry = node.entry("ISBUS") if isinstance(node, Block) else None
    depth = entry.number(1) if entry else 0.0
    return min(int(depth), 1) if abs(depth) < 1e6 else 0


def _folders(root: Block) -> int:
    level = deepest = 0
    for node in root.children:
        if _is_track(node):
            level = max(level + _bus_depth(node), 0)
            deepest = max(deepest, level)
    return deepest


def _indent(node: Node) -> str:
    raw = node.head.raw if isinstance(node, Block) else node.raw
    return raw[: len(raw) - len(raw.lstrip(" \t"))]
