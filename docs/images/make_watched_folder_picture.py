"""Draw the picture of docs/watched-folder.md: `python docs/images/make_watched_folder_picture.py`.

A song goes into the inbox, its stems come out of the outbox.
"""

from __future__ import annotations

import math
from pathlib import Path

TARGET = Path(__file__).with_name("watched-folder.svg")
STEMS = ("drums", "bass", "other", "vocals")
COLOURS = ("#d9622b", "#2f7d6d", "#5b6fb5", "#b0792a")
BAR, STEP = 3, 5

STYLE = """
    .card { fill: #fbfaf7; }
    .folder { fill: #eef1f6; stroke: #b9c2d0; stroke-width: 1.2; }
    .tab { fill: #dfe5ee; stroke: #b9c2d0; stroke-width: 1.2; }
    .file { fill: #ffffff; stroke: #b9c2d0; }
    .name { fill: #2b2f36; font-weight: 600; }
    .note { fill: #5d6572; font-size: 13px; }
    .file-name { fill: #5d6572; font-size: 12px; }
    .wave { fill: #5d6572; }
    .line { fill: none; stroke: #5d6572; stroke-width: 1.8; }
    .head { fill: #5d6572; }
    .zero { stroke: #5d6572; stroke-dasharray: 4 4; }
    @media (prefers-color-scheme: dark) {
      .card { fill: #1d2026; }
      .folder { fill: #252932; stroke: #434a57; }
      .tab { fill: #2d323c; stroke: #434a57; }
      .file { fill: #2d323c; stroke: #434a57; }
      .name { fill: #eceef2; }
      .note { fill: #aab2bf; }
      .wave { fill: #aab2bf; }
      .line, .zero { stroke: #aab2bf; }
      .head { fill: #aab2bf; }
    }"""


def level(stem: int, at: int) -> float:
    """A height between 0 and 1 that looks like such a stem."""
    shapes = (
        math.exp(-(at % 6) / 1.6),
        0.55 + 0.3 * math.sin(at / 3.1),
        0.35 + 0.25 * math.sin(at / 7.3 + 1),
        max(0.0, math.sin(at / 9.0)) * (0.6 + 0.4 * math.sin(at * 1.7)),
    )
    return max(0.06, min(1.0, shapes[stem]))


def wave(x: float, middle: float, height: float, count: int, stem: int | None) -> str:
    bars = []
    for at in range(count):
        high = sum(level(each, at) for each in range(4)) / 2.6 if stem is None else level(stem, at)
        tall = max(2.0, min(1.0, high) * height)
        bars.append(f"M{x + at * STEP:g} {middle - tall / 2:.1f}v{tall:.1f}h{BAR}v-{tall:.1f}z")
    look = 'class="wave"' if stem is None else f'fill="{COLOURS[stem]}"'
    return f'<path {look} d="{"".join(bars)}"/>'


def folder(x: int, y: int, width: int, height: int, name: str) -> str:
    return (
        f'<path class="tab" d="M{x} {y + 26}v-18a8 8 0 0 1 8-8h96l14 16h20v10z"/>'
        f'<rect class="folder" x="{x}" y="{y + 16}" width="{width}" height="{height}" rx="8"/>'
        f'<text class="name" x="{x + 16}" y="{y + 42}">{name}</text>'
    )


def picture() -> str:
    parts = [folder(24, 60, 300, 190, "inbox"), folder(524, 24, 412, 276, "stems / song")]
    parts.append('<rect class="file" x="40" y="116" width="268" height="76" rx="6"/>')
    parts.append('<text class="note" x="54" y="136">song.wav</text>')
    parts.append(wave(54, 164, 44, 48, None))
    parts.append('<text class="note" x="40" y="218">bounced, copied, saved or moved there,</text>')
    parts.append('<text class="note" x="40" y="236">by any program</text>')
    parts.append('<path class="line" d="M336 154H508" marker-end="url(#arrow)"/>')
    parts.append(
        '<text class="note" x="422" y="142" text-anchor="middle">when it is complete</text>'
    )
    parts.append(
        '<text class="note" x="422" y="178" text-anchor="middle">all at once, or nothing</text>'
    )
    for index, stem in enumerate(STEMS):
        top = 80 + index * 44
        parts.append(f'<rect class="file" x="540" y="{top}" width="380" height="38" rx="6"/>')
        parts.append(f'<text class="file-name" x="548" y="{top + 24}">song - {stem}.wav</text>')
        parts.append(wave(672, top + 19, 28, 48, index))
    parts.append('<path class="zero" d="M670 74V258"/>')
    parts.append('<text class="note" x="552" y="280">stems.json</text>')
    parts.append('<text class="note" x="672" y="280">same start, same length, same stamp</text>')
    body = "\n  ".join(parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 324" role="img"
  aria-labelledby="title desc" font-size="15"
  font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">
  <title id="title">The watched folder</title>
  <desc id="desc">A song that is put into the inbox comes back as four stems of the same length
  in a folder of the outbox.</desc>
  <style>{STYLE}
  </style>
  <defs>
    <marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"
      orient="auto">
      <path class="head" d="M0 0 10 5 0 10z"/>
    </marker>
  </defs>
  <rect class="card" width="960" height="324" rx="12"/>
  {body}
</svg>
"""


if __name__ == "__main__":
    TARGET.write_text(picture(), encoding="utf-8")
