"""Write the tables in docs/ that are made from code; with --check, only compare.

The models of docs/models.md come from the catalogue, the ingredients of docs/provenance.md
from the list of rights, the figures and charts of docs/performance.md from what was measured.
"""

from __future__ import annotations

import sys
from pathlib import Path

from performance_figures import FOLDER, charts, read_results, with_figures
from provenance_tables import with_tables

from stemlift.models.catalogue import load_catalogue
from stemlift.models.spec import ModelSpec, Network

PAGE = Path(__file__).with_name("models.md")
PROVENANCE = Path(__file__).with_name("provenance.md")
PERFORMANCE = Path(__file__).with_name("performance.md")
BEGIN = "<!-- models: made by `make generate` from server/stemlift/models/catalogue.toml -->"
END = "<!-- end of models -->"

_HEAD = (
    "model",
    "network",
    "stems",
    "size",
    "speed",
    "SDR in dB",
    "licence of the weights",
    "sale",
)
_FOR_SALE = {True: "yes", False: "no", None: "not stated"}
_LONG = 24
"""Characters of a licence that a column still takes; longer ones become notes."""


class _Notes:
    """Numbered remarks below the table, each once."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def number(self, text: str) -> str:
        if text not in self._texts:
            self._texts.append(text)
        return f"({self._texts.index(text) + 1})"

    def lines(self) -> list[str]:
        return [f"{number}. {text}." for number, text in enumerate(self._texts, 1)]


def table() -> str:
    """The table with its notes, as Markdown."""
    notes = _Notes()
    rows = [_row(spec, notes) for spec in load_catalogue().models]
    ruled = [_HEAD, ("---",) * len(_HEAD), *rows]
    lines = [f"| {' | '.join(row)} |" for row in ruled]
    return "\n".join([*lines, "", *notes.lines()])


def _row(spec: ModelSpec, notes: _Notes) -> tuple[str, ...]:
    licence = spec.licence
    if len(licence) > _LONG:
        licence = f"see {notes.number(licence)}"
    return (
        f"`{spec.name}`",
        f"`{spec.network}`",
        ", ".join(spec.stems),
        _size(spec),
        spec.speed or "",
        _sdr(spec, notes),
        licence,
        _FOR_SALE[spec.commercial_use],
    )


def _size(spec: ModelSpec) -> str:
    if spec.network is Network.SPECTRAL:
        return "none"
    if spec.built_in:
        return f"{sum(file.size or 0 for file in spec.files) / 1e6:.0f} MB, built in"
    return f"{spec.download_bytes / 1e6:.0f} MB" if spec.download_bytes else "not known"


def _sdr(spec: ModelSpec, notes: _Notes) -> str:
    if not spec.sdr:
        return ""
    found = dict(spec.sdr)
    each = ", ".join(f"{stem} {found[stem]:.2f}" for stem in spec.stems if stem in found)
    whole = set(found) == set(spec.stems)
    mean = f"**{sum(found.values()) / len(found):.1f}**: " if whole else ""
    return f"{mean}{each} {notes.number(spec.sdr_source)}"


def with_table(page: str) -> str:
    """`page` with the table as it should be.

    Raises:
        ValueError: it lacks the marks that the table lies between.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks “{BEGIN}” or “{END}”")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main() -> int:
    results = read_results()

    def measured(page: str) -> str:
        return with_figures(page, results)

    pages = ((PAGE, with_table), (PROVENANCE, with_tables), (PERFORMANCE, measured))
    wanted = {path: made(path.read_text(encoding="utf-8")) for path, made in pages}
    wanted |= {FOLDER / name: picture for name, picture in charts(results).items()}
    behind = 0
    for path, text in wanted.items():
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is behind what it is made from: run `make generate`.")  # noqa: T201
            behind = 1
    return behind


if __name__ == "__main__":
    raise SystemExit(main())
