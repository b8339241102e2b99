"""How stems look in a project: their names and colours."""

from __future__ import annotations

import hashlib

Colour = tuple[int, int, int]

_COLOURS: dict[str, Colour] = {
    "vocals": (224, 94, 138),
    "drums": (230, 145, 56),
    "bass": (106, 90, 205),
    "other": (86, 156, 114),
    "guitar": (196, 72, 60),
    "piano": (66, 147, 196),
    "instrumental": (94, 160, 170),
    "remainder": (138, 138, 138),
}

# For all other stems: told apart from each other and from those above as well as eight can be.
_PALETTE: tuple[Colour, ...] = (
    (181, 137, 0),
    (42, 161, 152),
    (147, 112, 219),
    (205, 92, 92),
    (85, 139, 47),
    (70, 130, 180),
    (176, 96, 160),
    (160, 120, 90),
)


def colour(stem: str) -> Colour:
    """The colour of a stem; the same name always has the same."""
    known = _COLOURS.get(stem.lower())
    if known is not None:
        return known
    return _PALETTE[hashlib.sha256(stem.lower().encode()).digest()[0] % len(_PALETTE)]


def title(stem: str) -> str:
    """The stem's name for a person: "lead_vocals" is "Lead vocals"."""
    words = stem.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] or stem


def joined(name: str, stem: str) -> str:
    """Name of a take or track that is the stem of something with a name."""
    return f"{name} - {title(stem)}" if name else title(stem)
