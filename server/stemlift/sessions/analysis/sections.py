"""Parts of a song: where what comes is unlike what was.

A checkerboard along the diagonal of the self-similarity of the bars (J. Foote, "Automatic audio
segmentation using a measure of audio novelty", ICME 2000).
"""

from __future__ import annotations

from itertools import pairwise
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from stemlift.sessions.analysis.bars import BeatSounds
from stemlift.sessions.analysis.result import Section

Floats = NDArray[np.float64]

_REACH = 4
"""Bars on either side that are compared."""
_LEAST = 0.15
"""How unlike, from 0 to 1, two parts are that meet at a change."""
_ALIKE = 0.82


def find_sections(
    sounds: BeatSounds, starts: NDArray[np.int64], times: Floats, end: float
) -> tuple[Section, ...]:
    """The sections of a song, each from the start of a bar to that of the next one's.

    starts: the beats that bars start at. times: of those. end: of the last bar. No section where
    there are fewer than four bars.
    """
    if len(starts) < 4:
        return ()
    bars = _bars(sounds, starts)
    alike = bars @ bars.T
    novelty = _novelty(alike)
    cuts = [0, *_peaks(novelty), len(starts)]
    edges = np.append(times, end)
    names = _names(alike, cuts)
    # A change to what sounds the same is none.
    stays = [place for place in range(1, len(names)) if names[place] == names[place - 1]]
    cuts = [cut for place, cut in enumerate(cuts) if place not in stays]
    names = [name for place, name in enumerate(names) if place not in stays]
    sections = []
    for first, stop, name in zip(cuts[:-1], cuts[1:], names, strict=True):
        # Of the song's own start there is no doubt.
        sure = 1.0 if first == 0 else float(np.clip(novelty[first] / (3 * _LEAST), 0, 1))
        sections.append(Section(float(edges[first]), float(edges[stop]), name, round(sure, 3)))
    return tuple(sections)


def _bars(sounds: BeatSounds, starts: NDArray[np.int64]) -> Floats:
    """(bars, features) of length 1: colour and loudness by mel bands, and notes."""
    pieces = np.split(np.arange(len(sounds.low)), starts[1:])
    colour = np.stack([sounds.mel[piece].mean(axis=0) for piece in pieces])
    spread = np.stack([sounds.mel[piece].std(axis=0) for piece in pieces])
    chroma = np.stack([sounds.chroma[piece].mean(axis=0) for piece in pieces])
    # Chords change from bar to bar: what a section has in common is those of some bars.
    chroma = np.stack(
        [chroma[max(0, bar - 1) : bar + 3].mean(axis=0) for bar in range(len(chroma))]
    )
    parts = [(colour, 12.0, 1.0), (spread, 6.0, 0.5), (chroma, 0.25, 0.5)]
    scaled = [
        weight * (part - part.mean(axis=0)) / scale / np.sqrt(part.shape[1])
        for part, scale, weight in parts
    ]
    features = np.concatenate(scaled, axis=1)
    # A song that stays the same has no sections, whichever way its little noise points.
    features = np.concatenate((features, np.full((len(features), 1), 0.35)), axis=1)
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True))


def _novelty(alike: Floats) -> Floats:
    """(bars,): how much less alike bars before and after its start are than among themselves."""
    count, novelty = len(alike), np.zeros(len(alike))
    for bar in range(1, count):
        reach = min(_REACH, bar, count - bar)
        before, after = slice(bar - reach, bar), slice(bar, bar + reach)
        among = (alike[before, before].mean() + alike[after, after].mean()) / 2
        # Fewer bars prove less.
        novelty[bar] = (among - alike[before, after].mean()) / 2 * min(1.0, reach / 2)
    return novelty


def _peaks(novelty: Floats) -> list[int]:
    """The bars that a new section starts at, no two closer than two bars."""
    peaks: list[int] = []
    for bar in np.argsort(novelty)[::-1]:
        near = novelty[max(0, bar - 2) : bar + 3]
        if novelty[bar] < _LEAST:
            break
        inside = 2 <= bar <= len(novelty) - 2
        if inside and novelty[bar] >= near.max() and all(abs(bar - other) > 2 for other in peaks):
            peaks.append(int(bar))
    return sorted(peaks)


def _names(alike: Floats, cuts: list[int]) -> list[str]:
    """A letter for each section, the same for those that sound alike."""
    spans = [slice(first, stop) for first, stop in pairwise(cuts)]
    kinds: list[slice] = []
    names = []
    for span in spans:
        likeness = [
            alike[span, kind].mean()
            / np.sqrt(max(1e-9, alike[span, span].mean() * alike[kind, kind].mean()))
            for kind in kinds
        ]
        if likeness and max(likeness) > _ALIKE:
            names.append(_letter(int(np.argmax(likeness))))
        else:
            names.append(_letter(len(kinds)))
            kinds.append(span)
    return names


def _letter(number: int) -> str:
    return (
        ascii_uppercase[number] if number < 26 else f"{ascii_uppercase[number % 26]}{number // 26}"
    )
