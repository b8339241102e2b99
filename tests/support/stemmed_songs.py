"""Songs with stems in files, and what a session of them holds and plays."""

from __future__ import annotations

from pathlib import Path

import soundfile
from reaper_sim import Project
from session_songs import Array, parts_of_a_mix

from stemlift.sessions.song import Song, Stem
from stemlift.sessions.timeline import (
    Media,
    Session,
    Track,
    walk,
)

FOUR = ("drums", "bass", "other", "vocals")
RATE = 44_100


def song_in(folder: Path, name: str, frames: int, *, rate: int = RATE, stems=FOUR) -> Song:
    """A song whose stems add up to it; its mix is a file, too."""
    place = folder / name
    place.mkdir(parents=True)
    mix, parts = parts_of_a_mix(place, rate, frames, stems)
    soundfile.write(place / "mix.wav", mix, rate, subtype="FLOAT")
    media = Media(place / "mix.wav", rate, 2, frames)
    return Song(name, tuple(Stem(stem, parts[stem]) for stem in stems), media)


def samples(song: Song) -> Array:
    assert song.mix is not None
    return soundfile.read(song.mix.file, dtype="float64", always_2d=True)[0]


def heard(path: Path, seconds: float) -> Array:
    project = Project(path, path.parent)
    project.load(path.read_text(encoding="utf-8", errors="surrogateescape"))
    assert project.problems() == []
    return project.render(seconds)


def names(session: Session) -> list[str]:
    return ["  " * depth + track.name for depth, track in walk(session.tracks)]


def track_named(session: Session, name: str) -> Track:
    return next(track for _, track in walk(session.tracks) if track.name == name)
