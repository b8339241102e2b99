"""The project's Markdown pages, cut into what a test can look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "reaper_scripts/README.md")),
        *(ROOT / "docs").rglob("*.md"),
    ]
)

_FENCE = re.compile(r"^```(\w*)$")
_COMMENT = re.compile(r"^<!--\s*(.*?)\s*-->$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    line: of its fence, from 1. comment: of the HTML comment right above it, or "".
    """

    page: Path
    line: int
    language: str
    comment: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def not_run(self) -> str | None:
        """Why it cannot run in a test; None where it can."""
        kind, colon, why = self.comment.partition(":")
        return why.strip() if kind == "not run" and colon else None

    @property
    def exit_code(self) -> int:
        match = re.fullmatch(r"exit (\d+)", self.comment)
        return int(match[1]) if match else 0

    @property
    def commands(self) -> list[str]:
        return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]


def blocks(page: Path) -> Iterator[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence:
            end = lines.index("```", at + 1)
            above = _COMMENT.match(lines[at - 1]) if at else None
            text = "\n".join(lines[at + 1 : end])
            yield Block(page, at + 1, fence[1], above[1] if above else "", text)
            at = end
        at += 1


def all_blocks(*languages: str) -> list[Block]:
    return [
        block
        for page in PAGES
        for block in blocks(page)
        if not languages or block.language in languages
    ]


def prose(page: Path) -> str:
    """The page without its fenced blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "", _without_blocks(page))


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _without_blocks(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def _without_blocks(page: Path) -> str:
    fenced = re.compile(r"^```.*?^```$", flags=re.MULTILINE | re.DOTALL)
    return fenced.sub("", page.read_text(encoding="utf-8"))
