"""Draw the pictures of docs/reaper.md: `python docs/images/make_reaper_pictures.py`.

They show what REAPER shows, drawn by us: no screenshots, and no theme of REAPER's. Names and
colours of stems come from the code, so the pictures follow it.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path

from stemlift.reaper.install.menu import LABEL
from stemlift.reaper.install.scripts import MAIN
from stemlift.reaper.looks import colour, title

FOLDER = Path(__file__).parent
STEMS = ("drums", "bass", "other", "vocals")
ACTION = f"Script: {MAIN}"

DESK, PANEL, FIELD, LINE = "#333333", "#3f3f3f", "#262626", "#5a5a5a"
TEXT, FAINT, ACCENT, MARK = "#d2d2d2", "#9a9a9a", "#4a9079", "#e2873b"
MIX = (122, 132, 148)


def box(x: float, y: float, w: float, h: float, fill: str, more: str = "") -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" fill="{fill}" {more}/>'


def say(x: float, y: float, text: str, fill: str = TEXT, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" {more}>{escape(text, quote=False)}</text>'


def button(x: float, y: float, w: float, text: str, fill: str = FIELD) -> str:
    label = say(x + w / 2, y + 18, text, more='text-anchor="middle"')
    return box(x, y, w, 26, fill, f'stroke="{LINE}"') + label


def click(x: float, y: float, number: int) -> str:
    """A numbered mark: which click this is."""
    digit = say(x, y + 5.5, str(number), "#ffffff", 'text-anchor="middle" font-weight="700"')
    return f'<circle cx="{x:g}" cy="{y:g}" r="13" fill="{MARK}"/>' + digit


def wave(x: float, y: float, w: float, h: float, seed: str, fill: str) -> str:
    """Something like the peaks of a sound, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311
    struck = seed == "drums"
    above: list[str] = []
    below: list[str] = []
    level = 0.5
    for step in range(int(w / 3)):
        if struck:
            level = 1.0 if step % 13 == 0 else level * 0.82
        else:
            level += 0.35 * (chance.random() - 0.5)
            level = min(0.95, max(0.12, level))
        swell = 0.75 + 0.25 * math.sin(step / 17 + len(seed))
        half = h / 2 * level * swell * (0.8 + 0.2 * chance.random())
        above.append(f"{x + step * 3:g} {y + h / 2 - half:.1f}")
        below.append(f"{x + step * 3:g} {y + h / 2 + half:.1f}")
    return f'<path d="M{" ".join(above + below[::-1])}z" fill="{fill}"/>'


def shade(rgb: tuple[int, int, int], factor: float = 1.0) -> str:
    return "#" + "".join(f"{round(each * factor):02x}" for each in rgb)


def item(
    x: float, y: float, w: float, h: float, name: str, seed: str, rgb: tuple[int, int, int]
) -> str:
    frame = box(x, y, w, h, shade(rgb), 'rx="2" stroke="#1c1c1c"')
    label = say(x + 6, y + 13, name, "#161616", 'font-size="11.5"')
    return frame + label + wave(x + 3, y + 17, w - 6, h - 20, seed, shade(rgb, 0.42))


def track(
    y: float, h: float, number: int, name: str, rgb: tuple[int, int, int] | None, indent: float
) -> str:
    left = 14 + indent
    parts = [box(left, y, 190 - indent, h - 3, PANEL, f'stroke="{LINE}"')]
    parts.append(box(left, y, 7, h - 3, shade(rgb) if rgb else "#6b6b6b"))
    parts.append(say(left + 16, y + h / 2 + 3, str(number), FAINT, 'font-size="12"'))
    parts.append(say(left + 34, y + h / 2 + 3, name))
    for place, letter in ((150, "M"), (172, "S")):
        parts.append(box(14 + place, y + h / 2 - 10, 18, 17, FIELD, f'stroke="{LINE}" rx="2"'))
        middle = 'text-anchor="middle" font-size="11"'
        parts.append(say(14 + place + 9, y + h / 2 + 3, letter, FAINT, middle))
    return "".join(parts)


