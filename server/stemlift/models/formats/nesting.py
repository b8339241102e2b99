"""How deep text is nested, before a parser whose time grows with the square of it. No torch."""

from __future__ import annotations

_DEEPEST = 64
_OPENS = b"[{"
_CLOSES = b"]}"


def require_shallow(text: bytes) -> None:
    """Refuse YAML with more open brackets than any configuration has.

    The YAML scanner looks at every open bracket for every word: thirty thousand of them,
    30 kB in all, keep it busy for minutes. Brackets within quotes count, too.

    Raises:
        ValueError: it is nested far too deeply.
    """
    depth = 0
    for byte in text:
        if byte in _OPENS:
            depth += 1
            if depth > _DEEPEST:
                raise ValueError("nested far too deeply")
        elif byte in _CLOSES:
            depth = max(0, depth - 1)
