"""A project that exists: read within limits, extended without touching what is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, indent, tostring
from zipfile import ZipFile

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.dawproject.container import (
    LARGEST_METADATA,
    LARGEST_PROJECT,
    METADATA,
    PROJECT,
    add_sound,
    add_text,
    copy_entry,
    extract,
    new_archive,
    opened,
    text_of,
)
from stemlift.sessions.dawproject.markup import Document, MarkupError, Node, parse
from stemlift.sessions.dawproject.parameters import new_ids
from stemlift.sessions.dawproject.reading import is_master, session_of
from stemlift.sessions.dawproject.references import Inside, Outside
from stemlift.sessions.dawproject.structure import Reference, written_track
from stemlift.sessions.files import refuse_existing, unreadable
from stemlift.sessions.media import FOLDER, Copies, copy_names, require_media, with_media
from stemlift.sessions.timeline import Session, Track, checked


@dataclass(frozen=True, slots=True)
class DawProject:
    """A project file. document: its project.xml; title: as its metadata say; entries: the names
    of all that is in the ZIP; new: files that go into it when it is saved, by their names."""

    path: Path
    document: Document
    title: str
    entries: tuple[str, ...]
    checksum: int
    new: tuple[tuple[Path, str], ...] = ()

    @property
    def session(self) -> Session:
        """What of it a session can say, with the facts of its media as they stand in it.

        A sound inside of the ZIP has a path below that of the project: `unpacked` gives it one
        that can be played. No file that the project names is opened.
        """
        return session_of(self.document.root, self.path, self.title)

    def added(self, tracks: Sequence[Track], *, embed: bool = False) -> DawProject:
        """The project with new tracks behind its others; nothing else in it changes.

        Args:
            embed: put their media into the ZIP.

        Raises:
            StemliftError: ARGUMENT_INVALID, MEDIA_MISSING, PATH_UNSUPPORTED;
                SESSION_UNREADABLE where project.xml is not in UTF-8.
        """
        session = checked(Session("", 48_000, tuple(tracks)))
        require_media(session)
        if not tracks:
            return self
        if not self.document.utf8:
            raise unreadable(self.path, "has a project.xml that is not in UTF-8")
        inside = Inside((*self.entries, *(name for _, name in self.new)))
        refer = inside if embed else Outside(self.path)
        try:
            document = _with_tracks(self.document, session.tracks, refer)
        except MarkupError as error:
            raise unreadable(self.path, f"cannot be added to: its XML {error}") from error
        return replace(self, document=document, new=(*self.new, *inside.entries.items()))

    def save(self, path: Path | None = None, *, force: bool = False) -> DawProject:
        """Write it over the file that was read, or to another one; as a whole or not at all.

        The new one is returned, so that more can be added to it. Media outside of the ZIP keep
        the names that they have in the project.

        Raises:
            StemliftError: FILE_CHANGED where somebody else saved it since it was read,
                SESSION_EXISTS for another path without force, and as `read_dawproject` and
                `write_dawproject`.
        """
        target = self.path if path is None else path.absolute()
        if target != self.path and not force:
            refuse_existing(target)
        # The old one is closed before the new one takes its place: Windows refuses otherwise.
        with new_archive(target) as archive, opened(self.path) as old:
            if _state(old) != (self.entries, self.checksum):
                raise _changed(self.path)
            for entry in old.infolist():
                if entry.filename == PROJECT:
                    add_text(archive, PROJECT, self.document.data)
                else:
                    copy_entry(old, entry, archive)
            for file, name in self.new:
                add_sound(archive, name, file)
        with opened(target) as archive:
            entries, checksum = _state(archive)
        return replace(self, path=target, entries=entries, checksum=checksum, new=())

    def unpacked(self, folder: Path) -> Session:
        """The session with the sounds inside of the ZIP copied to a folder.

        A file of that name that is there already is replaced.

        Raises:
            StemliftError: MEDIA_MISSING, SESSION_UNREADABLE, DISK_FULL, OUTPUT_UNWRITABLE.
        """
        session = self.session
        placed: dict[Path, Path] = {}
        taken: set[str] = set()
        with opened(self.path) as archive:
            for media in session.media:
                if not media.file.is_relative_to(self.path):
                    continue
                name = PurePosixPath(media.file.relative_to(self.path)).as_posix()
                target = _free(folder, media.file, taken)
                extract(archive, name, target, self.path)
                placed[media.file] = target
        return with_media(session, lambda one: replace(one, file=placed.get(one.file, one.file)))


def read_dawproject(path: Path) -> DawProject:
    """Read a project file.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE; SESSION_UNREADABLE where it is no
            DAWproject, damaged, too large, too deep, or has a document type in its XML.
    """
    path = path.absolute()
    with opened(path) as archive:
        data = text_of(archive, PROJECT, LARGEST_PROJECT, path)
        metadata = text_of(archive, METADATA, LARGEST_METADATA, path)
        entries, checksum = _state(archive) if data is not None else ((), 0)
    if data is None:
        raise unreadable(path, f"is no DAWproject: it has no {PROJECT}")
    document = _parsed(data, path)
    if document.root.tag != "Project":
        raise unreadable(path, f"is no DAWproject: its {PROJECT} holds a {document.root.tag}")
    title = ""
    if metadata is not None:
        found = _parsed(metadata, path).root.child("Title")
        title = found.text.strip() if found else ""
    return DawProject(path, document, title, entries, checksum)


def add_to_dawproject(
    path: Path, tracks: Sequence[Track], *, copy_media: bool = False, embed: bool = False
) -> DawProject:
    """Add tracks to the project file at `path`; all else in it stays as it is.

    Args:
        copy_media: copy the media of the new tracks into the folder "Media" beside it first.
        embed: put them into the project itself.

    Raises:
        StemliftError: as `read_dawproject`, `DawProject.added` and `DawProject.save`. Nothing
            is changed then.
    """
    project = read_dawproject(path)
    copies = Copies(project.path.parent / FOLDER)
    session = checked(Session("", 48_000, tuple(tracks)))
    try:
        placed = copies.of(session) if copy_media and not embed else session
        return project.added(placed.tracks, embed=embed).save()
    except StemliftError:
        copies.undo()
        raise


def _state(archive: ZipFile) -> tuple[tuple[str, ...], int]:
    """The names of its entries, and the CRC-32 of its project.xml."""
    names = tuple(entry.filename for entry in archive.infolist())
    return names, archive.getinfo(PROJECT).CRC if PROJECT in names else 0


def _parsed(data: bytes, path: Path) -> Document:
    try:
        return parse(data)
    except MarkupError as error:
        raise unreadable(path, f"has XML that {error}") from error


def _with_tracks(document: Document, tracks: Sequence[Track], refer: Reference) -> Document:
    """With tracks and their lanes at the ends of what holds the others."""
    ids = new_ids({node.get("id") for node in document.root.walk()})
    written = [written_track(track, _main(document), ids, refer) for track in tracks]
    if document.root.child("Structure") is None:
        before = _one_of(document, "Transport", "Application")
        document = document.behind(before, b"<Structure></Structure>")
    if document.root.child("Arrangement") is None:
        empty = f'<Arrangement id="{ids()}"></Arrangement>'
        document = document.behind(_one_of(document, "Structure"), empty.encode())
    arrangement = _one_of(document, "Arrangement")
    if arrangement.child("Lanes") is None:
        empty = f'<Lanes timeUnit="seconds" id="{ids()}"></Lanes>'
        document = document.first_in(arrangement, empty.encode())
    lanes = _one_of(document, "Arrangement").child("Lanes")
    assert lanes is not None
    document = document.last_in(lanes, _text(lane for one in written for lane in one.lanes))
    return document.last_in(_one_of(document, "Structure"), _text(one.track for one in written))


def _main(document: Document) -> str:
    """The id of the channel that all tracks play into; empty where there is none."""
    structure = document.root.child("Structure")
    for node in structure.children if structure else ():
        channel = node.child("Channel")
        if channel is not None and is_master(node):
            return channel.get("id")
    return ""


def _one_of(document: Document, *tags: str) -> Node:
    """The first of these children that the project has; Application, the schema demands."""
    for tag in tags:
        node = document.root.child(tag)
        if node is not None:
            return node
    raise MarkupError(f"has no {tags[-1]}")


def _text(elements: Iterable[Element]) -> bytes:
    texts = []
    for element in elements:
        indent(element)
        texts.append(tostring(element, encoding="unicode"))
    return "\n".join(["", *texts, ""]).encode()


def _free(folder: Path, file: Path, taken: set[str]) -> Path:
    """A name in the folder that no other sound of the project has taken."""
    name = next(name for name in copy_names(file) if name.casefold() not in taken)
    taken.add(name.casefold())
    return folder / name


def _changed(path: Path) -> StemliftError:
    return StemliftError(
        Reason.FILE_CHANGED,
        f"{path} was saved by another program meanwhile.",
        "Save and close it there, then try again.",
    )
