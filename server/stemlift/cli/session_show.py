"""A session for a person."""

from __future__ import annotations

import math
import sys

from stemlift.cli.reporting import console, duration, in_one_line, plain
from stemlift.sessions.timeline import Session, Track, walk


def print_session(session: Session) -> None:
    """Its tracks as a table on stdout, then tempo and markers."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=plain(session.name), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
    )
    table.add_column("track", overflow="fold")
    table.add_column("gain", justify="right", no_wrap=True)
    table.add_column("clips", justify="right", no_wrap=True)
    table.add_column("from", justify="right", no_wrap=True)
    table.add_column("to", justify="right", no_wrap=True)
    table.add_column("effects", overflow="fold")
    table.add_column("")
    for depth, track in walk(session.tracks):
        first = min((clip.position for clip in track.clips), default=None)
        table.add_row(
            plain("  " * depth + track.name),
            _level(track.gain_db),
            str(len(track.clips)) if track.clips else "",
            "" if first is None else _clock(float(first)),
            "" if first is None else _clock(float(max(clip.end for clip in track.clips))),
            plain(", ".join(f"{e.name}{'' if e.enabled else ' (off)'}" for e in track.effects)),
            _state(track),
        )
    screen = console(sys.stdout)
    screen.print(table)
    screen.print(f"{duration(float(session.end))}, {session.sample_rate} Hz.")
    for point in session.tempo:
        screen.print(
            f"{_clock(float(point.position))}  {point.bpm:.2f} beats per minute,"
            f" {point.numerator}/{point.denominator}"
        )
    for marker in session.markers:
        length = "" if marker.length is None else f", {duration(float(marker.length))}"
        screen.print(f"{_clock(float(marker.position))}  {in_one_line(marker.name)}{length}")


def _state(track: Track) -> str:
    words = [word for word, there in (("muted", track.mute), ("solo", track.solo)) if there]
    return ", ".join(words)


def _level(gain_db: float) -> str:
    return f"{gain_db:+.1f} dB" if math.isfinite(gain_db) else "silent"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:06.3f}"
