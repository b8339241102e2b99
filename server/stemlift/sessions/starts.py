"""When something starts to sound in a stem, one by one."""

from __future__ import annotations

from pathlib import Path

from stemlift.sessions.analysis.control import Control, Unattended
from stemlift.sessions.analysis.librosa_there import require_librosa
from stemlift.sessions.analysis.listening import RATE, listen
from stemlift.sessions.analysis.onsets import HOP, find_onsets, time_of


def find_starts(file: Path, control: Control | None = None) -> tuple[float, ...]:
    """Seconds, to about ten milliseconds; of the first twenty minutes.

    Raises:
        StemliftError: ANALYSIS_UNAVAILABLE, and what `stemlift.audio.reader` raises.
    """
    control = control or Unattended()
    strength = find_onsets(listen([file], control).samples, control).strength
    librosa = require_librosa()
    frames = librosa.onset.onset_detect(
        onset_envelope=strength, sr=RATE, hop_length=HOP, units="frames"
    )
    return tuple(float(time) for time in time_of(frames.astype(float)))
