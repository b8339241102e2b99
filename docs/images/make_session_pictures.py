"""Draw the pictures of docs/sessions: `python docs/images/make_session_pictures.py build/sessions`.

Makes the demo song and a faster, higher one of the same recipe, writes the sessions that the
pages speak of into that folder, reads them back and draws what is in them. The stems are the
songs' own, so no server is needed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from make_reaper_pictures import FAINT, FIELD, LINE, PANEL, TEXT, box, picture, say, shade

from stemlift.demo.recipe import load_recipe
from stemlift.demo.song import render as render_song
from stemlift.sessions import Song, Stem, new_mashup, new_samples, new_session, show
from stemlift.sessions.mashup import Part
from stemlift.sessions.media import media_of
from stemlift.sessions.timeline import Clip, Session, Track, walk

FOLDER = Path(__file__).parent
WIDTH, LEFT, TOP, ROW, THIN = 960, 232, 34, 52, 30
GREY = (120, 120, 120)
SLICE = "#e2873b"


def song(folder: Path, name: str, tempo: float, transpose: int) -> Song:
    """The demo's song at another tempo and pitch, with its true stems."""
    recipe = load_recipe().model_copy(update={"tempo": tempo, "transpose": transpose})
    made = render_song(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for stem, samples in {"": made.mix, **made.sources}.items():
        files[stem] = folder / f"{name}{f' - {stem}' if stem else ''}.wav"
        soundfile.write(files[stem], np.asarray(samples), made.sample_rate, subtype="PCM_24")
    stems = tuple(Stem(stem, media_of(file)) for stem, file in files.items() if stem)
    return Song(name, stems, media_of(files[""]))


def grouped(one: Song, name: str, rest: str) -> Song:
    """The song as two stems: one of its own, and all the others as `rest`."""
    (kept,) = [stem for stem in one.stems if stem.name == name]
    others = [soundfile.read(stem.media.file)[0] for stem in one.stems if stem is not kept]
    file = kept.media.file.with_name(f"{one.name} - {rest}.wav")
    soundfile.write(file, sum(others), kept.media.sample_rate, subtype="FLOAT")
    return Song(one.name, (kept, Stem(rest, media_of(file))), one.mix)


def peaks(clip: Clip, columns: int) -> np.ndarray:
    """(columns,) the peak of what the clip plays, 1 full scale."""
    rate = clip.media.sample_rate or soundfile.info(clip.file).samplerate
    start = round(clip.source_start * rate)
    samples, _ = soundfile.read(
        clip.file, start=start, frames=round(clip.source_length * rate), always_2d=True
    )
    level = np.abs(samples).max(axis=1)
    return np.array([part.max(initial=0.0) for part in np.array_split(level, columns)])


def wave(x: float, y: float, w: float, h: float, level: np.ndarray, fill: str) -> str:
    at = x + (np.arange(len(level)) + 0.5) * w / len(level)
    half = np.maximum(0.4, np.minimum(1, level * 1.3) * h / 2)
    above = [f"{a:.1f} {y + h / 2 - b:.1f}" for a, b in zip(at, half, strict=True)]
    below = [f"{a:.1f} {y + h / 2 + b:.1f}" for a, b in zip(at, half, strict=True)]
    return f'<path d="M{" ".join(above + below[::-1])}z" fill="{fill}"/>'


def item(clip: Clip, y: float, h: float, scale: float, rgb: tuple[int, int, int]) -> str:
    x, w = LEFT + float(clip.position) * scale, float(clip.length) * scale
    told = [clip.name]
    if clip.stretch != 1:
        told.append(f"{float(clip.stretch):.3f} ×")
    if clip.pitch:
        told.append(f"{clip.pitch:+g} st")
    frame = box(x, y, w, h, shade(rgb), 'rx="2" stroke="#1c1c1c"')
    label = say(x + 6, y + 12, "   ".join(told), "#161616", 'font-size="10.5"')
    level = peaks(clip, max(8, int(w / 2)))
    return frame + label + wave(x + 2, y + 15, w - 4, h - 17, level, shade(rgb, 0.42))


def head(track: Track, number: int, depth: int, y: float, h: float) -> Iterator[str]:
    left = 12 + 14 * depth
    yield box(left, y, LEFT - 14 - left, h - 3, PANEL, f'stroke="{LINE}"')
    yield box(left, y, 6, h - 3, shade(track.colour or (107, 107, 107)))
    yield say(left + 13, y + h / 2 + 3, str(number), FAINT, 'font-size="11"')
    room = 23 - 2 * depth
    name = track.name if len(track.name) <= room else f"{track.name[: room - 1]}…"
    yield say(left + 30, y + h / 2 + 3, name, TEXT, 'font-size="12"')
    fill = "#c0443c" if track.mute else FIELD
    yield box(LEFT - 36, y + h / 2 - 10, 17, 17, fill, f'stroke="{LINE}" rx="2"')
    middle = 'text-anchor="middle" font-size="10.5"'
    yield say(LEFT - 27.5, y + h / 2 + 2, "M", "#ffffff" if track.mute else FAINT, middle)


def rows(session: Session) -> Iterator[tuple[float, float, int, Track]]:
    y = float(TOP)
    for depth, track in walk(session.tracks):
        h = ROW if track.clips else THIN
        yield y, h, depth, track
        y += h


def ruler(session: Session, height: float, scale: float) -> Iterator[str]:
    points = session.tempo_points()
    bar = points[-1].numerator
    number, step = 1, 1 if session.end < 24 else 2
    while True:
        place = session.position_of(Fraction((number - 1) * bar))
        if place > session.end:
            return
        x = LEFT + float(place) * scale
        if (number - 1) % step == 0:
            yield f'<path d="M{x:.1f} 16V{height:g}" stroke="#454545"/>'
            if x + 16 < WIDTH:
                yield say(x + 3, 28, str(number), FAINT, 'font-size="10.5"')
        number += 1


def drawn(session: Session, name: str, told: str) -> str:
    laid = list(rows(session))
    height = laid[-1][0] + laid[-1][1] + 10
    scale = (WIDTH - LEFT - 14) / float(session.end)
    parts = [box(LEFT, 14, WIDTH - LEFT - 12, height - 22, "#2a2a2a")]
    parts += ruler(session, height - 8, scale)
    tempo = session.tempo_points()[-1]
    parts.append(say(14, 27, f"{tempo.bpm:.2f} bpm, {tempo.numerator}/{tempo.denominator}", FAINT))
    for number, (y, h, depth, track) in enumerate(laid, 1):
        parts += head(track, number, depth, y, h)
        rgb = GREY if track.mute else track.colour or (122, 132, 148)
        parts += [item(clip, y, h - 3, scale, rgb) for clip in track.clips]
    return picture(WIDTH, round(height), name, told, parts)


def sliced(stem: Stem, slices: list[tuple[float, float, str]], name: str, told: str) -> str:
    """A stem and where it is cut: (start, seconds, label) of each slice."""
    seconds = float(stem.media.duration)
    scale = (WIDTH - 40) / seconds
    whole = Clip(stem.media, Fraction(0), stem.media.duration)
    parts = [box(20, 20, WIDTH - 40, 110, "#2a2a2a")]
    parts.append(wave(20, 20, WIDTH - 40, 110, peaks(whole, 700), "#e69138"))
    for start, length, label in slices:
        x, w = 20 + start * scale, length * scale
        parts.append(box(x + 1, 136, w - 2, 26, FIELD, f'stroke="{SLICE}" rx="3"'))
        parts.append(f'<path d="M{x:.1f} 16V164" stroke="{SLICE}" stroke-dasharray="4 3"/>')
        middle = 'text-anchor="middle" font-size="11"'
        parts.append(say(x + w / 2, 153, label, TEXT, middle))
    return picture(WIDTH, 176, name, told, parts)


def main() -> None:
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build/sessions")
    low = song(build / "songs", "Small hours", 96.0, 0)
    high = song(build / "songs", "Late train", 104.0, 2)

    def session(name: str, source: Song, template: str, focus: str | None = None) -> Session:
        path = build / f"{name}.rpp"
        new_session(source, path, template=template, focus=focus, tempo="auto", force=True)
        return show(path)

    pictures = {
        "remix": (
            session("remix", low, "remix", "other"),
            "The song and the stem that is replaced are muted; below it an empty track waits.",
        ),
        "fix": (
            session("fix", grouped(low, "vocals", "remainder"), "fix"),
            "The song is muted; the vocals are alone, and all but the vocals is one track.",
        ),
        "acapella": (
            session("acapella", grouped(low, "vocals", "instrumental"), "acapella"),
            "The vocals are heard; the song and the instrumental are muted.",
        ),
        "practice": (
            session("practice", low, "practice", "bass"),
            "A click in the song's tempo, the bass muted, an empty track for one's own.",
        ),
    }
    parts = [Part(("vocals",), high), Part(("drums", "bass", "other"), low)]
    path = build / "mashup.rpp"
    new_mashup(parts, path, tempo="least", key="least", force=True)
    pictures["mashup"] = (
        show(path),
        "Vocals of one song above drums, bass and the rest of another, each with its stretch.",
    )
    for name, (found, told) in pictures.items():
        text = drawn(found, f"Session: {name}", told)
        (FOLDER / f"session-{name}.svg").write_text(text, encoding="utf-8", newline="\n")
    library = build / "library"
    if not (library / low.name).exists():
        new_samples(low, library, by="both", bars=(2,))
    manifest = json.loads((library / low.name / "samples.json").read_text())
    (drums,) = [stem for stem in low.stems if stem.name == "drums"]
    cuts = [
        (
            one["start_frame"] / one["sample_rate"],
            one["frames"] / one["sample_rate"],
            f"bars {one['bar']}-{one['bar'] + 1}",
        )
        for one in manifest["samples"]
        if one["stem"] == "drums" and one["kind"] == "loop"
    ]
    told = "The drums of a song, cut into loops of two bars each."
    (FOLDER / "session-samples.svg").write_text(
        sliced(drums, cuts, "Sample library", told), encoding="utf-8", newline="\n"
    )


if __name__ == "__main__":
    main()
