"""Songs as files: composed, played, sung, mixed, and written, a song at a time.

A song depends on its seed, split and number alone (and on the voices in the folder and the
SoundFont), so that any number of processes make the same songs, and a run that was stopped
goes on where it was. Each song is one `.npy` file of int16, (4 stems, 2, samples), which
training maps into memory and reads anywhere without decoding, beside a `.json` that tells
what it is. The `.json` is written last: a song without one is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from stemlift.system.whole import write_whole
from stemlift.training.songs import choir, mixing, rights, voice_bank, voices
from stemlift.training.songs.arranging import compose, generator_for
from stemlift.training.songs.fluidsynth import Font, library
from stemlift.training.songs.mixing import RATE, STEMS, Layer
from stemlift.training.songs.playing import play
from stemlift.training.songs.rights import Split
from stemlift.training.songs.score import Kind, Song
from stemlift.training.songs.vocals import vocals
from stemlift.training.writing import save_array, writing_to

SILENT_STEM = 0.05


@dataclass(frozen=True)
class Order:
    """Songs to make.

    Attributes:
        folder: where they go.
        voices: folder of the banks (`choir.prepare`).
        sampled: play SoundFonts; without, only instruments of our own.
        clear: share of the singers with less noise in their voice than the speaker's.
    """

    folder: Path
    split: Split
    seed: int
    seconds: float
    voices: Path
    sampled: bool = True
    clear: float = 0.0


def require(splits: Iterable[Split], bank: Path) -> None:
    """Refuse at once what would fail after the voices have spoken for minutes.

    A voice that is missing is no reason: the others sing.

    Args:
        bank: folder of the voices' banks.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE (FluidSynth, a SoundFont, or pyworld where voices
            have yet to speak).
    """
    library()
    spoken = True
    for split in splits:
        rights.soundfont_for(split)
        there = set(choir.names(bank, split))
        spoken = spoken and all(voice.name in there for voice in voices.voices_of(split))
    if not spoken:
        voice_bank.world()


def name_of(order: Order, index: int) -> str:
    """Of a song's files, without their endings."""
    return f"{order.split}-{order.seed}-{index:06d}"


def make(order: Order, index: int) -> tuple[np.ndarray, dict[str, object]]:
    """One song: int16 (4, 2, samples) in the order of STEMS, and what it is.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE (FluidSynth or its SoundFont).
    """
    rng = generator_for(order.seed, order.split, index)
    writing, singing, mixing_, silence = rng.spawn(4)
    song = compose(writing, order.seconds)
    font = _font(rights.soundfont_for(order.split)) if order.sampled else None
    played = play(song, font)
    sung, cast = vocals(song, order.split, order.voices, singing, order.clear)
    kinds = {part.name: part for part in song.parts}
    layers = [
        Layer(str(kinds[name].kind), np.ascontiguousarray(sound.T), kinds[name].gain_db)
        for name, sound in played.items()
    ]
    layers += [Layer("vocals", one.signal, one.gain_db, one.pan) for one in sung]
    muted = [stem for stem in STEMS if silence.random() < SILENT_STEM]
    kept = [layer for layer in layers if layer.stem not in muted]
    mixed = mixing.mix(kept or layers, round(order.seconds * RATE), mixing_)
    stems = np.round(mixed.stems * 32767.0).clip(-32768, 32767).astype(np.int16)
    return stems, _manifest(order, index, song, cast, mixed.done, stems)


def write(order: Order, index: int) -> str:
    """Make a song and write it, whole or not at all; one that is there is left alone.

    Returns:
        Its name.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE, and what `make` raises.
    """
    name = name_of(order, index)
    done = order.folder / f"{name}.json"
    if done.is_file():
        return name
    stems, manifest = make(order, index)
    with writing_to(order.folder):
        save_array(order.folder / f"{name}.npy", stems)
        write_whole(done, (json.dumps(manifest, indent=1) + "\n").encode())
    return name


def write_all(order: Order, songs: range, processes: int) -> Iterator[str]:
    """Write songs with several processes; yields the name of each as it is done, in order."""
    if processes <= 1:
        for index in songs:
            yield write(order, index)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(write, [order] * len(songs), songs)


def songs_in(folder: Path, split: str) -> list[Path]:
    """The finished songs of a split in a folder, by name."""
    return [path.with_suffix(".npy") for path in sorted(folder.glob(f"{split}-*.json"))]


@lru_cache(maxsize=1)
def _font(path: Path) -> Font:
    return Font(path)


def _manifest(
    order: Order,
    index: int,
    song: Song,
    cast: list[str],
    done: dict[str, object],
    stems: np.ndarray,
) -> dict[str, object]:
    return {
        "split": order.split,
        "seed": order.seed,
        "index": index,
        "rate": RATE,
        "stems": [stem if stems[at].any() else None for at, stem in enumerate(STEMS)],
        "genre": song.genre,
        "key": f"{song.tonic} {song.mode}",
        "tempo": round(song.tempo, 2),
        "instruments": [part.instrument.name for part in song.parts if part.kind is not Kind.VOICE],
        "font": rights.soundfont_for(order.split).name if order.sampled else None,
        "voices": cast,
        "mixing": done,
    }
