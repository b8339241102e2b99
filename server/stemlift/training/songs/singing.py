"""One voice sings: from notes and the sounds of a voice to a mono signal.

The envelopes that WORLD found filter a new source, pulses at the pitch of the melody and
noise where the voice breathes, frame by frame in the frequency domain with minimum phase.
This is WORLD's own model of a voice with the synthesis moved from pulses to frames, several
times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.fft

from stemlift.training.songs.melody_line import Manner, SungNote, melody
from stemlift.training.songs.voice_bank import (
    BANDS,
    BREATHS,
    FLOOR_DB,
    FRAME_S,
    STEP_DB,
    Bank,
    Floats,
    Signal,
    band_hz,
)

RATE = 44_100
HOP = 256
WINDOW = 1024
SIZE = 2048
BINS = SIZE // 2 + 1
SILENT_DB = -70.0


@dataclass(frozen=True, slots=True)
class Singer:
    """How a voice is changed into another one.

    Attributes:
        size: formants move by this factor: 0.8 a giant, 1.3 a child.
        tilt: dB per octave above 500 Hz added to the envelope: brighter or darker.
        breath: 0 as spoken, 1 whispers.
        clear: 1 as spoken; the share of noise is raised to this power, which leaves consonants
            as they are.
        rough: 0 clean, 1 growls at half the pitch.
        gloss: dB that the singer's formant near 2.8 kHz is raised by.
    """

    size: float = 1.0
    tilt: float = 0.0
    breath: float = 0.0
    clear: float = 1.0
    rough: float = 0.0
    gloss: float = 0.0


@dataclass(frozen=True)
class Track:
    """What a voice does in each frame of HOP samples.

    Attributes:
        place: where in the bank's frames, with fractions.
        hertz: pitch.
        gain_db: SILENT_DB or less is silence.
        breath: added aperiodicity.
    """

    place: Signal
    hertz: Signal
    gain_db: Signal
    breath: Signal = field(repr=False)


def track(
    bank: Bank,
    notes: list[SungNote],
    manner: Manner,
    seconds: float,
    rng: np.random.Generator,
    kind: int = 0,
) -> Track:
    """Lay the syllables of a voice under notes.

    Vowels begin on the beat and are stretched to the note, consonants keep their length and
    come before it. Words follow one another as they were spoken; a line goes on until a rest.
    """
    count = int(np.ceil(seconds * RATE / HOP))
    place = np.zeros(count)
    gain = np.full(count, -120.0)
    breath = np.zeros(count)
    free = 0
    pool = bank.of_kind(kind)
    at = int(rng.integers(len(pool)))
    scale = FRAME_S * RATE / HOP
    for index, note in enumerate(notes):
        rest = index == 0 or note.start - (notes[index - 1].start + notes[index - 1].length) > 0.25
        if rest:
            at = int(rng.integers(len(pool)))
            _inhale(place, gain, breath, pool[at], note, free, manner, rng)
        start = round(note.start * RATE / HOP)
        end = min(round((note.start + note.length) * RATE / HOP), count)
        if end - start < 3 or start >= count:
            continue
        if note.held:
            at = (at - 1) % len(pool)
        first, vowel, vowel_end, last = (int(value) for value in pool[at][:4])
        at = (at + 1) % len(pool)
        length = end - start
        onset = 0 if note.held else int((vowel - first) * scale)
        onset = min(onset, max(start - free, 0), 40)
        coda = min(int((last - vowel_end) * scale), int(0.35 * length), 40)
        body = length - coda
        spans = (
            (start - onset, onset, vowel - onset / scale, float(vowel)),
            (start + body, coda, float(vowel_end), vowel_end + coda / scale),
        )
        for begin, frames, source, target in spans:
            if frames > 0:
                stop = min(begin + frames, count)
                place[begin:stop] = np.linspace(source, target, frames, endpoint=False)[
                    : stop - begin
                ]
        place[start : start + body] = _stretched(vowel, vowel_end, body, scale, rng)
        begin = max(start - onset, 0)
        level = 14.0 * np.log10(max(note.velocity, 0.05))
        shape = manner.shape(end - begin, rng)
        gain[begin:end] = np.maximum(gain[begin:end], level + shape)
        free = end
    hertz = melody(notes, manner, count, HOP / RATE, rng)
    return Track(place, hertz, gain, np.clip(breath, 0.0, 1.0))


def spoken_track(
    bank: Bank, notes: list[SungNote], manner: Manner, seconds: float, rng: np.random.Generator
) -> Track:
    """Rap and speech: syllables fall on the notes' starts and keep their spoken pitch."""
    sung = track(bank, notes, manner, seconds, rng)
    hertz = np.where(bank.hertz > 0.0, bank.hertz, 0.0)
    known = np.flatnonzero(hertz)
    if known.size < 20:
        return sung
    whole = np.interp(np.arange(hertz.size), known, hertz[known])
    spoken = np.interp(sung.place, np.arange(whole.size), whole)
    # The melody only bends the voice, as where a rapper leans on a word.
    bent = spoken * (sung.hertz / np.median(sung.hertz)) ** 0.25 * manner.spoken_pitch
    return Track(sung.place, bent, sung.gain_db, sung.breath)


