"""What was measured, a file for each song and model, so that nothing is measured twice.

A record tells by a key what it was made of: the song's files with their sizes and times, the
model with the checksums of its weights, the metric and the options. It counts only where all
of it is still so.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stemlift.errors import Reason, StemliftError
from stemlift.evaluation.layouts import Multitrack
from stemlift.evaluation.scoring import Metric, StemScore
from stemlift.system.whole import write_whole

VERSION = 1
"""Raised when figures are computed in another way."""

_UNSAFE = re.compile(r"[^\w.+-]+")


def key_of(song: Multitrack, *deciding: object) -> str:
    """A digest of the song's files and of all else that decides its figures.

    Raises:
        StemliftError: FILE_NOT_FOUND when a file has gone.
    """
    parts: list[Any] = [VERSION, *deciding]
    for part in song.parts:
        try:
            status = part.path.stat()
        except OSError as error:
            raise StemliftError(
                Reason.FILE_NOT_FOUND,
                f"There is no file {part.path} any more.",
                "Put it back, or begin again.",
            ) from error
        parts.append((part.path.name, part.track, status.st_size, status.st_mtime_ns))
    parts.append(list(song.stems))
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def place_of(folder: Path, metric: str, entrant: str, song: str) -> Path:
    """Where the record of a song and a model lies."""
    # Names of songs may be too long, or alike but for signs that files cannot have.
    digest = hashlib.sha256(song.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    name = f"{_UNSAFE.sub('_', song)[:80]}-{digest}.json"
    return folder / "scores" / metric / _UNSAFE.sub("_", entrant) / name


def read_record(path: Path, key: str) -> tuple[StemScore, ...] | None:
    """The scores of a record; None where there is none with this key."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["key"] != key:
            return None
        scores = tuple(_score(each, Metric(said["metric"])) for each in said["stems"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Not there, or damaged by somebody: it is measured again.
        return None
    return scores or None


def _score(said: Any, metric: Metric) -> StemScore:
    """Raises ValueError, KeyError, TypeError or AttributeError where it is none of ours."""
    if not isinstance(said["stem"], str):
        raise TypeError("a stem without a name")
    return StemScore(
        said["stem"],
        {name: _decibels(said["values"][name]) for name in metric.figures},
        {name: tuple(map(_decibels, frames)) for name, frames in said["frames"].items()},
    )


def _decibels(said: Any) -> float | None:
    if said is None:
        return None
    # A bool counts as an integer, and JSON lets NaN and 1e999 through.
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        raise ValueError(f"{said!r} is no figure")
    return float(said)


def write_record(
    path: Path, key: str, song: str, entrant: str, metric: str, scores: Sequence[StemScore]
) -> None:
    """Write a record, whole.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    said = {
        "song": song,
        "model": entrant,
        "metric": metric,
        "key": key,
        "stems": [asdict(score) for score in scores],
    }
    write_text(path, json.dumps(said, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file whole, with the folders above it.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{path} cannot be written: {error.strerror or error}.",
            "Choose another folder with -o, or make room.",
        ) from error
