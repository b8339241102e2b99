"""From stems to a page: measure, draw, encode, write."""

from __future__ import annotations

import errno
import math
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemlift.audio.problems import display_name
from stemlift.audio.reader import open_reader
from stemlift.errors import Reason, StemliftError
from stemlift.quality.measure import Measurements, measure
from stemlift.quality.verdicts import NULL_FAIR, Verdict, verdicts
from stemlift.report.folder import Subject
from stemlift.report.listening import Stretch, mp3, stretch
from stemlift.report.page import MARK, Track, page
from stemlift.report.pictures import Picture, picture_of
from stemlift.report.telling import as_json
from stemlift.system.whole import write_whole

LISTEN = 30.0
"""Seconds of each sound that a page holds by default."""

_PARTIAL = "These stems are not all of the song, so nothing is said of their sum."

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

Audio = NDArray[np.floating]
Check = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Report:
    """path: of the page. facts: as `telling.as_json`."""

    path: Path
    found: Measurements
    verdicts: tuple[Verdict, ...]
    facts: dict[str, Any]


def write_report(
    subject: Subject,
    out: Path,
    *,
    listen: float = LISTEN,
    overwrite: bool = False,
    check: Check = lambda _: None,
) -> Report:
    """Measure stems and write a page about them, whole or not at all.

    A report that is there already is replaced; another file only with `overwrite`.

    Args:
        listen: seconds of each sound to put into the page; 0 for none.
        check: called with the share that is done; what it raises ends it.

    Raises:
        StemliftError: ARGUMENT_INVALID, OUTPUT_EXISTS, OUTPUT_UNWRITABLE, DISK_FULL, and as
            `measure`.
    """
    if math.isnan(listen) or listen < 0:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"listen cannot be {listen}.",
            "Name a number of seconds, or 0 for a page without players.",
        )
    _require_free(out, subject, overwrite)
    found = measure(
        subject.mix, subject.stems, start=subject.start, check=lambda share: check(0.6 * share)
    )
    whole = not subject.partial or found.null is None or found.null.peak_db <= NULL_FAIR
    if not whole:
        subject = replace(subject, notes=(*subject.notes, _PARTIAL))
    judged = verdicts(found, whole=whole)
    sounds = _sounds(subject)
    pictures = {}
    for place, name in enumerate(sounds):
        pictures[name] = picture_of(_blocks(subject, name, found), found.frames, found.rate)
        check(0.6 + 0.2 * (place + 1) / len(sounds))
    chosen = stretch([pictures[name] for name in subject.stems], listen, found.frames, found.rate)
    tracks = []
    for place, name in enumerate(sounds):
        heard = _heard(subject, name, found, chosen) if chosen.frames else None
        tracks.append(Track(name, pictures[name], heard, _link(subject, name, out)))
        check(0.8 + 0.2 * (place + 1) / len(sounds))
    text = page(subject, found, judged, tracks, chosen)
    try:
        write_whole(out, text.encode())
    except OSError as error:
        raise _unwritable(out, error) from error
    return Report(out, found, judged, as_json(subject, found, judged))


def _require_free(out: Path, subject: Subject, overwrite: bool) -> None:
    try:
        there = out.stat()
    except (FileNotFoundError, NotADirectoryError):
        there = None
    except OSError as error:
        raise _unwritable(out, error) from error
    if there is None:
        if out.absolute().parent.is_dir():
            return
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"There is no folder {display_name(out.absolute().parent)}.",
            "Make it, or name another place with -o.",
        )
    if stat.S_ISDIR(there.st_mode):
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{display_name(out)} is a folder.",
            "Name a file in it, such as report.html.",
        )
    # A device would be replaced by the page, and a pipe waited for.
    if not stat.S_ISREG(there.st_mode):
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{display_name(out)} is no regular file.",
            "Name a file with -o.",
        )
    sounds = [path for path in (*subject.stems.values(), subject.mix) if path is not None]
    if any(path.exists() and out.samefile(path) for path in sounds):
        raise StemliftError(
            Reason.OUTPUT_EXISTS,
            f"{display_name(out)} is one of the sounds that the report is about.",
            "Choose another name with -o.",
        )
    if not overwrite and not _is_report(out):
        raise StemliftError(
            Reason.OUTPUT_EXISTS,
            f"{display_name(out)} exists, and is no report.",
            "Use --overwrite, or choose another name with -o.",
        )


def _is_report(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(200)
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_EXISTS,
            f"{display_name(path)} exists, and cannot be read: {error.strerror}.",
            "Use --overwrite, or choose another name with -o.",
        ) from error


def _unwritable(out: Path, error: OSError) -> StemliftError:
    if error.errno in _FULL:
        return StemliftError(
            Reason.DISK_FULL,
            f"{display_name(out)} cannot be written: the disk is full.",
            "Make room, or name a place on another disk with -o.",
        )
    return StemliftError(
        Reason.OUTPUT_UNWRITABLE,
        f"{display_name(out)} cannot be written: {error.strerror}.",
        "Name a place that this user may write to with -o.",
    )


def _sounds(subject: Subject) -> tuple[str, ...]:
    """The mix, "", and the stems."""
    return ("", *subject.stems)


def _blocks(
    subject: Subject, name: str, found: Measurements, part: Stretch | None = None
) -> Iterator[Audio]:
    """A sound of full scale 1; the sum of the stems stands for a mix that is not there."""
    wanted = part or Stretch(0, found.frames)
    if name:
        yield from _read(subject.stems[name], wanted)
    elif subject.mix is not None:
        yield from _read(subject.mix, Stretch(subject.start + wanted.start, wanted.frames))
    else:
        together = [_read(path, wanted) for path in subject.stems.values()]
        for parts in zip(*together, strict=True):
            yield np.sum(np.stack(parts), axis=0)


def _read(path: Path, part: Stretch) -> Iterator[Audio]:
    with open_reader(path) as reader:
        bits = reader.info.grid_bits
        for block in reader.blocks(part.start, part.frames):
            yield block if bits is None else block * 2.0 ** (1 - bits)


def _heard(subject: Subject, name: str, found: Measurements, part: Stretch) -> bytes:
    return mp3(_blocks(subject, name, found, part), found.rate)


def _link(subject: Subject, name: str, out: Path) -> str | None:
    """The whole file, where it lies beside the page and so moves with it."""
    path = subject.stems[name] if name else subject.mix
    if path is None or path.resolve().parent != out.resolve().parent:
        return None
    return path.name


__all__ = ["LISTEN", "Picture", "Report", "write_report"]
