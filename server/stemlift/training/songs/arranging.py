"""A whole song by chance: sections, players, who is silent when, and human error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stemlift.training.songs import basslines, figures, genres, grooves, melodies
from stemlift.training.songs.genres import Genre, Layer
from stemlift.training.songs.harmony import SCALES, Chord, progression
from stemlift.training.songs.rights import Split
from stemlift.training.songs.score import (
    Instrument,
    Kind,
    Meter,
    Note,
    Part,
    Role,
    Section,
    Song,
    Source,
)

_SPLITS: tuple[Split, ...] = ("train", "valid", "test")

_BAND = (
    "intro",
    "verse",
    "chorus",
    "verse",
    "chorus",
    "bridge",
    "solo",
    "break",
    "chorus",
    "outro",
)
_MACHINE = ("intro", "verse", "break", "drop", "verse", "chorus", "break", "drop", "outro")
_ENERGY = {
    "intro": 0.35, "verse": 0.55, "chorus": 0.9, "bridge": 0.5, "solo": 0.8, "break": 0.12,
    "drop": 1.0, "outro": 0.35,
}  # fmt: skip
_SUNG = ("verse", "chorus", "bridge", "break", "drop")

_GAINS = {
    Role.DRUMS: (0.0, 3.0), Role.PERCUSSION: (-10.0, 3.0), Role.BASS: (-1.0, 3.0),
    Role.CHORDS: (-5.0, 4.0), Role.PAD: (-8.0, 4.0), Role.ARPEGGIO: (-7.0, 4.0),
    Role.RIFF: (-4.0, 3.0), Role.LEAD: (-4.0, 3.0), Role.EFFECT: (-13.0, 5.0),
    Role.DOUBLE: (-6.0, 2.0), Role.HARMONY: (-7.0, 3.0), Role.RAP: (1.0, 2.0),
    Role.ADLIB: (-7.0, 3.0),
}  # fmt: skip


def generator_for(seed: int, split: Split, index: int) -> np.random.Generator:
    """The source of chance of one song; no two of (seed, split, index) share theirs."""
    return np.random.default_rng((seed, _SPLITS.index(split), index))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all players know."""

    genre: Genre
    meter: Meter
    tonic: int
    mode: str
    tempo: float
    sections: tuple[Section, ...]
    chords: tuple[tuple[Chord, ...], ...]


def compose(rng: np.random.Generator, seconds: float = 28.0, genre: str = "") -> Song:
    """A song of a genre, or of one taken by chance.

    Args:
        rng: from `generator_for`; what it gives settles the song.
        genre: a name in `genres.GENRES`; KeyError for another.
    """
    chances = rng.spawn(5)
    kind = genres.named(genre) if genre else genres.GENRES[int(rng.integers(len(genres.GENRES)))]
    frame = _frame(chances[0], kind, seconds)
    drums = _drums(chances[1], frame)
    parts = [*drums, *_bass(chances[2], frame, drums), *_layers(chances[3], frame)]
    parts.extend(_voices(chances[4], frame))
    swing = float(rng.uniform(*kind.swing)) if rng.random() < 0.7 else kind.swing[0]
    tight = kind.machine and rng.random() < 0.8
    finished = [_played(rng, part, swing, kind.swing_unit, tight) for part in parts]
    return Song(
        genre=kind.name,
        tonic=frame.tonic,
        mode=frame.mode,
        tempo=frame.tempo,
        meter=frame.meter,
        swing=swing,
        seconds=seconds,
        sections=frame.sections,
        parts=tuple(part for part in finished if part.notes),
    )


def _frame(rng: np.random.Generator, genre: Genre, seconds: float) -> _Frame:
    meter = genre.meters[int(rng.integers(len(genre.meters)))]
    tempo = float(np.exp(rng.uniform(*np.log(genre.tempo))))
    tonic = int(rng.integers(12))
    families = genre.families
    family = families[int(rng.integers(len(families)))]
    modes = [mode for mode in genre.modes if family not in SCALES or _third(mode) == _third(family)]
    mode = str(rng.choice(modes or list(genre.modes)))
    total = seconds * tempo / 60.0
    form = _MACHINE if genre.machine else _BAND
    place = int(rng.integers(len(form)))
    usual = [2, 4, 4] if meter.bar * 60.0 / tempo > 2.2 else [4, 4, 8]
    sections: list[Section] = []
    chords: list[tuple[Chord, ...]] = []
    harmony_seeds = {name: int(rng.integers(2**31)) for name in _ENERGY}
    start = 0.0
    while start < total:
        name = form[place % len(form)]
        bars = int(rng.choice(usual))
        if name == "break":
            bars = min(bars, 4)
        energy = float(np.clip(_ENERGY[name] + rng.normal(0.0, 0.08), 0.05, 1.0))
        sections.append(Section(name, start, bars, energy))
        alike = np.random.default_rng(harmony_seeds[name])
        chords.append(
            tuple(progression(alike, family, tonic, mode, start, bars, meter.bar, genre.richness))
        )
        start += bars * meter.bar
        place += 1
    return _Frame(genre, meter, tonic, mode, tempo, tuple(sections), tuple(chords))


