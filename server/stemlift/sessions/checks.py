"""What a template has measured of stems, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from stemlift.reaper.looks import title
from stemlift.sessions.song import Song
from stemlift.sessions.templates.template import Template

_WORTH_SAYING_DB = -1.0


def mono_notes(songs: Sequence[Song], template: Template, focus: str) -> Iterator[str]:
    """A sentence for each stem that the template checks in mono and that loses there.

    Raises:
        StemliftError: what `stemlift.audio.reader` raises of a stem.
    """
    wanted = {
        (track.stem or "").replace("{focus}", focus)
        for track in template.track
        if track.check == "mono"
    }
    for song in songs:
        for stem in song.stems:
            if stem.name not in wanted or stem.media.channels != 2:
                continue
            change = mono_change(stem.media.file)
            if change < _WORTH_SAYING_DB:
                yield (
                    f"{title(stem.name)} of {song.name} is {-change:.1f} dB weaker in mono:"
                    " listen to it there, and make its low end mono if that is too much."
                )


def mono_change(file: Path) -> float:
    """Level of a stereo file's mono sum in dB, as `stemlift.quality.mono` has it, in blocks."""
    # On demand: they bring decoders, which a session without a check does not need.
    from stemlift.audio.reader import open_reader
    from stemlift.quality.mono import mono_change_db

    power = summed = 0.0
    with open_reader(file) as reader:
        for block in reader.blocks():
            # Integers come left-justified in 32 bits; a level against itself needs no scale.
            samples = block.astype(np.float64)
            here = float(np.vdot(samples, samples))
            power += here
            summed += here * 10 ** (mono_change_db(samples) / 10)
    return 10 * math.log10(summed / power) if summed > 0 else 0.0
