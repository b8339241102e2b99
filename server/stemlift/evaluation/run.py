"""Measuring songs one after another: what is done is kept, and found again."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding
from stemlift.errors import Reason, StemliftError
from stemlift.evaluation.entrants import Entrant
from stemlift.evaluation.layouts import Multitrack
from stemlift.evaluation.recordings import Audio, Recording, load, read_file, shape_of
from stemlift.evaluation.records import key_of, place_of, read_record, write_record
from stemlift.evaluation.scoring import Metric, StemScore, score
from stemlift.evaluation.workplace import (
    cancel,
    clear,
    forget,
    remove,
    unwritable,
    work_folder,
)
from stemlift.rpc.client import Client, RemoteJob
from stemlift.rpc.results import JobState
from stemlift.system.only_one import only_one

_STEADY = 0.02
"""Share of all that must be done before the time left is told."""

OF_THE_SONG = frozenset(
    {
        Reason.FILE_NOT_FOUND,
        Reason.FILE_UNREADABLE,
        Reason.NOT_AUDIO,
        Reason.FILE_EMPTY,
        Reason.FILE_TRUNCATED,
        Reason.FILE_CORRUPT,
        Reason.FILE_CHANGED,
        Reason.SAMPLES_NOT_FINITE,
        Reason.RATE_UNSUPPORTED,
        Reason.PATH_UNSUPPORTED,
        Reason.ARGUMENT_INVALID,
        Reason.MODEL_OUTPUT_NOT_FINITE,
        Reason.OUT_OF_MEMORY,
        Reason.SERVER_CRASHED,
    }
)
"""What one song may cause: the others are measured without it. Anything else would meet them,
too."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is measured. out: the folder of the results. The rest is as `SeparateOptions`."""

    songs: tuple[Multitrack, ...]
    entrants: tuple[Entrant, ...]
    metric: Metric
    out: Path
    remainder: str = "other"
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class Scored:
    """The figures of one song by one entrant. again: whether they were there already."""

    song: str
    entrant: str
    scores: tuple[StemScore, ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is. share: 0 to 1 of all. seconds_left: None while there is no estimate."""

    song: str
    entrant: str
    words: str
    share: float
    seconds_left: float | None


@dataclass
class _Way:
    """How much there is to do and how much is done, in bytes of songs."""

    on_step: Callable[[Step], None]
    total: float
    done: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def tell(self, song: str, entrant: str, words: str, here: float = 0.0) -> None:
        now = self.done + here
        spent = time.monotonic() - self.began
        # The first percents tell more of loading than of what is to come.
        steady = now > _STEADY * self.total
        left = spent * (self.total - now) / now if steady else None
        self.on_step(Step(song, entrant, words, now / self.total if self.total else 1.0, left))


def evaluate(
    order: Order,
    client: Callable[[], Client],
    on_step: Callable[[Step], None] = lambda _: None,
    check: Callable[[], None] = lambda: None,
    on_left_out: Callable[[str, StemliftError], None] = lambda _song, _error: None,
) -> Iterator[Scored]:
    """The figures of every song by every entrant, song by song.

    A song's jobs are queued at once, so that the server separates while this process compares.
    Leaving by an exception cancels them. Stems are deleted when they have been measured.

    Args:
        client: gives the server's client; called only where a model is measured.
        check: called now and then; what it raises ends it.
        on_left_out: called with the name of a song that turned out to be unusable, and why
            (`OF_THE_SONG`). It is left out for all entrants, so that they had the same songs.

    Raises:
        StemliftError: what is wrong with any of the songs, as far as it shows before any work;
            why a job failed; OUTPUT_UNWRITABLE; ARGUMENT_INVALID where another run has the
            folder.
    """
    for song in order.songs:
        check()
        shape_of(song)
    keys = {song.name: key_of(song) for song in order.songs}
    known = dict(_known(order, keys))
    waiting = {
        song.name: tuple(each for each in order.entrants if (song.name, each.name) not in known)
        for song in order.songs
    }
    sizes = {song.name: float(_size(song)) for song in order.songs}
    way = _Way(on_step, sum(sizes[name] * len(each) for name, each in waiting.items()))
    with only_one(order.out, "evaluation"), work_folder(order.out) as work:
        clear(client, order.out, work)
        for song in order.songs:
            fresh: dict[str, tuple[StemScore, ...]] = {}
            if waiting[song.name]:
                after = way.done + sizes[song.name] * len(waiting[song.name])
                jobs = _Song(song, order, work, way, check, sizes[song.name])
                try:
                    fresh = jobs.run(waiting[song.name], client, keys[song.name])
                except StemliftError as error:
                    if error.reason not in OF_THE_SONG:
                        raise
                    on_left_out(song.name, error)
                    way.done = after
                    continue
            for entrant in order.entrants:
                again = entrant.name not in fresh
                scores = known[song.name, entrant.name] if again else fresh[entrant.name]
                yield Scored(song.name, entrant.name, scores, again)


def _known(
    order: Order, keys: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str], tuple[StemScore, ...]]]:
    """The scores that are there already, by the names of their song and entrant."""
    for song in order.songs:
        for entrant in order.entrants:
            scores = read_record(
                _place(song, entrant, order), _key(keys[song.name], entrant, order)
            )
            if scores is not None:
                yield (song.name, entrant.name), scores


def _key(song_key: str, entrant: Entrant, order: Order) -> str:
    options = (order.remainder, order.precision) if entrant.model else ()
    return "-".join((song_key, _digest(entrant.identity, str(order.metric), *options)))


def _place(song: Multitrack, entrant: Entrant, order: Order) -> Path:
    return place_of(order.out, order.metric, entrant.name, song.name)


@dataclass
class _Song:
    """One song on its way."""

    song: Multitrack
    order: Order
    work: Path
    way: _Way
    check: Callable[[], None]
    size: float

    def run(
        self, entrants: Sequence[Entrant], client: Callable[[], Client], song_key: str
    ) -> dict[str, tuple[StemScore, ...]]:
        name = self.song.name
        self.way.tell(name, entrants[0].name, "reading the song")
        jobs: dict[str, RemoteJob] = {}
        found = {}
        try:
            truth = load(self.song, self.check)
            models = [entrant for entrant in entrants if entrant.model]
            source = self._source(truth) if models else None
            for place, entrant in enumerate(models):
                assert source is not None
                jobs[entrant.name] = client().separate(
                    source,
                    model=entrant.model,
                    out=self.work / str(place),
                    remainder=self.order.remainder,
                    precision=self.order.precision,
                    # Somebody who waits for stems goes first.
                    priority="background",
                )
            for entrant in entrants:
                estimates = self._estimates(entrant, truth, jobs.get(entrant.name))
                self.way.tell(name, entrant.name, "comparing", 0.9 * self.size)
                scores = score(self.order.metric, truth, estimates, self.check)
                path = _place(self.song, entrant, self.order)
                key = _key(song_key, entrant, self.order)
                write_record(path, key, name, entrant.name, self.order.metric, scores)
                found[entrant.name] = scores
                self.way.done += self.size
                if entrant.name in jobs:
                    forget(client(), jobs.pop(entrant.name))
        except StemliftError as error:
            # It is forgotten below: nobody can look at it or go on with it.
            error.job_id = None
            raise
        except MemoryError as error:
            raise StemliftError(
                Reason.OUT_OF_MEMORY,
                f"There is not enough memory to compare the song {name}.",
                "Close other programs, or measure it on a machine with more memory.",
            ) from error
        finally:
            cancel(client, tuple(jobs.values()))
            for left in self.work.iterdir():
                remove(left)
        return found

    def _source(self, truth: Recording) -> Path:
        """The mixture as a file that holds it alone, with a name that can be sent."""
        mixture = self.song.mixture
        if mixture is not None and mixture.track is None and _is_unicode(mixture.path):
            return mixture.path
        path = self.work / "mixture.wav"
        channels = truth.mixture.shape[1]
        try:
            with BroadcastWavWriter(path, truth.rate, channels, Encoding.FLOAT) as file:
                file.write(truth.mixture)
        except OSError as error:
            raise unwritable(path, error) from error
        return path

    def _estimates(
        self, entrant: Entrant, truth: Recording, job: RemoteJob | None
    ) -> dict[str, Audio]:
        name = self.song.name
        if entrant.baseline is not None:
            self.way.tell(name, entrant.name, "computing")
            return entrant.baseline.estimates(truth, self.check)
        assert job is not None
        if not job.latest.state.ended:
            for update in job:
                running = update.state is JobState.RUNNING
                words = str(update.stage) if running else str(update.state)
                self.way.tell(name, entrant.name, words, 0.9 * self.size * update.fraction)
        stems = {}
        for stem, path in job.result().stems.items():
            self.check()
            stems[stem] = read_file(path)
            remove(path)
        return stems


def _size(song: Multitrack) -> int:
    return sum(path.stat().st_size for path in {part.path for part in song.parts})


def _is_unicode(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