def _third(mode: str) -> int:
    return SCALES[mode][2]


def _instrument(rng: np.random.Generator, names: tuple[str, ...]) -> Instrument:
    name = names[int(rng.integers(len(names)))]
    seed = int(rng.integers(2**31))
    detune = float(rng.normal(0.0, 4.0)) if rng.random() < 0.5 else 0.0
    if name.startswith("gm:"):
        program = int(name.removeprefix("gm:"))
        return Instrument(Source.SOUNDFONT, f"program {program}", program, seed, detune)
    return Instrument(Source.SYNTHESIS, name, 0, seed, detune)


def _gain(rng: np.random.Generator, role: Role) -> float:
    mean, spread = _GAINS[role]
    return float(rng.normal(mean, spread / 1.5))


def _drums(rng: np.random.Generator, frame: _Frame) -> list[Part]:
    genre, meter = frame.genre, frame.meter
    if rng.random() < (0.35 if genre.name in ("ambient", "folk", "cinematic") else 0.04):
        return []
    instrument = replace(_instrument(rng, genre.kits), detune=0.0)
    style = str(rng.choice(genre.grooves))
    main = {name: grooves.groove_for(rng, style, meter) for name in _ENERGY}
    main["drop"] = main["chorus"] if rng.random() < 0.5 else main["drop"]
    filling = float(rng.uniform(0.2, 0.9))
    rolling = float(rng.uniform(0.03, 0.2)) if genre.name in ("trap", "hip hop") else 0.0
    notes: list[Note] = []
    for section in frame.sections:
        quiet = section.energy < 0.25 and rng.random() < 0.6
        if quiet or (section.name in ("intro", "outro") and rng.random() < 0.35):
            continue
        end = section.start + section.bars * meter.bar
        played = grooves.bars(rng, main[section.name], section.start, section.bars, section.energy)
        if rolling:
            played = grooves.rolls(rng, played, rolling)
        if rng.random() < filling:
            begins, fill = grooves.fill(rng, end, genre.machine)
            kept = [note for note in played if note.start < begins - 0.01]
            if rng.random() < 0.15:
                fill = []
            played = kept + [note for note in fill if note.start >= section.start]
        if section.energy > 0.45 and rng.random() < 0.65:
            crash = int(rng.choice([grooves.CRASH, grooves.CRASH2, grooves.SPLASH, grooves.CHINA]))
            played.append(Note(section.start, 1.0, crash, 0.85))
        notes.extend(played)
    return [
        Part("drums", Kind.DRUMS, Role.DRUMS, instrument, _sorted(notes), _gain(rng, Role.DRUMS))
    ]


def _bass(rng: np.random.Generator, frame: _Frame, drums: list[Part]) -> list[Part]:
    genre = frame.genre
    if rng.random() < (0.3 if genre.name == "ambient" else 0.05):
        return []
    kicks = sorted(
        note.start for part in drums for note in part.notes if note.pitch == grooves.KICK
    )
    instrument = _instrument(rng, genre.basses)
    low = int(rng.choice([24, 26, 28])) if instrument.name in ("sub", "808") else 28
    styles = {name: str(rng.choice(genre.bass_styles)) for name in _ENERGY}
    if rng.random() < 0.6:
        styles = dict.fromkeys(styles, styles["verse"])
    notes: list[Note] = []
    for section, chords in zip(frame.sections, frame.chords, strict=True):
        if section.energy < 0.3 and rng.random() < 0.55:
            continue
        beats = section.bars * frame.meter.bar
        notes.extend(
            basslines.line(
                rng,
                styles[section.name],
                list(chords),
                section.start,
                beats,
                frame.meter,
                low,
                kicks,
            )
        )
    gain = _gain(rng, Role.BASS)
    return [Part("bass", Kind.BASS, Role.BASS, instrument, _sorted(notes), gain)]


def _layers(rng: np.random.Generator, frame: _Frame) -> list[Part]:
    parts = []
    for number, layer in enumerate(frame.genre.layers):
        own = np.random.default_rng(int(rng.integers(2**63)))
        if own.random() >= layer.chance:
            continue
        instrument = _instrument(own, layer.instruments)
        percussive = layer.role is Role.PERCUSSION
        if percussive:
            instrument = replace(instrument, detune=0.0)
        notes = _layer_notes(own, layer, frame)
        kind = Kind.DRUMS if percussive else Kind.OTHER
        name = f"{layer.role.value} {number + 1}"
        parts.append(
            Part(name, kind, layer.role, instrument, _sorted(notes), _gain(own, layer.role))
        )
    return parts


