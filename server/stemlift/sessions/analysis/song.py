"""The analysis of a song, from its files to tempo, bars, key and sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.analysis import bars as bars_of
from stemlift.sessions.analysis import beat_this, beats
from stemlift.sessions.analysis.bars import Bars, BeatSounds, sounds_of
from stemlift.sessions.analysis.beats import Beats
from stemlift.sessions.analysis.control import Control, Step, Unattended
from stemlift.sessions.analysis.grid import LEAST_CONFIDENCE
from stemlift.sessions.analysis.key import CHROMA_RATE, Chroma, find_chroma, find_key
from stemlift.sessions.analysis.listening import LONGEST, Heard, Signal, listen
from stemlift.sessions.analysis.onsets import Onsets, find_onsets
from stemlift.sessions.analysis.pulse import TEMPI, Pulse, find_pulse
from stemlift.sessions.analysis.result import Analysis, KeyEstimate, Knot, TempoEstimate
from stemlift.sessions.analysis.sections import find_sections
from stemlift.sessions.timeline import Media

Method = Literal["auto", "beat_this", "librosa"]

_NEARLY = 0.5
"""A tempo an octave off is told where it fits this well, against the one chosen."""


def analyse(
    files: Path | Media | Sequence[Path | Media],
    *,
    tonal: Sequence[Path | Media] = (),
    method: Method = "auto",
    control: Control | None = None,
) -> Analysis:
    """Tempo, bars, key and sections of a song.

    files: the song, or stems that sum to it, all from the same start. tonal: the stems to find
    the key in, best the bass and what plays chords; the whole song without them. method: what
    finds the beats; auto takes beat_this where it and its weights are present.

    It takes about a tenth of a second for each second of sound, and looks at the first 20 minutes.

    Raises:
        StemliftError: what `stemlift.audio.reader` raises of a file; ARGUMENT_INVALID without
            files; ANALYSIS_UNAVAILABLE; CANCELLED by the control.
    """
    control = control or Unattended()
    checkpoint = _checkpoint(method)
    heard = listen(_paths(files), control)
    control.report(Step.BEATS, 0.2)
    onsets = find_onsets(heard.samples, control)
    control.report(Step.KEY, 0.4)
    chroma = find_chroma(heard.samples, control)
    key = find_key(
        find_chroma(listen(_paths(tonal), control).samples, control) if tonal else chroma
    )
    notes = [] if heard.whole else [f"Only the first {LONGEST // 60} minutes were looked at."]
    analysis = _with_beats(heard, onsets, chroma, key, checkpoint, control)
    control.report(Step.SECTIONS, 1.0)
    return replace(analysis, notes=(*notes, *analysis.notes))


def _with_beats(
    heard: Heard,
    onsets: Onsets,
    chroma: Chroma,
    key: KeyEstimate,
    checkpoint: Path | None,
    control: Control,
) -> Analysis:
    control.report(Step.BEATS, 0.6)
    pulse = find_pulse(onsets.strength)
    method = "librosa" if checkpoint is None else "beat_this"
    grid = None
    if pulse is not None:
        grid = (
            _by_onsets(onsets, pulse, chroma)
            if checkpoint is None
            else _by_network(heard.samples, checkpoint, onsets, chroma, control)
        )
    control.report(Step.SECTIONS, 0.9)
    if pulse is None or grid is None:
        tempo, found = (
            TempoEstimate(None, 0.0),
            "There is no beat, or too little sound to find one.",
        )
        return Analysis(heard.seconds, tempo, key, method=method, notes=(found,))
    tempo = _tempo(grid.beats, pulse, network=checkpoint is not None)
    times, starts = grid.beats.times, grid.bars.downbeats
    if tempo.confidence < LEAST_CONFIDENCE:
        tempo, found = replace(tempo, bpm=None), "No steady beat was found, so there is no tempo."
        return Analysis(heard.seconds, tempo, key, method=method, notes=(found,))
    end = float(min(heard.seconds, 2 * times[-1] - times[-2]))
    return Analysis(
        seconds=heard.seconds,
        tempo=tempo,
        key=key,
        beats=tuple(map(float, times)),
        downbeats=tuple(map(float, times[starts])),
        beats_per_bar=grid.bars.beats_per_bar,
        bar_confidence=round(grid.bars.confidence * min(1.0, 2 * tempo.confidence), 3),
        sections=find_sections(grid.sounds, starts, times[starts], end),
        grid=tuple(Knot(knot, float(times[knot])) for knot in grid.beats.knots),
        method=method,
        notes=_octave_note(tempo),
    )


@dataclass(frozen=True, slots=True)
class _Grid:
    beats: Beats
    sounds: BeatSounds
    bars: Bars


def _by_onsets(onsets: Onsets, pulse: Pulse, chroma: Chroma) -> _Grid | None:
    found = beats.find_beats(onsets, pulse)
    if found is None or len(found.times) < 8:
        return None
    sounds = _sounds(found, onsets, chroma)
    if found.steady:
        between = beats.between(found, onsets)
        others = _sounds(between, onsets, chroma)
        if bars_of.prefers(others, sounds):
            found, sounds = between, others
    bars = bars_of.find_bars(sounds)
    return _Grid(beats.resettled(found, onsets, bars.downbeats), sounds, bars)


def _by_network(
    samples: Signal, checkpoint: Path, onsets: Onsets, chroma: Chroma, control: Control
) -> _Grid | None:
    told = beat_this.track(samples, checkpoint, control)
    if len(told.beats) < 8:
        return None
    found = beats.from_times(told.beats, onsets)
    sounds = _sounds(found, onsets, chroma)
    bars = bars_of.from_downbeats(told.beats, told.downbeats)
    return _Grid(beats.resettled(found, onsets, bars.downbeats), sounds, bars)


def _sounds(found: Beats, onsets: Onsets, chroma: Chroma) -> BeatSounds:
    return sounds_of(found, onsets, chroma.all, chroma.bass, CHROMA_RATE)


def _tempo(found: Beats, pulse: Pulse, *, network: bool) -> TempoEstimate:
    """How sure: how well the onsets repeat, how close they lie to the beats, and how long the
    tempo holds. The figures separate noise, rubato and songs; they are no probability."""
    spans = [
        (found.times[stop] - found.times[start], stop - start)
        for start, stop in pairwise(found.knots)
    ]
    longest, count = max(spans)
    bpm = 60 * count / longest
    clarity = float(np.clip((np.median(pulse.clarity) - 0.1) / 0.35, 0, 1))
    closeness = float(np.clip((0.028 - found.spread) / 0.018, 0, 1))
    held = float(np.mean(found.weights > 0))
    # A network that hears a beat needs no repetition of onsets.
    repeats = max(clarity, 0.5) if network else clarity
    lasts = float(np.clip(np.median([beats for _, beats in spans]) / 24, 0, 1))
    sure = repeats * closeness * lasts * float(np.clip(held / 0.5, 0, 1))
    here = _salience(pulse, bpm)
    others = {other: _salience(pulse, other) for other in (bpm / 2, bpm * 2)}
    near = sorted((o for o in others if others[o] > _NEARLY * here), key=lambda o: -others[o])
    octave = 1 - min(1.0, max(others.values()) / max(here, 1e-9))
    return TempoEstimate(
        bpm=round(float(bpm), 4),
        confidence=round(sure, 3),
        octave_confidence=round(octave, 3),
        alternatives=tuple(round(float(one), 4) for one in near),
        constant=found.steady,
    )


def _salience(pulse: Pulse, bpm: float) -> float:
    near = np.abs(np.log(TEMPI / bpm)) < 0.03
    return float(pulse.salience[near].max()) if near.any() else 0.0


def _octave_note(tempo: TempoEstimate) -> tuple[str, ...]:
    if not tempo.alternatives or tempo.bpm is None:
        return ()
    return (f"The tempo may as well be {tempo.alternatives[0]:.2f} as {tempo.bpm:.2f} BPM.",)


def _checkpoint(method: Method) -> Path | None:
    if method not in ("auto", "beat_this", "librosa"):
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"There is no way to find beats named {method}.",
            "Choose auto, beat_this or librosa.",
        )
    found = None if method == "librosa" else beat_this.weights()
    if method == "beat_this" and found is None:
        raise StemliftError(
            Reason.ANALYSIS_UNAVAILABLE,
            "beat_this was asked for, and it or its weights are not there.",
            'Install it with: python -m pip install "stemlift[beats]", then fetch its weights '
            "with: python -c \"from beat_this.inference import load_model; load_model('final0')\"",
        )
    return found


def _paths(files: Path | Media | Sequence[Path | Media]) -> list[Path]:
    # A string is a sequence, too, of files with names of one letter.
    given = [files] if isinstance(files, str | Path | Media) else list(files)
    return [one.file if isinstance(one, Media) else Path(one) for one in given]
