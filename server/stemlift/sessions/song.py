"""A song that is ready for a session: its stems, itself, and what was heard in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stemlift.rpc.results import SeparationResult
from stemlift.sessions.media import media_of
from stemlift.sessions.timeline import ZERO, Marker, Media, Seconds, TempoPoint, at_frame


@dataclass(frozen=True, slots=True)
class Stem:
    """name: as the model calls it, e.g. "vocals"."""

    name: str
    media: Media


@dataclass(frozen=True, slots=True)
class Song:
    """A song with its stems.

    mix: the song itself, where it is known. start: where in it the stems begin, in its own
    time; they are as long as the range of it that was separated.
    tempo, markers: with positions from the start of the stems.
    """

    name: str
    stems: tuple[Stem, ...]
    mix: Media | None = None
    start: Seconds = ZERO
    tempo: tuple[TempoPoint, ...] = ()
    markers: tuple[Marker, ...] = ()
    click: Media | None = None

    @property
    def length(self) -> Seconds:
        """Of its longest stem; of the song behind `start` where it has none."""
        if self.stems:
            return max(stem.media.duration for stem in self.stems)
        return self.mix.duration - self.start if self.mix else ZERO

    @property
    def sample_rate(self) -> int:
        media = self.mix or self.stems[0].media
        return media.sample_rate

    @property
    def channels(self) -> int:
        return max(one.channels for one in self.files)

    @property
    def files(self) -> tuple[Media, ...]:
        """The song, if it is known, and its stems."""
        stems = tuple(stem.media for stem in self.stems)
        return stems if self.mix is None else (self.mix, *stems)


def song_of_result(source: Path, result: SeparationResult, *, name: str = "") -> Song:
    """The song that a separation made.

    source: the file that was separated.

    Raises:
        StemliftError: what `stemlift.audio.probe.probe` raises of a source that is gone.
    """
    stems = tuple(
        Stem(stem, Media(path, result.sample_rate, result.channels, result.frames))
        for stem, path in result.stems.items()
    )
    return Song(
        name or source.stem,
        stems,
        mix_of(source, result.start_frame, result.frames, result.sample_rate),
        at_frame(result.start_frame, result.sample_rate),
    )


def mix_of(source: Path, start: int, frames: int, rate: int) -> Media:
    """The song as media; where its header does not tell its length, as long as it was read."""
    # On demand: it brings decoders.
    from stemlift.audio.probe import probe

    info = probe(source)
    if info.frames:
        return media_of(source)
    return Media(source, rate, info.channels, start + frames)