def sing(
    bank: Bank, performance: Track, singer: Singer, rng: np.random.Generator, seconds: float
) -> Floats:
    """The sound of a track, mono float32 (seconds · RATE,), about −18 dBFS where it sings."""
    samples = round(seconds * RATE)
    out = np.zeros((len(performance.place) + SIZE // HOP, HOP), dtype=np.float32)
    active = np.flatnonzero(performance.gain_db > SILENT_DB)
    if not active.size or not len(bank.level_db):
        return np.zeros(samples, dtype=np.float32)
    pulses = _pulses(performance.hertz, singer.rough, rng)
    noise = rng.standard_normal(pulses.size, dtype=np.float32)
    loud, turn, spread = _responses(singer)
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    steps = np.arange(WINDOW)
    for chunk in np.array_split(active, max(1, active.size // 512)):
        level, breath = _frames(bank, performance, singer, chunk)
        magnitude = np.exp((level @ loud) * np.float32(np.log(10.0) / 20.0))
        phase = (level @ turn) * np.float32(np.log(10.0) / 20.0)
        response = magnitude * np.exp(1j * phase)
        part = breath @ spread
        index = chunk[:, None] * HOP + steps[None, :]
        tone = scipy.fft.rfft(pulses[index] * window, SIZE)
        hiss = scipy.fft.rfft(noise[index] * window, SIZE)
        tone *= np.sqrt(np.maximum(1.0 - part * part, 0.0))
        hiss *= part
        frames = scipy.fft.irfft((tone + hiss) * response, SIZE).reshape(-1, SIZE // HOP, HOP)
        for step in range(SIZE // HOP):
            out[chunk + step] += frames[:, step]
    signal = out.reshape(-1)[WINDOW // 2 : WINDOW // 2 + samples]
    signal = np.pad(signal, (0, samples - signal.size))
    loudness = np.sqrt(np.mean(signal[signal != 0.0] ** 2)) if signal.any() else 1.0
    return np.asarray(signal * (0.126 / max(float(loudness), 1e-6)), dtype=np.float32)


def _stretched(
    vowel: int, vowel_end: int, frames: int, scale: float, rng: np.random.Generator
) -> Signal:
    """Places in a vowel: its beginning as spoken, its middle slowly, its end as spoken."""
    natural = (vowel_end - vowel) * scale
    if frames <= natural * 1.1:
        return np.linspace(vowel, vowel_end, frames, endpoint=False)
    edge = 0.3 * natural
    knots = [0.0, edge, frames - edge, float(frames)]
    places = [vowel, vowel + edge / scale, vowel_end - edge / scale, vowel_end]
    wander = np.cumsum(rng.standard_normal(frames)) * 0.15
    wander -= np.linspace(wander[0], wander[-1], frames)
    placed = np.interp(np.arange(frames), knots, places) + wander
    return np.asarray(np.clip(placed, vowel, vowel_end - 0.01), dtype=np.float64)


def _inhale(
    place: Signal,
    gain: Signal,
    breath: Signal,
    syllable: np.ndarray,
    note: SungNote,
    free: int,
    manner: Manner,
    rng: np.random.Generator,
) -> None:
    """A breath before a phrase, where there is time for one."""
    frames = int(rng.uniform(0.18, 0.4) * RATE / HOP)
    end = round(note.start * RATE / HOP) - 14
    begin = end - frames
    if rng.random() > manner.inhales or begin < free or end > len(place):
        return
    place[begin:end] = float(syllable[1] + syllable[2]) / 2.0
    gain[begin:end] = rng.uniform(-30.0, -18.0) + 12.0 * (
        np.sin(np.linspace(0.0, np.pi, frames)) ** 0.5 - 1.0
    )
    breath[begin:end] = 1.0


def _frames(
    bank: Bank, performance: Track, singer: Singer, chunk: np.ndarray
) -> tuple[Floats, Floats]:
    place = np.clip(performance.place[chunk], 0.0, len(bank.level_db) - 1.001)
    left = place.astype(np.int64)
    part = (place - left).astype(np.float32)[:, None]
    level = bank.level_db[left] * (1.0 - part) + bank.level_db[left + 1] * part
    level = level * np.float32(STEP_DB) + np.float32(FLOOR_DB)
    level += performance.gain_db[chunk].astype(np.float32)[:, None]
    bands = band_hz(BANDS)
    curve = singer.tilt * np.log2(np.maximum(bands, 500.0) / 500.0)
    curve += singer.gloss * np.exp(-(((bands - 2800.0 * singer.size) / 700.0) ** 2))
    level += curve.astype(np.float32)
    breath = (bank.breath[left] * (1.0 - part) + bank.breath[left + 1] * part) / np.float32(255.0)
    breath **= np.float32(singer.clear)
    more = np.maximum(performance.breath[chunk], singer.breath).astype(np.float32)[:, None]
    return level.astype(np.float32), (breath + (1.0 - breath) * more).astype(np.float32)


def _responses(singer: Singer) -> tuple[Floats, Floats, Floats]:
    """From bands to bins: log magnitude, minimum phase (by the folded cepstrum), breath."""
    hertz = np.linspace(0.0, RATE / 2.0, BINS)
    loud = _weights(BANDS, hertz / singer.size)
    cepstrum = np.fft.irfft(loud, SIZE, axis=1)
    cepstrum[:, 1 : SIZE // 2] *= 2.0
    cepstrum[:, SIZE // 2 + 1 :] = 0.0
    turn = np.fft.rfft(cepstrum, axis=1).imag
    return (
        loud.astype(np.float32),
        turn.astype(np.float32),
        _weights(BREATHS, hertz).astype(np.float32),
    )


def _weights(count: int, hertz: Signal) -> Signal:
    place = np.interp(hertz, band_hz(count), np.arange(count))
    left = np.minimum(place.astype(np.int64), count - 2)
    weights = np.zeros((count, hertz.size))
    bins = np.arange(hertz.size)
    weights[left, bins] = 1.0 - (place - left)
    weights[left + 1, bins] += place - left
    return weights


def _pulses(hertz: Signal, rough: float, rng: np.random.Generator) -> Floats:
    """Band-limited pulses of even power at a pitch per frame; a little uneven, as throats are."""
    samples = len(hertz) * HOP + SIZE
    pitch = np.interp(np.arange(samples) / HOP, np.arange(len(hertz)), np.clip(hertz, 45.0, 1500.0))
    phase = np.cumsum(pitch) / RATE
    turns = np.floor(phase)
    crossing = np.flatnonzero(np.diff(turns) > 0) + 1
    period = RATE / pitch[crossing]
    late = (phase[crossing] - turns[crossing]) / (pitch[crossing] / RATE)
    jitter = rng.standard_normal(crossing.size) * period * (0.002 + 0.02 * rough)
    size = np.sqrt(period) * (1.0 + (0.02 + 0.12 * rough) * rng.standard_normal(crossing.size))
    size[1::2] *= 1.0 - 0.55 * rough
    at = crossing - late + jitter
    taps = np.arange(-8, 8)
    base = np.floor(at).astype(np.int64)
    distance = base[:, None] + taps[None, :] - at[:, None]
    kernel = np.sinc(distance) * np.cos(np.pi * np.clip(distance / 17.0, -0.5, 0.5)) ** 2
    out = np.zeros(samples)
    index = np.clip(base[:, None] + taps[None, :], 0, samples - 1)
    np.add.at(out, index.ravel(), (kernel * size[:, None]).ravel())
    return out.astype(np.float32)
