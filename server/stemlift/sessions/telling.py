"""A session in plain values, as `stemlift session show --json` prints it. Times in seconds."""

from __future__ import annotations

import math
from typing import Any

from stemlift.sessions.timeline import Clip, Session, Track


def to_json(session: Session) -> dict[str, Any]:
    """Levels are in dB, null for silence; colours "#rrggbb" or null."""
    return {
        "name": session.name,
        "sample_rate": session.sample_rate,
        "length": float(session.end),
        "tempo": [
            {
                "position": float(point.position),
                "bpm": point.bpm,
                "signature": f"{point.numerator}/{point.denominator}",
            }
            for point in session.tempo
        ],
        "markers": [
            {
                "position": float(marker.position),
                "name": marker.name,
                "length": None if marker.length is None else float(marker.length),
            }
            for marker in session.markers
        ],
        "tracks": [_track(track) for track in session.tracks],
    }


def _track(track: Track) -> dict[str, Any]:
    return {
        "name": track.name,
        "colour": None if track.colour is None else "#{:02x}{:02x}{:02x}".format(*track.colour),
        "gain_db": _level(track.gain_db),
        "pan": track.pan,
        "mute": track.mute,
        "solo": track.solo,
        "effects": [{"name": e.name, "enabled": e.enabled} for e in track.effects],
        "clips": [_clip(clip) for clip in track.clips],
        "children": [_track(child) for child in track.children],
    }


def _clip(clip: Clip) -> dict[str, Any]:
    return {
        "name": clip.name,
        "file": str(clip.file),
        "position": float(clip.position),
        "length": float(clip.length),
        "source_start": float(clip.source_start),
        "gain_db": _level(clip.gain_db),
        "stretch": float(clip.stretch),
        "pitch": clip.pitch,
        "mute": clip.mute,
    }


def _level(gain_db: float) -> float | None:
    # JSON has no infinity.
    return gain_db if math.isfinite(gain_db) else None
