"""A session as a folder that Ardour 7 or 8 opens."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import stemlift
from stemlift.errors import Reason, StemliftError
from stemlift.sessions.ardour.regions import Place, playlist, sources_of, whole_region
from stemlift.sessions.ardour.routes import (
    LOUDEST_DB,
    LOUDEST_TRIM_DB,
    MASTER,
    Ids,
    Names,
    click,
    master,
    new_ids,
    routes_of,
    written,
)
from stemlift.sessions.ardour.times import position, tempo_map
from stemlift.sessions.files import make_folder, refuse_existing, write_session
from stemlift.sessions.media import Copies, require_media
from stemlift.sessions.timeline import (
    ZERO,
    Media,
    Seconds,
    Session,
    Track,
    checked,
    walk,
)
from stemlift.sessions.xml_text import holds, label

SUFFIX = ".ardour"
READABLE = (".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".caf", ".flac")
"""Endings of the files that Ardour plays from where they are."""

_NOT_IN_NAMES = '/\\:;*?"<>|\t\r\n'
_FOLDERS = ("export", "peaks", "dead", "plugins", "externals", "analysis")


def write_ardour(
    session: Session, folder: Path, *, force: bool = False, copy_media: bool = False
) -> tuple[str, ...]:
    """Write a session folder; its session file has the folder's name.

    Folders are busses. A clip is played as it is: stretched and pitched sound must be rendered
    first. Files outside of the folder are named by their whole paths.

    Args:
        folder: with or without ".ardour" at its end.
        force: replace the session file of a folder that exists; sounds in it stay.
        copy_media: copy the media into the folder.

    Returns:
        What of the session was left out, in plain sentences.

    Raises:
        StemliftError: SESSION_EXISTS, ARGUMENT_INVALID, MEDIA_MISSING, RATE_UNSUPPORTED where a
            file has another rate than the session, FORMAT_CANNOT_HOLD for a file that Ardour
            does not play from where it is, STRETCHING_UNAVAILABLE, PATH_UNSUPPORTED,
            OUTPUT_UNWRITABLE, DISK_FULL. Nothing is written then.
    """
    folder = folder.absolute()
    if not force:
        refuse_existing(folder)
    checked(session)
    require_media(session)
    _check(session)
    name = session_name(folder)
    if folder.exists():
        if not (folder / f"{name}{SUFFIX}").is_file():
            raise StemliftError(
                Reason.SESSION_EXISTS,
                f"{folder} is there and no session of Ardour.",
                "Choose another name.",
            )
        return _fill(folder, name, session, copy_media)
    make_folder(folder.parent)
    scratch = folder.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        told = _fill(scratch, name, session, copy_media)
        _move(scratch, folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return told


def session_name(folder: Path) -> str:
    """The name of the session in a folder."""
    name = folder.name.removesuffix(SUFFIX)
    plain = "".join("-" if c in _NOT_IN_NAMES else c for c in label(name)).strip().lstrip(".")
    return plain or "session"


def audio_folder(folder: Path) -> Path:
    """Where the sounds of a session folder lie."""
    return folder / "interchange" / session_name(folder) / "audiofiles"


def _fill(folder: Path, name: str, session: Session, copy_media: bool) -> tuple[str, ...]:
    inside = folder / "interchange" / name / "audiofiles"
    copies = Copies(inside)
    for one in (*(folder / each for each in _FOLDERS), inside, inside.with_name("midifiles")):
        make_folder(one)

    def place(media: Media) -> tuple[str, str]:
        if media.file.parent == inside:
            return media.file.name, ""
        if not holds(str(media.file)):
            raise StemliftError(
                Reason.PATH_UNSUPPORTED,
                f"Ardour cannot name {media.file}.",
                "Rename the file without control characters, or copy the media.",
            )
        return media.file.name, str(media.file.absolute())

    try:
        placed = copies.of(session) if copy_media else session
        root, told = session_element(placed, name, place)
        indent(root)
        text: str = tostring(root, encoding="unicode")
        data = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()
        write_session(folder / f"{name}{SUFFIX}", data, force=True)
    except StemliftError:
        copies.undo()
        raise
    return told


def _move(scratch: Path, folder: Path) -> None:
    try:
        scratch.rename(folder)
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{folder} cannot be made: {error.strerror or error}.",
            "Choose another name or place.",
        ) from error


def session_element(session: Session, name: str, place: Place) -> tuple[Element, tuple[str, ...]]:
    """The session file, and what was left out."""
    ids = new_ids()
    tempo, told = tempo_map(session)
    root = Element(
        "Session",
        {
            "version": "7002",
            "name": name,
            "sample-rate": str(session.sample_rate),
            "session-range-is-free": "1",
        },
    )
    program = f"Stemlift {stemlift.__version__}"
    SubElement(root, "ProgramVersion", {"created-with": program, "modified-with": program})
    _config(root)
    SubElement(root, "Metadata")
    sources = {media: sources_of(media, place, ids) for media in session.media}
    SubElement(root, "Sources").extend([one for each in sources.values() for one in each])
    regions = SubElement(root, "Regions")
    regions.extend([whole_region(media, found, ids) for media, found in sources.items()])
    root.append(_locations(session, ids))
    SubElement(root, "Bundles")
    channels = max([2, *(track.needed_channels for track in session.tracks)])
    routes, playlists = SubElement(root, "Routes"), SubElement(root, "Playlists")
    routes.append(master(channels, ids))
    for order, route in enumerate(routes_of(session.tracks, MASTER, channels, Names()), start=1):
        element, identity = written(route, order, ids)
        routes.append(element)
        if identity:
            track = element.get("id", "")
            playlists.append(playlist(identity, route.name, track, route.clips, sources, ids))
    for tag in ("UnusedPlaylists", "RouteGroups"):
        SubElement(root, tag)
    root.append(click(ids))
    root.append(tempo)
    root.attrib |= {"id-counter": ids(), "name-counter": "1", "event-counter": "0"}
    return root, (*told, *left_out(session))


def left_out(session: Session) -> tuple[str, ...]:
    """What of the tracks Ardour does not get."""
    told = []
    for _, track in walk(session.tracks):
        names = [effect.name for effect in track.effects]
        if names:
            told.append(f"The effects of {track.name} are left out: {', '.join(names)}.")
        if track.pan and track.needed_channels > 2:
            told.append(f"The pan of {track.name} is left out: it has more than two channels.")
    return tuple(told)


def _config(root: Element) -> None:
    config = SubElement(root, "Config")
    for name, value in (("native-file-data-format", "FormatFloat"), ("use-region-fades", "1")):
        SubElement(config, "Option", name=name, value=value)


def _locations(session: Session, ids: Ids) -> Element:
    """The markers and ranges, and what is the session, from its start to its last clip."""
    root = Element("Locations")

    def location(name: str, start: Seconds, end: Seconds, flags: str) -> None:
        SubElement(
            root,
            "Location",
            {
                "id": ids(),
                "name": label(name),
                "start": position(start),
                "end": position(end),
                "flags": flags,
                "locked": "0",
                "timestamp": "0",
                "cue": "0",
            },
        )

    if session.end > 0:
        location("session", ZERO, session.end, "IsSessionRange")
    for marker in session.markers:
        if marker.length is None:
            location(marker.name, marker.position, marker.position, "IsMark")
        else:
            end = marker.position + marker.length
            location(marker.name, marker.position, end, "IsRangeMarker")
    return root


def _check(session: Session) -> None:
    for _, track in walk(session.tracks):
        _check_track(track)
        for clip in track.clips:
            if not clip.plain:
                raise StemliftError(
                    Reason.STRETCHING_UNAVAILABLE,
                    f"{clip.file} is stretched or pitched, which Ardour does only when it imports.",
                    "Have the stretched sound rendered to a file first.",
                )
            if clip.media.sample_rate != session.sample_rate:
                raise StemliftError(
                    Reason.RATE_UNSUPPORTED,
                    f"{clip.file} has {clip.media.sample_rate} Hz, and the session "
                    f"{session.sample_rate}: Ardour would play it too fast or too slow.",
                    "Make a session of that rate, or convert the file.",
                )
            if clip.file.suffix.lower() not in READABLE:
                raise StemliftError(
                    Reason.FORMAT_CANNOT_HOLD,
                    f"Ardour does not play {clip.file} from where it is.",
                    "Convert it to WAV or FLAC first.",
                )


def _check_track(track: Track) -> None:
    if track.gain_db > LOUDEST_DB + LOUDEST_TRIM_DB:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The track {track.name} is {track.gain_db:.1f} dB up; Ardour ends at "
            f"{LOUDEST_DB + LOUDEST_TRIM_DB:.0f}.",
            "Raise its clips instead.",
        )
