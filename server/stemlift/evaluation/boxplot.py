"""Box plots as SVG: a group for each stem, a box for each model.

A box spans the quartiles, with a line at the median; whiskers reach the furthest values within
1.5 times its height (J. W. Tukey, Exploratory Data Analysis, 1977), and dots are the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np

COLOURS = ("#2f6fb5", "#d9622b", "#3a8f5c", "#8a5bb0", "#b8860b", "#7c8697", "#b03a5b", "#2a9aa0")

_BOX, _BETWEEN, _APART = 26, 8, 40
_LEFT, _RIGHT, _TOP, _HEIGHT, _BOTTOM = 64, 24, 76, 320, 40
_LEGEND = 20
_TICKS = 8
_LETTER = 8
"""Of a name, about, in pixels; so that names neither meet nor leave the picture."""

_THIN = 4.0
"""Height in pixels that no box falls below; the median's line would cover one twice that high."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Names of stems are those of files; XML holds none of these, escaped or not."""

_LETTERS = (
    "role=\"img\" font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\""
    ' font-size="14"'
)
_STYLE = """
    .back { fill: #fbfaf7; } .grid { stroke: #d8dbe0; } .line { stroke: #2b2f36; }
    .name { fill: #2b2f36; font-weight: 600; } .note { fill: #5d6572; font-size: 13px; }
    .median { stroke: #fbfaf7; stroke-width: 2.5; }
    @media (prefers-color-scheme: dark) {
      .back { fill: #1d2026; } .grid { stroke: #3a404b; } .line { stroke: #aab2bf; }
      .name { fill: #eceef2; } .note { fill: #aab2bf; } .median { stroke: #1d2026; }
    }"""


def box_plot(title: str, unit: str, groups: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """An SVG of the values by group and by name; names have one colour in all groups."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    values = [each for group in groups.values() for some in group.values() for each in some]
    low, high, step = _scale(values or [0.0])
    boxes = {group: len(inside) * (_BOX + _BETWEEN) for group, inside in groups.items()}
    width_of = {group: max(boxes[group], len(group) * _LETTER - _APART // 2) for group in groups}
    longest = _LETTER * max(map(len, names), default=0)
    width = max(560, _LEFT + sum(width_of.values()) + _APART * len(groups) + _RIGHT, 72 + longest)
    columns = 2 if 2 * (longest + 32) <= width - 48 else 1
    legend = -(-len(names) // columns) * _LEGEND
    top = _TOP + legend
    height = top + _HEIGHT + _BOTTOM

    def y(value: float) -> float:
        return top + _HEIGHT * (high - value) / (high - low)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_LETTERS}>',
        f"  <title>{escape(title)}</title>",
        f"  <style>{_STYLE}\n  </style>",
        f'  <rect class="back" width="{width}" height="{height}" rx="12"/>',
        f'  <text class="name" x="24" y="32">{escape(title)}</text>',
        f'  <text class="note" x="24" y="{top - 12}">{escape(unit)}</text>',
    ]
    for place, name in enumerate(names):
        x = 24 + place % columns * (width - 48) / 2
        line = 56 + place // columns * _LEGEND
        out.append(f'  <rect x="{x:g}" y="{line - 11}" width="12" height="12" {_fill(place)}/>')
        out.append(f'  <text class="note" x="{x + 20:g}" y="{line}">{_text(name)}</text>')
    for tick in range(round((high - low) / step) + 1):
        at = low + tick * step
        level = f'x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y(at):.1f}" y2="{y(at):.1f}"'
        out.append(f'  <line class="grid" {level}/>')
        where = f'x="{_LEFT - 8}" y="{y(at) + 4:.1f}"'
        out.append(f'  <text class="note" {where} text-anchor="end">{at:g}</text>')
    x = _LEFT + _APART / 2
    for group, inside in groups.items():
        middle = x + width_of[group] / 2
        where = f'x="{middle:.1f}" y="{top + _HEIGHT + 26}"'
        out.append(f'  <text class="name" {where} text-anchor="middle">{_text(group)}</text>')
        at = middle - boxes[group] / 2
        for name, some in inside.items():
            label = f"{group}, {name}"
            out += _box(label, some, at + _BETWEEN / 2, _fill(names.index(name)), y)
            at += _BOX + _BETWEEN
        x += width_of[group] + _APART
    return "\n".join([*out, "</svg>", ""])


def _box(
    label: str, values: Sequence[float], x: float, fill: str, y: Callable[[float], float]
) -> list[str]:
    if not values:
        return []
    low, middle, high = (float(each) for each in np.percentile(values, (25, 50, 75)))
    reach = 1.5 * (high - low)
    near = [each for each in values if low - reach <= each <= high + reach]
    least, most = min(*near, low), max(*near, high)
    centre = x + _BOX / 2
    told = f"{label}: median {middle:.2f}, {len(values)} song{'s' * (len(values) != 1)}"
    out = [f"  <g><title>{_text(told)}</title>"]
    for one, two in ((most, high), (low, least)):
        line = f'x1="{centre:.1f}" x2="{centre:.1f}" y1="{y(one):.1f}" y2="{y(two):.1f}"'
        out.append(f'    <line class="line" {line}/>')
    for end in (most, least):
        line = f'x1="{centre - 6:.1f}" x2="{centre + 6:.1f}" y1="{y(end):.1f}" y2="{y(end):.1f}"'
        out.append(f'    <line class="line" {line}/>')
    tall = y(low) - y(high)
    shown = max(_THIN, tall)
    upper = (y(high) + y(low) - shown) / 2
    where = f'x="{x:.1f}" y="{upper:.1f}" width="{_BOX}" height="{shown:.1f}"'
    out.append(f'    <rect {where} rx="2" {fill}/>')
    if tall > 2 * _THIN:
        line = f'x1="{x:.1f}" x2="{x + _BOX:.1f}" y1="{y(middle):.1f}" y2="{y(middle):.1f}"'
        out.append(f'    <line class="median" {line}/>')
    out += [
        f'    <circle cx="{centre:.1f}" cy="{y(each):.1f}" r="2.5" {fill}/>'
        for each in sorted(values)
        if each not in near
    ]
    return [*out, "  </g>"]


def _text(name: str) -> str:
    return escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", name))


def _fill(place: int) -> str:
    return f'fill="{COLOURS[place % len(COLOURS)]}"'


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """Lowest and highest tick and what lies between two, round numbers around the values."""
    low, high = min(values), max(values)
    rough = max(high - low, 1.0) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in (1, 2, 5, 10) if size * each >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return first * step, max(last, first + 1) * step, step
