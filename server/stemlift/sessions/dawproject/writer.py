"""A session as a DAWproject, which Bitwig, Studio One, Cubase, n-Track and VST Live open."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import stemlift
from stemlift.errors import StemliftError
from stemlift.sessions.dawproject.container import (
    METADATA,
    PROJECT,
    add_sound,
    add_text,
    new_archive,
)
from stemlift.sessions.dawproject.parameters import new_ids
from stemlift.sessions.dawproject.references import Inside, Outside
from stemlift.sessions.dawproject.structure import (
    Reference,
    markers,
    master_track,
    tempo_map,
    transport,
    written_track,
)
from stemlift.sessions.files import refuse_existing
from stemlift.sessions.media import FOLDER, Copies, require_media
from stemlift.sessions.timeline import Session, checked
from stemlift.sessions.xml_text import label

_HEAD = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def write_dawproject(
    session: Session,
    path: Path,
    *,
    force: bool = False,
    copy_media: bool = False,
    embed: bool = False,
) -> tuple[str, ...]:
    """Write a project. Twice the same session gives twice the same bytes.

    Args:
        force: replace a file that exists.
        copy_media: copy the media into the folder "Media" beside the project first, so that
            the folder holds all that the project needs.
        embed: put the media into the project itself, so that the one file holds it all.

    Returns:
        What of the session the format cannot say to every program, in plain sentences.

    Raises:
        StemliftError: SESSION_EXISTS, ARGUMENT_INVALID, MEDIA_MISSING, PATH_UNSUPPORTED,
            FILE_UNREADABLE, OUTPUT_UNWRITABLE, DISK_FULL. Nothing is written then.
    """
    path = path.absolute()
    if not force:
        refuse_existing(path)
    checked(session)
    require_media(session)
    copies = Copies(path.parent / FOLDER)
    inside = Inside()
    try:
        placed = copies.of(session) if copy_media and not embed else session
        project = project_xml(placed, inside if embed else Outside(path))
        with new_archive(path) as archive:
            add_text(archive, METADATA, _metadata_xml(session))
            add_text(archive, PROJECT, project)
            for file, entry in inside.entries.items():
                add_sound(archive, entry, file)
    except StemliftError:
        copies.undo()
        raise
    return left_out(session)


def left_out(session: Session) -> tuple[str, ...]:
    """What of a session the format has no certain word for, in plain sentences."""
    told = [
        f"The region {marker.name} is a marker; how long it is stands in its comment."
        for marker in session.markers
        if marker.length is not None
    ]
    told += [
        f"{clip.file.name} is to change its pitch with its tempo; not every program does so."
        for clip in session.clips
        if not clip.keeps_pitch and clip.stretch != 1
    ]
    return tuple(dict.fromkeys(told))


def project_xml(session: Session, refer: Reference) -> bytes:
    """project.xml.

    Raises:
        StemliftError: what `refer` raises.
    """
    ids = new_ids()
    root = Element("Project", version="1.0")
    SubElement(root, "Application", name="Stemlift", version=stemlift.__version__)
    tempo, signature = ids(), ids()
    root.append(transport(session, tempo, signature))
    channels = max([2, *(track.needed_channels for track in session.tracks)])
    master = master_track(channels, ids)
    out = master[0].get("id", "")
    structure = SubElement(root, "Structure")
    arrangement = SubElement(root, "Arrangement", id=ids())
    lanes = SubElement(arrangement, "Lanes", timeUnit="seconds", id=ids())
    for track in session.tracks:
        written = written_track(track, out, ids, refer)
        structure.append(written.track)
        lanes.extend(written.lanes)
    structure.append(master)
    if session.markers:
        arrangement.append(markers(session.markers, ids))
    arrangement.extend(tempo_map(session, tempo, signature, ids))
    SubElement(root, "Scenes")
    return document(root)


def document(root: Element) -> bytes:
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return _HEAD + text.encode() + b"\n"


def _metadata_xml(session: Session) -> bytes:
    root = Element("MetaData")
    SubElement(root, "Title").text = label(session.name)
    return document(root)
