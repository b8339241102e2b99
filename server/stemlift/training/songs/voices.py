"""The voices that sing in training songs, their rights, and how each is made to speak.

Voices in the split `train` come under licences that ask for nothing but a notice, or, under
the GPL, from a program that computes speech by rules: nothing else goes into weights. Free
voices under the GPL or LGPL, whose speech is put together from recordings, serve only to
measure: they, and other languages, are the splits `valid` and `test`. `rights.py` has the
licence of each.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from stemlift.errors import Reason, StemliftError
from stemlift.training.songs.rights import Ingredient, of_voice

Signal = npt.NDArray[np.float64]

TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker.

    Attributes:
        name: names the voice everywhere, its file of sung sounds included.
        engine: `espeak`, `flite`, `festival`, or `formant` for our own (`formant_voice.py`).
        say: what the engine calls the voice.
        language: of the words, a key of `lyrics.WORDS`.
        split: `train`, `valid` or `test`; a voice is in one only. The throats of espeak-ng,
            its variants, may come back in another split with another language.
        package: Debian package that brings it; empty for our own.
        encoding: in which festival reads the words.
    """

    name: str
    engine: str
    say: str
    language: str
    split: str
    package: str = ""
    encoding: str = "utf-8"

    @property
    def rights(self) -> Ingredient:
        """Its licence, and where that is stated."""
        return of_voice(self.package)


def _espeak(split: str, pairs: str) -> list[Voice]:
    voices = []
    for pair in pairs.split():
        say = pair if "+" in pair else f"{pair}+m1"
        language = say.split("+")[0].split("-")[0]
        voices.append(Voice(f"espeak-{say}", "espeak", say, language, split, "espeak-ng"))
    return voices


def _festival(say: str, language: str, split: str, package: str, code: str) -> Voice:
    return Voice(f"festival-{say}", "festival", say, language, split, package, code)


def catalogue() -> tuple[Voice, ...]:
    """Every voice known, in an order that never changes."""
    flite = [
        Voice(f"flite-{say}", "flite", say, "en", split, "flite")
        for say, split in (("slt", "train"), ("rms", "train"), ("kal16", "train"))
    ]
    own = [
        Voice(f"formant-{number}", "formant", str(number), "", split)
        for split, numbers in (
            ("train", range(10)),
            ("valid", range(100, 102)),
            ("test", range(200, 203)),
        )
        for number in numbers
    ]
    trained = _espeak(
        "train",
        "en-us+f2 en-us+m3 en-us+klatt2 en-gb+f4 en-gb+m7 en-gb+Andy en-us+linda en-us+steph "
        "en-gb-scotland+m2 de+f3 de+m4 de+klatt4 fr-fr+f5 fr-fr+Marco fr-be+m6 es+f1 es-419+Mario "
        "es+Alicia pt-br+f2 pt+m8 pt-br+Diogo nl+anika nl+m3 sv+f4 sv+boris ru+f3 ru+m1 id+f1 "
        "id+Mike en-us+whisper en-us+grandpa en-us+shelby en-029+Denis",
    )
    held = [
        *_espeak("valid", "it+Annie it+max pl+f2 pl+robert ro+aunty ro+m3"),
        _festival("lp_diphone", "it", "valid", "festvox-italp16k", "latin-1"),
        _festival("pc_diphone", "it", "valid", "festvox-itapc16k", "latin-1"),
        _festival("upc_ca_ona_hts", "ca", "valid", "festvox-ca-ona-hts", "latin-1"),
        *_espeak("test", "cs+Jacky cs+f5 tr+Andrea tr+m7 el+victor el+f3 hi+anika hi+Gene"),
        *(
            _festival(say, "cs", "test", f"festvox-czech-{say[6:]}", "iso8859-2")
            for say in ("czech_dita", "czech_krb", "czech_machac")
        ),
        _festival("czech_ph", "cs", "test", "festvox-czech-ph", "iso8859-2"),
        _festival("suo_fi_lj_diphone", "fi", "test", "festvox-suopuhe-lj", "latin-1"),
        _festival("hy_fi_mv_diphone", "fi", "test", "festvox-suopuhe-mv", "latin-1"),
    ]
    festival = [
        _festival("ked_diphone", "en", "train", "festvox-kdlpc16k", "latin-1"),
        _festival("msu_ru_nsh_clunits", "ru", "train", "festvox-ru", "utf-8"),
    ]
    return (*own, *flite, *festival, *trained, *held)


def voices_of(split: str) -> tuple[Voice, ...]:
    """The voices that may sing in a split, installed or not."""
    return tuple(voice for voice in catalogue() if voice.split == split)


def speak(voice: Voice, lines: Sequence[str]) -> list[tuple[Signal, int]]:
    """Let a voice say lines.

    Returns:
        Of each line its samples (mono, 1.0 = full scale) and their rate.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE (the program or the voice is not installed).
    """
    program = {"espeak": "espeak-ng", "flite": "flite", "festival": "festival"}[voice.engine]
    if shutil.which(program) is None:
        raise _missing(voice, f"{program} is not on the search path")
    with tempfile.TemporaryDirectory(prefix="stemlift-voice-") as folder:
        files = [Path(folder) / f"{number}.wav" for number in range(len(lines))]
        if voice.engine == "festival":
            _festival_says(voice, lines, files)
        else:
            for line, file in zip(lines, files, strict=True):
                _run(voice, _command(voice, line, file))
        return [_read(voice, file) for file in files]


def _command(voice: Voice, line: str, file: Path) -> list[str]:
    if voice.engine == "espeak":
        return ["espeak-ng", "-v", voice.say, "-s", "150", "-w", str(file), "--", line]
    return ["flite", "-voice", voice.say, "-t", line, "-o", str(file)]


def _festival_says(voice: Voice, lines: Sequence[str], files: Sequence[Path]) -> None:
    script = files[0].with_name("say.scm")
    orders = [f"(voice_{voice.say})"]
    for line, file in zip(lines, files, strict=True):
        words = line.replace("\\", "").replace('"', "")
        orders.append(f'(utt.save.wave (utt.synth (Utterance Text "{words}")) "{file}" \'riff)')
    script.write_bytes("\n".join(orders).encode(voice.encoding, errors="ignore"))
    _run(voice, ["festival", "-b", str(script)])


def _run(voice: Voice, command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise _missing(voice, f"{command[0]} failed: {error}") from error


def _read(voice: Voice, file: Path) -> tuple[Signal, int]:
    try:
        samples, rate = soundfile.read(file, dtype="float64", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise _missing(voice, f"it wrote no sound for a line: {error}") from error
    return np.ascontiguousarray(samples[:, 0]), int(rate)


def _missing(voice: Voice, why: str) -> StemliftError:
    return StemliftError(
        Reason.TRAINING_UNAVAILABLE,
        f"The voice {voice.name} cannot speak: {why}.",
        f"Install the package {voice.package}, or train without this voice.",
    )
