"""All voices of a song: lead, doubles, harmonies, choirs, rap, ad-libs, humming, chops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from stemlift.training.songs import choir, singing
from stemlift.training.songs.melody_line import TUNED, Manner, SungNote, any_manner
from stemlift.training.songs.score import Kind, Part, Role, Song, timed
from stemlift.training.songs.singing import RATE, Singer
from stemlift.training.songs.voice_bank import AAH, HEY, LA, MM, OOH, WORD, Bank, Floats

LOWEST, HIGHEST = 43.0, 76.0


@dataclass(frozen=True)
class Voiced:
    """One voice part, ready to be mixed: mono float32, and where it should stand."""

    name: str
    role: str
    signal: Floats
    gain_db: float
    pan: float


def vocals(
    song: Song, split: str, folder: Path, rng: np.random.Generator, clear: float = 0.0
) -> tuple[list[Voiced], list[str]]:
    """Sing the voice parts of a song.

    Args:
        folder: of the banks that `choir.prepare` made.
        clear: share of the singers with less noise in their voice than the speaker's.

    Returns:
        What was sung, and the names of the voices that sang.
    """
    parts = [part for part in song.of_kind(Kind.VOICE) if part.notes]
    if not parts:
        return [], []
    names = choir.names(folder, split)
    # Recorded speakers are few among many spoken by rule, and nearest to singers.
    weights = np.array([_weight(name) for name in names])
    drawn = rng.choice(
        len(names), size=min(4, len(names)), replace=False, p=weights / weights.sum()
    )
    cast = [names[int(index)] for index in drawn]
    banks = [choir.bank(folder, name) for name in cast]
    # What chance gives one song must not depend on how many of its singers are clear.
    (apart,) = rng.spawn(1)
    singers = [
        cleared(one, apart) if apart.random() < clear else one
        for one in (any_singer(rng) for _ in banks)
    ]
    manner = any_manner(rng)
    made: list[Voiced] = []
    for index, part in enumerate(parts):
        which = 0 if part.role in (Role.LEAD, Role.DOUBLE) else index % len(banks)
        notes = sung_notes(part, song)
        if notes:
            made += _part(part, notes, banks, singers, which, manner, song.seconds, rng)
    return made, cast


def any_singer(rng: np.random.Generator) -> Singer:
    """Another singer out of the same voice."""
    breath = float(rng.uniform(0.0, 0.3)) if rng.random() < 0.9 else float(rng.uniform(0.5, 1.0))
    return Singer(
        size=float(np.clip(rng.normal(1.02, 0.1), 0.78, 1.35)),
        tilt=float(rng.uniform(-2.0, 3.5)),
        breath=breath,
        rough=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.15 else 0.0,
        gloss=float(rng.uniform(0.0, 9.0)),
    )


def cleared(singer: Singer, rng: np.random.Generator) -> Singer:
    """The singer with a trained voice: WORLD hears more noise in speech than singers have."""
    return replace(
        singer,
        breath=float(rng.uniform(0.0, 0.1)) if rng.random() < 0.3 else 0.0,
        clear=float(np.exp(rng.uniform(np.log(1.5), np.log(8.0)))),
    )


def sung_notes(part: Part, song: Song) -> list[SungNote]:
    """The notes of a part as a voice takes them: one at a time, within a singer's compass."""
    tones = sorted(timed(part, song), key=lambda tone: tone.start)
    notes: list[SungNote] = []
    for index, tone in enumerate(tones):
        end = tone.start + tone.length
        if index + 1 < len(tones):
            end = min(end, tones[index + 1].start)
        length = min(end, song.seconds) - tone.start
        if length > 0.03:
            pitch = tone.pitch
            while pitch > HIGHEST:
                pitch -= 12.0
            while pitch < LOWEST:
                pitch += 12.0
            held = bool(notes) and tone.syllable == ""
            notes.append(SungNote(tone.start, length, pitch, tone.velocity, held))
    if all(note.held for note in notes[1:]):
        # A part without words: every note has a syllable of its own.
        notes = [replace(note, held=False) for note in notes]
    return notes


def _weight(name: str) -> float:
    return {"flite": 4.0, "festival": 4.0, "formant": 0.8}.get(name.split("-")[0], 1.0)


