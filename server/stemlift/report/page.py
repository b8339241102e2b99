"""The page itself: HTML with everything in it that it shows and plays.

It asks for nothing from anywhere, and its content policy makes browsers hold it to that.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from urllib.parse import quote

from stemlift import __version__
from stemlift.quality.decibels import FLOOR_DB
from stemlift.quality.measure import Measurements
from stemlift.quality.verdicts import Level, Verdict, decibels, worst
from stemlift.report.folder import Subject
from stemlift.report.listening import KILOBITS, Stretch
from stemlift.report.meanings import MEANINGS
from stemlift.report.pictures import COLUMNS, Picture, spectrogram_png, waveform_path

MARK = "<!-- A report by Stemlift. -->"
"""How a report is known again, in its first line."""

_POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline';"
    " script-src 'unsafe-inline'"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TALL = 100
_SIGNS: dict[Level, str] = {"good": "✓", "fair": "●", "poor": "▲"}
_COLUMNS = ("bleed", "phase", "mono", "attacks", "highs", "clipping")


@dataclass(frozen=True, slots=True)
class Track:
    """A sound to look at and to hear. name: "" for the mix. heard: MP3. link: to its file."""

    name: str
    picture: Picture
    heard: bytes | None
    link: str | None


def page(
    subject: Subject,
    found: Measurements,
    verdicts: Sequence[Verdict],
    tracks: Sequence[Track],
    heard: Stretch,
) -> str:
    """The whole document."""
    parts = (
        *_begin(subject, found, verdicts),
        *_advice(verdicts),
        *_table(found, verdicts),
        *_tracks(subject, found, tracks, heard),
        *_bleed(found),
        *_meanings(),
        *_end(found, heard),
    )
    return "\n".join((*parts, ""))


def _begin(subject: Subject, found: Measurements, verdicts: Sequence[Verdict]) -> Iterator[str]:
    title = escape(_plain(subject.title))
    channels = {1: "mono", 2: "stereo"}.get(found.channels, f"{found.channels} channels")
    facts = [clock(found.seconds), f"{found.rate / 1000:g} kHz", channels]
    facts += [f"separated by {subject.model}"] if subject.model else []
    if subject.mix is not None:
        facts.append(f"measured against {_plain(subject.mix.name)}")
    yield f"<!doctype html>{MARK}"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}: its stems</title>"
    yield f"<style>\n{_resource('page.css')}</style>"
    yield "</head>"
    yield "<body>"
    yield "<header>"
    yield f"<h1>{title}</h1>"
    yield f'<p class="soft">{escape(" · ".join(facts))}</p>'
    yield '<ul class="summary" aria-label="Verdicts">'
    for level in _SIGNS:
        count = sum(each.level == level for each in verdicts)
        if count:
            yield f"<li>{_badge(level, f'{count} {level}')}</li>"
    yield "</ul>"
    for note in subject.notes:
        yield f"<p>{escape(_plain(note))}</p>"
    yield "</header>"
    yield "<main>"


def _advice(verdicts: Sequence[Verdict]) -> Iterator[str]:
    raised = [each for level in ("poor", "fair") for each in verdicts if each.level == level]
    yield "<h2>What to do</h2>"
    if not raised:
        yield "<p>Nothing: every figure is good.</p>"
        return
    yield '<ul class="advice">'
    for each in raised:
        who = escape(_plain(each.stem)) or "all stems"
        yield f'<li class="is-{each.level}">'
        yield f"<strong>{who}, {escape(each.metric)}</strong> {_badge(each.level, each.value)}"
        yield f"<p>{escape(_plain(each.sentence))} {escape(_plain(each.advice))}</p>"
        yield "</li>"
    yield "</ul>"


def _table(found: Measurements, verdicts: Sequence[Verdict]) -> Iterator[str]:
    by_place = {(each.metric, each.stem): each for each in verdicts}
    yield "<h2>Figures</h2>"
    whole = [each for each in verdicts if not each.stem]
    if whole:
        yield '<ul class="summary">'
        for each in whole:
            yield f"<li>{escape(each.metric)} {_badge(each.level, each.value)}</li>"
        yield "</ul>"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Figures by stem"><table>'
    heads = ("", "share", "loudness", "true peak", "correlation", *_COLUMNS)
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield f"<thead><tr>{cells}</tr></thead>"
    yield "<tbody>"
    yield _row(found, "", {})
    for name in found.stems:
        yield _row(found, name, {m: by_place[m, name] for m in _COLUMNS if (m, name) in by_place})
    yield "</tbody></table></div>"


def _row(found: Measurements, name: str, verdicts: dict[str, Verdict]) -> str:
    sound = found.stems[name] if name else found.mix
    lufs = sound.loudness.integrated_lufs
    cells = [
        decibels(found.balance.shares_db[name]) if name else "",
        "–" if lufs is None else _minus(f"{lufs:.1f} LUFS"),
        decibels(sound.loudness.true_peak_dbtp).replace("dB", "dBTP"),
        "–" if sound.stereo is None else _minus(f"{sound.stereo.correlation:z.2f}"),
    ]
    for metric in _COLUMNS:
        verdict = verdicts.get(metric)
        usual = "" if not name else "✓" if metric == "highs" else "–"
        cells.append(_badge(verdict.level, verdict.value) if verdict else usual)
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{escape(_plain(name)) or "the mix"}</th>{shown}</tr>'


def _tracks(
    subject: Subject, found: Measurements, tracks: Sequence[Track], heard: Stretch
) -> Iterator[str]:
    yield "<h2>Look and listen</h2>"
    if heard.frames:
        start = heard.start / found.rate
        yield (
            f'<p class="soft listen">Each player holds {heard.frames / found.rate:.0f} s from'
            f" {clock(start)}, the shaded part, where most stems play, as MP3 of {KILOBITS}"
            " kbit/s: enough to compare, not to judge the last detail. The keys <kbd>1</kbd> to"
            f" <kbd>{min(9, len(tracks))}</kbd> switch between sounds in place, <kbd>0</kbd>"
            " pauses.</p>"
        )
    loudest = max(track.picture.loudest for track in tracks)
    for track in tracks:
        yield from _track(subject, found, track, heard, loudest)


def _track(
    subject: Subject, found: Measurements, track: Track, heard: Stretch, loudest: float
) -> Iterator[str]:
    unknown = subject.mix is None
    name = escape(_plain(track.name)) or ("the sum of the stems" if unknown else "the mix")
    picture = track.picture
    first, last = (x / found.frames for x in (heard.start, heard.start + heard.frames))
    image = b64encode(spectrogram_png(picture, loudest)).decode()
    yield '<section class="track">'
    yield f'<div class="track-head"><h3>{name}</h3>'
    if track.link is not None:
        link = escape(quote(os.fsencode(track.link)))
        yield f'<a class="soft listen" href="{link}">the whole file</a>'
    yield "</div>"
    yield '<div class="wave">'
    yield (
        f'<svg viewBox="0 0 {COLUMNS} {_TALL}" preserveAspectRatio="none" role="img"'
        f' aria-label="Waveform of {name}">'
    )
    if heard.frames:
        yield (
            f'<rect class="part listen" x="{first * COLUMNS:.1f}" y="0"'
            f' width="{(last - first) * COLUMNS:.1f}" height="{_TALL}"/>'
        )
    yield f'<line class="middle" x1="0" x2="{COLUMNS}" y1="{_TALL / 2:g}" y2="{_TALL / 2:g}"/>'
    yield f'<path class="peaks" d="{waveform_path(picture.lows, picture.highs, _TALL)}"/>'
    yield f'<path class="rms" d="{waveform_path(-picture.rms, picture.rms, _TALL)}"/>'
    yield "</svg>"
    yield '<span class="head"></span>'
    yield "</div>"
    yield f'<img alt="Spectrogram of {name}" src="data:image/png;base64,{image}">'
    yield f'<div class="axis"><span>0:00</span><span>{clock(found.seconds)}</span></div>'
    if track.heard is not None:
        sound = b64encode(track.heard).decode()
        yield (
            f'<audio controls preload="metadata" aria-label="{name}" data-from="{first:.6f}"'
            f' data-to="{last:.6f}" src="data:audio/mpeg;base64,{sound}"></audio>'
        )
    yield "</section>"


def _bleed(found: Measurements) -> Iterator[str]:
    names = list(found.stems)
    if len(names) < 2:
        return
    yield "<h2>Who is heard in whom</h2>"
    yield (
        '<p class="soft">How loud the stem of a column is in the stem of a row, against that'
        " stem itself.</p>"
    )
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Bleed by stem"><table>'
    heads = "".join(f'<th scope="col">{escape(_plain(name))}</th>' for name in names)
    yield f'<thead><tr><th scope="col">in</th>{heads}</tr></thead><tbody>'
    for into in names:
        leaks = {leak.source: leak.in_stem_db for leak in found.leaks_into(into)}
        cells = "".join(
            f"<td>{_leak(leaks[source]) if source in leaks else ''}</td>" for source in names
        )
        yield f'<tr><th scope="row">{escape(_plain(into))}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _leak(level: float) -> str:
    from stemlift.quality.verdicts import BLEED_FAIR, BLEED_GOOD

    if level <= FLOOR_DB:
        return "–"
    grade: Level = "good" if level <= BLEED_GOOD else "fair" if level <= BLEED_FAIR else "poor"
    return _badge(grade, decibels(level))


def _meanings() -> Iterator[str]:
    yield "<details><summary>What the figures mean</summary>"
    yield "<dl>"
    for name, meaning in MEANINGS.items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(meaning)}</dd>"
    yield "</dl></details>"


def _end(found: Measurements, heard: Stretch) -> Iterator[str]:
    yield "</main>"
    yield "<footer>"
    yield (
        f"Made by Stemlift {escape(__version__)}. This page is one file; it loads nothing from"
        " anywhere."
    )
    if not found.with_mix:
        yield "There was no mix to measure against."
    yield "</footer>"
    if heard.frames:
        yield f"<script>\n{_resource('page.js')}</script>"
    yield "</body>"
    yield "</html>"


def clock(seconds: float) -> str:
    """A time as players show it: "3:07"."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes = f"{rest // 60:02d}" if hours else f"{rest // 60}"
    return f"{f'{hours}:' if hours else ''}{minutes}:{rest % 60:02d}"


def _badge(level: Level, text: str) -> str:
    """A sign besides the colour, for those who do not see it."""
    sign = f'<span aria-hidden="true">{_SIGNS[level]}</span>'
    return f'<span class="badge {level}" title="{level}">{sign} {escape(text)}</span>'


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _plain(text: str) -> str:
    """Without what no page can hold: bytes of a name that are no Unicode, and control signs."""
    return _CONTROLS.sub("?", text.encode("utf-8", "backslashreplace").decode())


def _resource(name: str) -> str:
    return files("stemlift.report").joinpath(name).read_text(encoding="utf-8")


__all__ = ["MARK", "Track", "clock", "page", "worst"]
