"""Mashups and sample libraries from the command line: progress, and what is said at the end."""

from __future__ import annotations

from collections.abc import Sequence

from stemlift.cli.interrupts import Interrupts
from stemlift.cli.reporting import duration, note, plain, print_json
from stemlift.cli.session_new import Bars, Voice
from stemlift.errors import Exit, Reason, StemliftError
from stemlift.sessions.mashup import Mashup, MashupOptions, new_mashup
from stemlift.sessions.mashup_plan import Fit
from stemlift.sessions.samples import LOOPS, SHOTS, Library, SamplesOptions, new_samples


def make_mashup(
    parts: Sequence[str], out: str, options: MashupOptions, *, force: bool, voice: Voice
) -> int:
    """`stemlift session mashup`."""
    with Interrupts() as interrupts, Bars(voice) as bars:
        attended: MashupOptions = {
            **options,
            "on_update": bars.update,
            "on_render": bars.render,
            "on_note": bars.note,
            "beat": interrupts.check,
        }
        try:
            made = new_mashup(parts, out, force=force, **attended)
        except KeyboardInterrupt:
            bars.close()
            note("Cancelled. No session was written; stems that are done are found again.")
            return Exit.CANCELLED
    if voice.json:
        print_json(made.to_json())
    else:
        _tell(made)
    return Exit.DONE


def make_samples(
    song: str,
    out: str,
    by: str,
    bars: str,
    stems: str | None,
    model: str,
    *,
    voice: Voice,
) -> int:
    """`stemlift session samples`."""
    lengths = _lengths(bars)
    with Interrupts() as interrupts, Bars(voice) as shown:
        options: SamplesOptions = {
            "by": by,
            "bars": lengths,
            "stems": None if stems is None else [name.strip() for name in stems.split(",")],
            "model": model,
            "on_update": shown.update,
            "on_note": shown.note,
            "beat": interrupts.check,
        }
        try:
            library = new_samples(song, out, **options)
        except KeyboardInterrupt:
            shown.close()
            note("Cancelled. No library was written; stems that are done are found again.")
            return Exit.CANCELLED
    if voice.json:
        print_json(library.to_json())
    else:
        _tell_library(library)
    return Exit.DONE


def _lengths(bars: str) -> list[int]:
    try:
        return [int(length) for length in bars.split(",")]
    except ValueError as error:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"bars cannot be {bars!r}.",
            "Accepted: whole numbers such as 1,2,4.",
        ) from error


def _tell(made: Mashup) -> None:
    length = duration(float(made.session.end))
    lines = [f"{made.path}: {made.plan.tempo:.2f} bpm, {length}, {made.session.sample_rate} Hz."]
    for song, fit in zip(made.songs, made.plan.fits, strict=True):
        stems = ", ".join(stem.name for stem in song.stems)
        lines.append(f"  {song.name} ({stems}): {_in_words(fit)}")
    print(plain_lines(lines))  # noqa: T201 - the result of the command


def _in_words(fit: Fit) -> str:
    rates = sorted({round(float(piece.stretch), 4) for piece in fit.pieces})
    speed = "as fast as it is" if rates == [1.0] else f"{_span(rates)} times as fast"
    key = "" if fit.pitch == 0 else f", {fit.pitch:+d} semitone{'s' * (abs(fit.pitch) != 1)}"
    return f"{speed}{key}"


def _span(rates: Sequence[float]) -> str:
    return f"{rates[0]:g}" if len(rates) == 1 else f"{rates[0]:g} to {rates[-1]:g}"


def _tell_library(library: Library) -> None:
    loops = sum(sample.bars is not None for sample in library.samples)
    shots = len(library.samples) - loops
    found = [f"{loops} in {LOOPS}"] * bool(loops) + [f"{shots} in {SHOTS}"] * bool(shots)
    left = f"; {library.skipped} were silent" if library.skipped else ""
    print(  # noqa: T201 - the result of the command
        plain(f"{library.path}: {', '.join(found) or 'no samples'}{left}.")
    )


def plain_lines(lines: Sequence[str]) -> str:
    return "\n".join(plain(line) for line in lines)