def _layer_notes(rng: np.random.Generator, layer: Layer, frame: _Frame) -> list[Note]:
    styles = {name: str(rng.choice(layer.styles)) for name in _ENERGY}
    if rng.random() < 0.5:
        styles = dict.fromkeys(styles, styles["verse"])
    centre = 60 + int(rng.choice([-7, -3, 0, 0, 4, 8]))
    if layer.role in (Role.LEAD, Role.ARPEGGIO):
        centre += int(rng.choice([0, 7, 12]))
    notes: list[Note] = []
    for section, chords in zip(frame.sections, frame.chords, strict=True):
        beats = section.bars * frame.meter.bar
        style = styles[section.name]
        if style in ("effects", "vinyl"):
            notes.extend(_effects(rng, style, section, beats))
            continue
        odds = {
            Role.LEAD: 0.9 if section.name in ("solo", "intro", "drop") else 0.3,
            Role.PAD: 0.75,
            Role.CHORDS: 0.45 + 0.5 * section.energy,
        }.get(layer.role, 0.25 + 0.7 * section.energy)
        if rng.random() >= odds:
            continue
        if layer.role is Role.PERCUSSION:
            notes.extend(grooves.percussion(rng, section.start, beats, frame.meter))
        else:
            notes.extend(
                figures.figure(rng, style, list(chords), section.start, beats, frame.meter, centre)
            )
    return notes


def _effects(rng: np.random.Generator, style: str, section: Section, beats: float) -> list[Note]:
    if style == "vinyl":
        return [Note(section.start, beats, 60, 0.7)]
    length = min(beats, float(rng.choice([2.0, 4.0, 8.0])))
    at_end = rng.random() < 0.7
    start = section.start + beats - length if at_end else section.start
    return [Note(start, length, 60, float(rng.uniform(0.5, 1.0)))] if rng.random() < 0.7 else []


def _voices(rng: np.random.Generator, frame: _Frame) -> list[Part]:
    sung, rapped = frame.genre.voices
    turn = float(rng.random())
    if turn >= sung + rapped:
        return []
    low = int(rng.choice([43, 48, 53, 57, 60]))
    manner = melodies.Manner(
        low, low + int(rng.integers(10, 17)), float(rng.uniform(0.7, 2.2)), 0.2, 0.75,
        float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.05, 0.35)),
    )  # fmt: skip
    singer = Instrument(Source.VOICE, "singer", 0, int(rng.integers(2**31)))
    lead: list[Note] = []
    rap: list[Note] = []
    shouts: list[Note] = []
    chorus: list[Note] = []
    above: list[Note] = []
    way = bool(rng.random() < 0.7)
    singing = [
        index
        for index, section in enumerate(frame.sections)
        if section.name in _SUNG and rng.random() < 0.88
    ] or [0]
    for index, (section, chords) in enumerate(zip(frame.sections, frame.chords, strict=True)):
        beats = section.bars * frame.meter.bar
        sings = index in singing
        if turn >= sung and frame.meter.bar == 4.0 and rng.random() < 0.8:
            if sings:
                rap.extend(melodies.rap(rng, section.start, beats, low + 4))
            continue
        if not sings:
            continue
        tune = melodies.tune(rng, manner, list(chords), section.start, beats, frame.meter)
        tune = melodies.with_words(rng, tune)
        lead.extend(tune)
        if section.energy > 0.7:
            chorus.extend(tune)
            above.extend(melodies.harmony(rng, tune, list(chords), way))
        if rng.random() < 0.3:
            shouts.extend(melodies.adlibs(rng, tune, section.start, beats, manner))
    candidates = [
        ("lead", Role.LEAD, lead, 1.0, singer),
        ("rap", Role.RAP, rap, 1.0, singer),
        ("double", Role.DOUBLE, chorus, 0.5, replace(singer, detune=float(rng.normal(0, 9)))),
        ("harmony", Role.HARMONY, above, 0.45, singer),
        ("ad-libs", Role.ADLIB, shouts, 0.8, singer),
    ]
    return [
        Part(f"voice {name}", Kind.VOICE, role, who, _sorted(notes), _gain(rng, role))
        for name, role, notes, chance, who in candidates
        if notes and rng.random() < chance
    ]


def _sorted(notes: list[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda note: (note.start, note.pitch)))


def _played(rng: np.random.Generator, part: Part, swing: float, unit: float, tight: bool) -> Part:
    """The part as hands play it: swung, early or late, louder or softer."""
    scatter = 0.002 if tight else float(rng.uniform(0.004, 0.02))
    lag = 0.0 if tight else float(rng.normal(0.0, 0.008))
    touch = 0.02 if tight else float(rng.uniform(0.03, 0.09))
    shifts = rng.normal(lag, scatter, len(part.notes))
    levels = rng.normal(1.0, touch, len(part.notes))
    played = [
        replace(
            note,
            start=max(0.0, _swung(note.start, swing, unit) + float(shift)),
            velocity=float(np.clip(note.velocity * level, 0.05, 1.0)),
        )
        for note, shift, level in zip(part.notes, shifts, levels, strict=True)
    ]
    return replace(part, notes=_sorted(played))


def _swung(start: float, swing: float, unit: float) -> float:
    """Moves the second half of each unit later, to two thirds of it at swing 1."""
    whole, share = divmod(start / unit, 1.0)
    middle = 0.5 + swing / 6.0
    bent = share * middle / 0.5 if share < 0.5 else middle + (share - 0.5) * (1.0 - middle) / 0.5
    return float((whole + bent) * unit)
