"""The tables and charts of docs/performance.md, from the files that the benchmarks wrote.

Nothing is drawn and nothing is claimed of a benchmark whose file is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

FOLDER = Path(__file__).with_name("performance")

Result = Mapping[str, Any]

_LETTERS = (
    "role=\"img\" font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\""
    ' font-size="14"'
)
_STYLE = """
    .back { fill: #fbfaf7; } .grid { stroke: #d8dbe0; } .ours { fill: #2f6fb5; }
    .theirs { fill: #a9b1bd; } .line { stroke: #2f6fb5; stroke-width: 2; fill: none; }
    .name { fill: #2b2f36; } .head { fill: #2b2f36; font-weight: 600; }
    .note { fill: #5d6572; font-size: 13px; }
    @media (prefers-color-scheme: dark) {
      .back { fill: #1d2026; } .grid { stroke: #3a404b; } .ours { fill: #5d9bdd; }
      .theirs { fill: #6d7685; } .line { stroke: #5d9bdd; }
      .name { fill: #eceef2; } .head { fill: #eceef2; } .note { fill: #aab2bf; }
    }"""
_WIDTH, _NAMES, _ROW, _TOP, _VALUES = 760, 210, 30, 52, 84


def read_results(folder: Path = FOLDER) -> dict[str, Result]:
    """Every result by its benchmark.

    Raises:
        ValueError: one is of a quick run, whose figures mean nothing.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["quick"] or result["benchmark"] != path.stem:
            raise ValueError(f"{path.name} is no result of a whole run of {path.stem}")
        found[path.stem] = result
    return found


def with_figures(page: str, results: Mapping[str, Result]) -> str:
    """`page` with what was measured between its marks.

    Raises:
        ValueError: it lacks the marks that a benchmark's figures lie between.
    """
    for name, told in _TOLD.items():
        begin, end = marks(name)
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"performance.md lacks “{begin}” or “{end}”")
        result = results.get(name)
        made = _measured(name, result, told) if result else _nothing(name)
        page = f"{before}{begin}\n\n{made}\n\n{end}{after}"
    return page


def charts(results: Mapping[str, Result]) -> dict[str, str]:
    """The pictures by the name of their file in docs/performance."""
    return {f"{name}.svg": draw(results[name]) for name, draw in _DRAWN.items() if name in results}


def marks(name: str) -> tuple[str, str]:
    """The comments that the figures of a benchmark lie between."""
    source = f"docs/performance/{name}.json"
    return f"<!-- {name}: made by `make generate` from {source} -->", f"<!-- end of {name} -->"


def _nothing(name: str) -> str:
    return f"Not measured yet; `python -m tests.benchmarks.{name}` does it."


def _measured(name: str, result: Result, told: Callable[[Result], Iterator[str]]) -> str:
    machine = result["machine"]
    features = ", ".join(machine["features"]) or "none of note"
    cores, runs = machine["cores"], result["runs"]
    peers = result["setting"].get("peers", {})
    versions = [
        f"torch {machine['torch']}",
        *(f"{a} {b}" for a, b in peers.items() if a != "torch"),
    ]
    about = (
        f"Measured on {result['date']}: {machine['processor']}, {cores} core{'s' * (cores != 1)} "
        f"({features}), {machine['memory_gb']:g} GB, {machine['system']}, "
        f"{', '.join(versions)}; {f'medians of {runs} runs' if runs > 1 else 'one run'}."
    )
    picture = [f"![{_ALT[name]}](performance/{name}.svg)", ""] if name in _DRAWN else []
    return "\n".join([*picture, *told(result), "", about])


def _whole_job(result: Result) -> Iterator[str]:
    seconds = result["figures"]["seconds"]
    faster = result["figures"]["times_faster"]
    peers = list(faster["warm"])
    yield from _table(
        ("", "seconds", *(f"times as fast as {peer}" for peer in peers)),
        [
            (name, f"{of['median']:.1f}", *(_times(faster, name, peer) for peer in peers))
            for name, of in seconds.items()
        ],
    )
    yield ""
    yield from _table(
        ("our precision", "against", "largest difference", "SDR of the worst stem"),
        [
            (precision, peer, f"{of['largest_difference']:.1e}", f"{of['worst_sdr_db']:.1f} dB")
            for precision, all_peers in result["figures"]["agreement"].items()
            for peer, of in all_peers.items()
        ],
    )


def _times(faster: Mapping[str, Mapping[str, float]], name: str, peer: str) -> str:
    return f"{faster[name][peer]:.2f}" if name in faster else ""


def _memory(result: Result) -> Iterator[str]:
    figures = result["figures"]
    rows = [
        (f"Stemlift's server, {_length(int(seconds))}", _megabytes(peak))
        for seconds, peak in figures["server_peak_bytes"].items()
    ]
    length = _length(figures["peers_song_seconds"])
    rows += [(f"{p}, {length}", _megabytes(m)) for p, m in figures["peer_peak_bytes"].items()]
    yield from _table(("", "peak"), rows)
    yield ""
    ratios = ", ".join(f"{of:.2f} of {peer}'s" for peer, of in figures["to_peer"].items())
    yield (
        f"The longest song takes {figures['longest_to_middle']:.2f} times the memory of the "
        f"middle one. At {length} ours is {ratios}."
    )


def _latency(result: Result) -> Iterator[str]:
    figures = result["figures"]
    first = figures["first_progress_seconds"]
    yield from _table(
        ("from", "to", "median seconds"),
        [
            ("the start of the command", "the first progress", _s(first["command"])),
            ("connecting, in a running program", "the first progress", _s(first["client"])),
            (
                "the start of the command",
                f"the stems of {result['setting']['item_seconds']} s of sound",
                _s(figures["item_seconds"]),
            ),
        ],
    )


def _many_jobs(result: Result) -> Iterator[str]:
    figures, setting = result["figures"], result["setting"]
    rates = figures["audio_seconds_per_second"]
    yield from _table(
        (f"{setting['jobs']} jobs of {setting['song_seconds']} s", "seconds of sound per second"),
        [(name, f"{of['median']:.2f}") for name, of in rates.items()],
    )
    yield ""
    yield (
        f"Passed over by one that came later: {max(figures['jobs_passed_over'])} jobs. An "
        "interactive job among as many background ones waited for "
        f"{figures['interactive_waited_for_jobs']} of them."
    )


def _growth(result: Result) -> Iterator[str]:
    line = result["figures"]["line"]
    yield (
        f"{line['start_seconds']:.1f} s and {line['seconds_per_second']:.3f} s for each second of "
        f"song; r² = {line['r_squared']:.4f}, and no length lies further than "
        f"{line['worst_deviation']:.1%} from the line."
    )


def _overhead(result: Result) -> Iterator[str]:
    yield from _table(
        ("precision", "network alone", "whole job", "overhead"),
        [
            (
                precision,
                f"{of['seconds']['network alone']['median']:.1f} s",
                f"{of['seconds']['whole job']['median']:.1f} s",
                f"{of['overhead']:.1%}",
            )
            for precision, of in result["figures"].items()
        ],
    )


def _peak(result: Result) -> Iterator[str]:
    figures = result["figures"]
    yield from _table(
        ("precision", "the network gets", "peak of matrix products", "share", "threads"),
        [
            (
                precision,
                _giga(figures[precision]["network_flops_per_second"]),
                _giga(figures[precision]["peak_flops_per_second"]),
                f"{figures[precision]['share_of_peak']:.0%}",
                str(figures[precision]["threads"]),
            )
            for precision in ("fp32", "bf16")
        ],
    )
    yield ""
    yield f"A segment takes {figures['flops_per_segment'] / 1e9:.0f} billion operations."


def _sweep(result: Result) -> Iterator[str]:
    rates = result["figures"]["audio_seconds_per_second"]
    batches = list(next(iter(rates.values())))
    yield from _table(
        (f"on {result['figures']['device']}", *(f"batch {batch}" for batch in batches)),
        [
            (precision, *(f"{of[batch]['median']:.2f}" for batch in batches))
            for precision, of in rates.items()
        ],
    )


def _draw_whole_job(result: Result) -> str:
    seconds = result["figures"]["seconds"]
    rows = [
        (name if name.split(",")[0] in _PEERS else f"Stemlift, {name}", of["median"])
        for name, of in seconds.items()
    ]
    length = result["setting"]["song_seconds"]
    return _bars(f"Seconds for a song of {length} s, file in to files out", "{:.1f} s", rows)


def _draw_memory(result: Result) -> str:
    figures = result["figures"]
    rows = [
        (f"Stemlift, {_length(int(seconds))}", peak / 1e6)
        for seconds, peak in figures["server_peak_bytes"].items()
    ]
    length = _length(figures["peers_song_seconds"])
    rows += [(f"{p}, {length}", m / 1e6) for p, m in figures["peer_peak_bytes"].items()]
    return _bars("Peak memory against the length of the song", "{:.0f} MB", rows)


def _draw_growth(result: Result) -> str:
    figures = result["figures"]
    points = [(float(x), of["median"]) for x, of in figures["seconds"].items()]
    line = figures["line"]
    title = "Seconds against the length of the song"
    width, height, left, top, bottom = _WIDTH, 320, 64, 56, 44
    far, high = max(x for x, _ in points) * 1.05, max(y for _, y in points) * 1.1

    def place(x: float, y: float) -> tuple[float, float]:
        across = left + (width - left - 24) * x / far
        return across, top + (height - top - bottom) * (1 - y / high)

    (x0, y0), (x1, y1) = (
        place(x, line["start_seconds"] + line["seconds_per_second"] * x) for x in (0.0, far)
    )
    ground = place(0, 0)[1]
    parts = [f'  <path class="line" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>']
    parts.append(f'  <path class="grid" d="M{left} {top}V{ground:.1f}H{width - 24}" fill="none"/>')
    for x, y in points:
        across, up = place(x, y)
        parts.append(f'  <circle class="ours" cx="{across:.1f}" cy="{up:.1f}" r="4.5"/>')
        parts.append(_text("note", across, ground + 20, f"{x:g} s", "middle"))
        parts.append(_text("note", across, up - 12, f"{y:.1f} s", "middle"))
    return _picture(title, height, parts)


def _bars(title: str, form: str, rows: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars from zero; those of Stemlift stand out."""
    most = max(value for _, value in rows)
    room = _WIDTH - _NAMES - _VALUES
    parts = []
    for number, (name, value) in enumerate(rows):
        y = _TOP + number * _ROW
        kind = "ours" if name.startswith("Stemlift") else "theirs"
        width = room * value / most
        parts.append(_text("name", _NAMES - 10, y + 19, name, "end"))
        parts.append(
            f'  <rect class="{kind}" x="{_NAMES}" y="{y + 5}" width="{width:.1f}" height="20"/>'
        )
        parts.append(_text("note", _NAMES + width + 8, y + 20, form.format(value), "start"))
    return _picture(title, _TOP + len(rows) * _ROW + 18, parts)


def _picture(title: str, height: int, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_LETTERS}>',
            f"  <title>{escape(title)}</title>",
            f"  <style>{_STYLE}\n  </style>",
            f'  <rect class="back" width="{_WIDTH}" height="{height}" rx="12"/>',
            _text("head", 24, 32, title, "start"),
            *parts,
            "</svg>\n",
        ]
    )


def _text(kind: str, x: float, y: float, words: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'  <text class="{kind}" {place}>{escape(words)}</text>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _length(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds >= 60 and seconds % 60 == 0 else f"{seconds} s"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"


def _giga(rate: float) -> str:
    return f"{rate / 1e9:.0f} GFLOP/s"


def _s(of: Mapping[str, float]) -> str:
    return f"{of['median']:.2f}"


_PEERS = ("demucs", "audio-separator")

_TOLD: dict[str, Callable[[Result], Iterator[str]]] = {
    "whole_job": _whole_job,
    "memory": _memory,
    "latency": _latency,
    "overhead": _overhead,
    "many_jobs": _many_jobs,
    "growth": _growth,
    "peak": _peak,
    "sweep": _sweep,
}
_DRAWN: dict[str, Callable[[Result], str]] = {
    "whole_job": _draw_whole_job,
    "memory": _draw_memory,
    "growth": _draw_growth,
}
_ALT = {
    "whole_job": "Bars: seconds of the whole job, Stemlift and its peers",
    "memory": "Bars: peak memory of Stemlift's server at three lengths, and of the peers at one",
    "growth": "A line: seconds against the length of the song",
}