def picture(w: int, h: int, name: str, told: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" role="img" \
aria-labelledby="title desc" \
font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13.5">
<title id="title">{escape(name)}</title>
<desc id="desc">{escape(told)}</desc>
{box(0, 0, w, h, DESK, 'rx="8"')}
{body}
</svg>
"""


def menu() -> str:
    """The context menu of an item."""
    entries = (
        ("Item settings", "▸"),
        ("Item and take volume", "▸"),
        ("Take", "▸"),
        ("-", ""),
        ("Split items at edit or play cursor", ""),
        ("Reverse items as new take", ""),
        ("Group", "▸"),
        ("Item properties…", "F2"),
        ("-", ""),
        (LABEL, ""),
    )
    parts = [track(46, 110, 1, "Song", None, 0), box(214, 18, 732, 292, "#2a2a2a")]
    parts += [
        f'<path d="M{x} 18V310" stroke="#3a3a3a"/>' + say(x + 4, 32, str(bar), FAINT)
        for bar, x in enumerate(range(220, 940, 120), 1)
    ]
    parts.append(item(236, 46, 600, 104, "song.wav", "mix", MIX))
    parts.append(box(236, 46, 600, 104, "none", 'stroke="#ffffff" stroke-width="1.5"'))
    x, y = 420, 92
    height = sum(9 if text == "-" else 24 for text, _ in entries) + 10
    parts.append(box(x + 4, y + 4, 300, height, "#000000", 'opacity="0.35"'))
    parts.append(box(x, y, 300, height, "#f2f2f2", 'stroke="#8a8a8a"'))
    y += 5
    for text, side in entries:
        if text == "-":
            parts.append(f'<path d="M{x + 8} {y + 4}h284" stroke="#c4c4c4"/>')
            y += 9
            continue
        lit = text == LABEL
        if lit:
            parts.append(box(x + 2, y, 296, 24, ACCENT))
        ink = "#ffffff" if lit else "#222222"
        parts.append(say(x + 22, y + 17, text, ink))
        parts.append(say(x + 288, y + 17, side, ink, 'text-anchor="end"'))
        y += 24
    parts.append(f'<path d="M{x - 1} 91l0 17 4-4 4 8 3-1-4-8 6 0z" fill="#fff" stroke="#000"/>')
    told = f"An item is selected; in the menu of a right click, the last entry is {LABEL}."
    return picture(960, 330, "The right-click menu of an item", told, parts)


def customize() -> str:
    """The four clicks in Customize menus/toolbars."""
    parts = [
        box(20, 16, 640, 378, PANEL, f'stroke="{LINE}"'),
        box(20, 16, 640, 28, "#4d4d4d"),
        say(34, 35, "Customize menus/toolbars", "#ffffff"),
        box(40, 60, 290, 26, FIELD, f'stroke="{MARK}" stroke-width="2"'),
        say(50, 78, "Media item context"),
        say(316, 78, "▾", more='text-anchor="end"'),
        click(330, 60, 1),
        box(40, 100, 450, 236, FIELD, f'stroke="{LINE}"'),
    ]
    rows = ["Item settings  ▸", "Take  ▸", "<separator>", "Split items at edit cursor", "…"]
    for place, row in enumerate(rows):
        parts.append(say(54, 124 + 24 * place, row, FAINT))
    parts.append(box(42, 228, 446, 25, ACCENT))
    parts.append(say(54, 245, ACTION, "#ffffff"))
    parts.append(button(508, 100, 132, "Add…"))
    parts.append(click(508, 100, 2))
    for place, text in enumerate(("Remove", "Reset…")):
        parts.append(button(508, 136 + 36 * place, 132, text))
    parts.append(button(312, 352, 112, "Save", ACCENT))
    parts.append(click(312, 352, 4))
    parts.append(button(440, 352, 112, "Close"))
    # What Add… → Action… opens.
    parts += [
        box(574, 204, 366, 172, PANEL, f'stroke="{LINE}"'),
        box(574, 204, 366, 26, "#4d4d4d"),
        say(586, 222, "Actions", "#ffffff"),
        say(586, 256, "Filter:", FAINT),
        box(634, 240, 290, 24, FIELD, f'stroke="{LINE}"'),
        say(642, 257, "separate to tracks"),
        box(586, 276, 338, 50, FIELD, f'stroke="{LINE}"'),
        box(588, 278, 334, 23, ACCENT),
        say(594, 294, ACTION, "#ffffff", 'font-size="13"'),
        button(812, 338, 112, "Select", ACCENT),
        click(812, 338, 3),
    ]
    told = (
        f"1: choose Media item context. 2: Add, then Action. 3: find and select {ACTION}. 4: Save."
    )
    return picture(960, 410, "Four clicks in Customize menus/toolbars", told, parts)


def tracks() -> str:
    """The tracks before and after, in the folder layout."""
    parts = [say(14, 26, "before", FAINT, 'font-style="italic"')]
    parts += _lanes(36, 84, 58, 2)
    parts.append(track(36, 84, 1, "Song", None, 0))
    parts.append(item(262, 38, 420, 78, "song.wav", "mix", MIX))
    parts.append(track(120, 58, 2, "Click", None, 0))
    parts.append(say(14, 212, "after", FAINT, 'font-style="italic"'))
    parts += _lanes(222, 84, 58, 6)
    parts.append(track(222, 84, 1, "Song", None, 0))
    muted = item(262, 224, 420, 78, "song.wav (muted)", "mix", (122, 126, 132))
    parts.append(f'<g opacity="0.55">{muted}</g>')
    for place, stem in enumerate(STEMS):
        y, rgb = 306 + 58 * place, colour(stem)
        parts.append(track(y, 58, place + 2, title(stem), rgb, 22))
        parts.append(item(262, y + 2, 420, 52, f"song.wav - {title(stem)}", stem, rgb))
    parts.append(track(306 + 58 * 4, 58, 6, "Click", None, 0))
    notes = (
        (52, "The track’s effects, sends, fader"),
        (70, "and automation act on this item,"),
        (238, "and now on the sum of the stems:"),
        (256, "the track has become their folder."),
        (274, "The item is muted, not deleted."),
        (334, "Each stem starts, ends and fades"),
        (352, "where the item did."),
        (560, "What came after stays after."),
    )
    parts += [say(704, y, text, FAINT) for y, text in notes]
    told = (
        "Before: one item on the track Song. After: it is muted, and Song is the folder of"
        " Drums, Bass, Other and Vocals, each with its stem at the same place."
    )
    return picture(960, 606, "Tracks before and after", told, parts)


def _lanes(top: float, first: float, other: float, count: int) -> list[str]:
    heights = [first] + [other] * (count - 1)
    parts, y = [], top
    for height in heights:
        parts.append(box(210, y, 736, height - 3, "#2a2a2a"))
        y += height
    return parts


def progress() -> str:
    """The progress window while a job runs, and after one that left items alone."""
    parts = _window(20, "song.wav")
    parts += [
        say(34, 90, "Separating · 42 % · 0:21 left"),
        box(34, 102, 412, 10, FIELD),
        box(34, 102, 173, 10, ACCENT),
        say(34, 136, "htdemucs · cuda:0"),
        button(34, 150, 78, "Cancel"),
    ]
    parts += _window(500, "song.wav and 4 more")
    parts += [
        say(514, 90, "The stems are in the project"),
        box(514, 102, 412, 10, ACCENT),
        say(514, 136, "htdemucs · cuda:0"),
        say(514, 160, "Left alone: 2 MIDI, 1 offline.", "#d6943c"),
        button(514, 174, 70, "Close"),
    ]
    told = (
        "Left: a job that runs, with a bar, the time left, the model and the device, and a button"
        " to cancel. Right: a job that is done and says which items it left alone."
    )
    return picture(960, 240, "The progress window", told, parts)


def _window(x: float, name: str) -> list[str]:
    return [
        box(x, 16, 440, 206, "#2d2d2d", 'stroke="#161616"'),
        box(x, 16, 440, 26, "#4d4d4d"),
        say(x + 14, 34, "Stemlift", "#ffffff"),
        say(x + 418, 34, "×", "#ffffff"),
        say(x + 14, 68, name),
    ]


PICTURES = {
    "reaper-menu.svg": menu,
    "reaper-customize.svg": customize,
    "reaper-tracks.svg": tracks,
    "reaper-progress.svg": progress,
}


def main() -> int:
    """With --check, only say whether the pictures are what would be drawn."""
    behind = []
    for name, draw in PICTURES.items():
        path, drawn = FOLDER / name, draw()
        if "--check" not in sys.argv[1:]:
            path.write_text(drawn, encoding="utf-8", newline="\n")
        elif not path.is_file() or path.read_text(encoding="utf-8") != drawn:
            behind.append(name)
    if behind:
        sys.stderr.write(f"draw them again: {', '.join(behind)}\n")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
