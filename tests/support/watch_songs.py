"""Songs of every format with every odd name, files that are none, and whether stems are whole."""

from __future__ import annotations

import hashlib
import io
import unicodedata
from pathlib import Path

import numpy as np
import soundfile
from signals import song
from watch_house import manifest

from stemlift.audio.reader import open_reader

FORMATS = (
    ("wav", "WAV", "PCM_16"),
    ("wav", "WAV", "PCM_24"),
    ("wav", "WAV", "FLOAT"),
    ("flac", "FLAC", "PCM_16"),
    ("flac", "FLAC", "PCM_24"),
    ("aiff", "AIFF", "PCM_16"),
    ("aif", "AIFF", "PCM_24"),
    ("ogg", "OGG", "VORBIS"),
    ("mp3", "MP3", "MPEG_LAYER_III"),
)
RATES = (44100, 48000, 22050)

BROKEN = (
    ("wav", b""),
    ("wav", b"RIFF\x24\x00\x00\x00WAVE"),
    ("wav", b"a text, " * 500),
    ("mp3", b"\x89PNG\r\n\x1a\n" + bytes(2000)),
    ("flac", b"fLaC" + bytes(3000)),
    ("aiff", b"FORM\x00\x00\x10\x00AIFF" + bytes(500)),
    ("ogg", b"OggS" + bytes(1000)),
    ("zip", b"PK\x03\x04" + bytes(800)),
    ("wav", bytes(5000)),
    ("flac", b""),
)


def sound(number: int, seconds: float) -> tuple[str, bytes]:
    """The song of this number: extension, and the whole file."""
    extension, container, kind = FORMATS[number % len(FORMATS)]
    rate = RATES[number % len(RATES)]
    channels = 1 if number % 5 == 4 else 2
    samples = song(int(seconds * rate), channels, rate, number)
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=kind, format=container)
    return extension, file.getvalue()


def odd(number: int) -> str:
    """A name for this number: every system's own idea of one."""
    shapes = (
        f"song {number}",
        unicodedata.normalize("NFC", f"Café déjà {number}"),
        unicodedata.normalize("NFD", f"Ängström {number}"),
        f"{number} " + "long " * 38 + "x" * 6,
        f"日本語 {number} 🎛",
        f'it\'s "{number}" & $HOME; `x` %s',
        f"-{number}",
        f"a\nnew line {number}",
        f"{number}.final.v2",
    )
    return shapes[number % len(shapes)]


def format_of(suffix: str) -> tuple[str, str, str]:
    """The first of the formats whose files end with `suffix`."""
    return next(each for each in FORMATS if f".{each[0]}" == suffix)


def check_result(folder: Path, source: Path, content: bytes) -> None:
    """A folder holds what its manifest says and nothing else, and its stems sum to the song.

    Exactly where the song is of integers, within -120 dB of full scale otherwise.
    """
    facts = manifest(folder)
    assert source.read_bytes() == content
    assert facts["source"]["sha256"] == hashlib.sha256(content).hexdigest()
    listed = {stem["file"]: stem for stem in facts["stems"]}
    there = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(there) == {"stems.json", *listed}
    for name, stem in listed.items():
        assert len(there[name]) == stem["bytes"]
        assert hashlib.sha256(there[name]).hexdigest() == stem["sha256"]
    mix = samples_of(source)
    stems = [samples_of(folder / name) for name in listed]
    assert all(stem.shape == mix.shape for stem in stems)
    difference = float(np.max(np.abs(mix - sum(stems)), initial=0.0))
    exact = facts["encoding"].startswith("PCM")
    bound = 0.0 if exact else 1e-6 * max(1.0, float(np.max(np.abs(mix), initial=0.0)))
    assert difference <= bound, f"{source.name}: {difference}"


def samples_of(path: Path) -> np.ndarray:
    """(frames, channels) float64."""
    with open_reader(path) as reader:
        return np.concatenate([np.asarray(block, np.float64) for block in reader.blocks()])