def _part(
    part: Part,
    notes: list[SungNote],
    banks: list[Bank],
    singers: list[Singer],
    which: int,
    manner: Manner,
    seconds: float,
    rng: np.random.Generator,
) -> list[Voiced]:
    def voice(
        name: str,
        line: list[SungNote],
        gain: float,
        pan: float,
        one: int = which,
        kind: int = WORD,
        speech: bool = False,
    ) -> Voiced:
        bank, singer = banks[one % len(banks)], singers[one % len(singers)]
        if speech:
            lane = singing.spoken_track(bank, line, manner, seconds, rng)
        else:
            lane = singing.track(bank, line, manner, seconds, rng, kind)
        signal = singing.sing(bank, lane, singer, rng, seconds)
        return Voiced(name, str(part.role), _worn(signal, singer, rng), part.gain_db + gain, pan)

    if part.role is Role.RAP:
        made = [voice(part.name, notes, 0.0, 0.0, speech=True)]
        if rng.random() < 0.4:
            made.append(_doubled(made[0], rng, 0.5, -9.0))
        return made
    if part.role is Role.LEAD:
        kind = int(rng.choice([WORD, LA, MM, AAH], p=[0.9, 0.05, 0.025, 0.025]))
        lead = voice(part.name, notes, 0.0, 0.0, kind=kind)
        made = [lead]
        if rng.random() < 0.4:
            width = float(rng.uniform(0.2, 1.0))
            made += [_doubled(lead, rng, side * width, -7.0) for side in (-1.0, 1.0)]
        if rng.random() < 0.12:
            made.append(replace(lead, name=f"{part.name} chops", signal=_chopped(lead, rng)))
        return made
    if part.role is Role.ADLIB:
        return [voice(part.name, notes, -3.0, float(rng.uniform(-0.8, 0.8)), kind=HEY)]
    kind = int(rng.choice([WORD, AAH, OOH, MM, LA], p=[0.35, 0.25, 0.25, 0.05, 0.1]))
    if manner is not TUNED:
        manner = replace(manner, inhales=0.0, scoop=min(manner.scoop, 0.5))
    first = voice(part.name, notes, -3.0, float(rng.uniform(-0.7, 0.7)), which + 1, kind)
    made = [first]
    size = int(rng.choice([0, 1, 3]))
    made += [_doubled(first, rng, float(rng.uniform(-1.0, 1.0)), -3.0) for _ in range(size)]
    if rng.random() < 0.35:
        step = float(rng.choice([-12.0, 3.0, 4.0, 7.0, -5.0]))
        moved = [replace(note, pitch=note.pitch + step) for note in notes]
        other = voice(f"{part.name} 2", moved, -4.0, -first.pan, which + 2, kind)
        made += [other, _doubled(other, rng, first.pan, -3.0)]
    return made


def _doubled(one: Voiced, rng: np.random.Generator, pan: float, gain_db: float) -> Voiced:
    """The same line sung again: late by some milliseconds that wander, so detuned as well."""
    count = one.signal.size
    at = np.arange(count, dtype=np.float64)
    knots = np.arange(0, count + RATE, RATE // 3)
    late = np.interp(at, knots, rng.uniform(0.008, 0.03) + 0.0025 * rng.standard_normal(knots.size))
    signal = np.interp(at - late * RATE, at, one.signal).astype(np.float32)
    return Voiced(f"{one.name} double", one.role, signal, one.gain_db + gain_db, pan)


def _chopped(one: Voiced, rng: np.random.Generator) -> Floats:
    """A slice of the voice again and again, as samplers play it."""
    loud = np.flatnonzero(np.abs(one.signal) > 0.05)
    length = int(rng.uniform(0.08, 0.3) * RATE)
    out = np.zeros_like(one.signal)
    if loud.size < length:
        return out
    start = min(int(rng.choice(loud)), out.size - length - 1)
    piece = one.signal[start : start + length] * np.hanning(length).astype(np.float32) ** 0.25
    begin = int(rng.integers(out.size // 2))
    for repeat in range(int(rng.integers(4, 24))):
        at = begin + repeat * length * int(rng.integers(1, 3))
        if at + length > out.size:
            break
        out[at : at + length] = piece
    return out


def _worn(signal: Floats, singer: Singer, rng: np.random.Generator) -> Floats:
    """Shouts overdrive; a robot's voice is ringing or combed."""
    if singer.rough > 0.4:
        drive = float(rng.uniform(4.0, 20.0))
        signal = np.tanh(signal * drive) / np.float32(drive**0.6)
    chance = rng.random()
    if chance < 0.03:
        carrier = np.sin(2.0 * np.pi * rng.uniform(40.0, 160.0) * np.arange(signal.size) / RATE)
        signal = signal * (0.4 + 0.6 * carrier).astype(np.float32)
    elif chance < 0.06:
        comb = np.zeros(int(RATE / rng.uniform(80.0, 300.0)) + 1)
        comb[0], comb[-1] = 1.0, -0.85
        signal = 0.3 * lfilter([1.0], comb, signal)
    return np.asarray(signal, dtype=np.float32)
