"""Sound that a DAW cannot read is rendered as it is, to the sample."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

from stemlift.sessions.rendering import render
from stemlift.sessions.timeline import Clip, Media, Session, Track, at_frame

RATE, FRAMES = 44_100, 150_000


def test_what_is_not_stretched_and_cannot_be_played_is_written_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "song.ogg.wav"
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (FRAMES, 2)).astype(np.float32)
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    media = Media(path, RATE, 2, FRAMES)
    clip = Clip(media, at_frame(50, RATE), Fraction(FRAMES - 700, RATE), at_frame(300, RATE))
    session = Session("s", RATE, (Track("t", clips=(clip,)),))
    assert render(session, tmp_path / "Rendered") == session
    found = render(session, tmp_path / "Rendered", plays=lambda file: file != path)
    (made,) = found.clips
    assert (made.position, made.length, made.source_start) == (clip.position, clip.length, 0)
    samples, rate = soundfile.read(made.file, dtype="float32")
    assert rate == RATE
    assert np.array_equal(samples, sound[300 : FRAMES - 400])
