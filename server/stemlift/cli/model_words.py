"""Models in words and tables, and the questions about them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from stemlift.cli.reporting import console, note, plain, size
from stemlift.errors import Reason, StemliftError

if TYPE_CHECKING:
    from stemlift.rpc.client import Client
    from stemlift.rpc.model_results import CommercialUse, ModelFile, ModelInfo

NO_WEIGHTS = "has no weights: it is signal processing, and ships with Stemlift"
BUILT_IN = "is here already: its weights ship with Stemlift"

_FOR_SALE = {"allowed": "yes", "forbidden": "no", "unknown": "?"}
_COMMERCIAL = {"allowed": "allowed", "forbidden": "not allowed", "unknown": "not stated"}


def connect(json: bool, heartbeat: Callable[[], None] = lambda: None) -> Client:
    """The server's client; where it takes a while, a person is told."""
    from stemlift.rpc.client import Client

    return Client(on_wait=None if json else note, heartbeat=heartbeat)


def ask(question: str, yes: bool, json: bool) -> None:
    """Go on with the user's consent alone.

    Args:
        yes: it was given by an option.
        json: the caller is a program, which nobody asks.

    Raises:
        StemliftError: ARGUMENT_INVALID where nobody can answer; CANCELLED for a no.
    """
    if yes:
        return
    if json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"This needs an answer, and nobody can give it here: {question}",
            "Say so beforehand with --yes.",
        )
    if not typer.confirm(plain(question), err=True):
        raise StemliftError(Reason.CANCELLED, "Nothing was done.")


def commercial(use: CommercialUse) -> str:
    """Commercial use as a person reads it: "allowed", "not allowed" or "not stated"."""
    return _COMMERCIAL[use]


def licence_in_words(model: ModelInfo) -> str:
    """What the licence is, and what it says of music that is sold."""
    licence = model.licence.rstrip(".") or "Not stated"
    return f"{licence}. Commercial use: {commercial(model.commercial_use)}."


def size_in_words(model: ModelInfo) -> str:
    """The size of its weights, as far as it is known."""
    if model.network == "spectral":
        return "none"
    if model.built_in:
        return f"{size(sum(file.size_bytes for file in model.files))}, built in"
    return size(model.download_bytes) if model.download_bytes else "size unknown"


def parts_of(client: Client, model: ModelInfo) -> list[ModelInfo]:
    """The models whose weights it needs: itself, or those of an ensemble."""
    return [client.model(part) for part in model.parts] or [model]


_SIZED = 100
_LICENSED = 130
"""Widths of a screen from which on the table has these columns."""


def print_table(models: Sequence[ModelInfo]) -> None:
    """The models in a table that fits into 80 columns and says more on wider screens."""
    from rich.table import Table

    screen = console(sys.stdout)
    sized, licensed = screen.width >= _SIZED, screen.width >= _LICENSED
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    # A name is there to be copied, so it is the last to be broken.
    table.add_column("model", no_wrap=True, overflow="fold")
    table.add_column("here", no_wrap=True)
    if sized:
        table.add_column("size", no_wrap=True, justify="right")
    table.add_column("stems", min_width=12)
    table.add_column("SDR dB", min_width=6, justify="right")
    table.add_column("speed", no_wrap=True)
    table.add_column("sale", no_wrap=True)
    if licensed:
        table.add_column("licence", min_width=20)
    for model in models:
        total = model.installed_bytes or model.download_bytes
        missing = size(total) if total and not sized else "no"
        here = "yes" if model.installed else missing
        table.add_row(
            f"{model.name} (auto)" if model.auto_choice else model.name,
            "loaded" if model.loaded else here,
            *([size(total) if total else ""] if sized else []),
            plain(" ".join(model.stems)),
            _quality(model),
            model.speed,
            _FOR_SALE[model.commercial_use],
            *([plain(model.licence)] if licensed else []),
        )
    screen.print(table)
    if not sized:
        note("A size stands for weights that are not here.")
    note(
        "Sale: whether the licence allows music that is sold, ? where it does not say.\n"
        "`stemlift models info NAME` tells more."
    )


def print_info(model: ModelInfo) -> None:
    """All that is known of a model, a line each."""
    rows = {
        "model": f"{model.name} (auto takes it now)" if model.auto_choice else model.name,
        "title": model.title,
        "stems": ", ".join(model.stems),
        "network": model.network,
        "made of": _sources(model),
        "here": _here(model),
        "size": size_in_words(model),
        "licence": model.licence or "Not stated",
        "for sale": f"commercial use is {commercial(model.commercial_use)}",
        "SDR": ", ".join(f"{stem} {sdr:.2f} dB" for stem, sdr in model.sdr.items()),
        "measured": model.sdr_source,
        "speed": f"{model.speed}, compared with htdemucs" if model.speed else "",
        "rate": f"{model.sample_rate} Hz",
        "segment": _segment(model),
        "overlap": "" if model.overlap is None else f"{model.overlap:.0%} of a segment",
        "masks": ", ".join(model.masks),
        "entry": model.origin,
        "from": model.repository,
    }
    screen = console(sys.stdout)
    for name, value in rows.items():
        if value:
            screen.print(f"{name:>8}  {plain(value)}", soft_wrap=True)
    for file in model.files:
        screen.print(f"{'file':>8}  {plain(_file(file))}", soft_wrap=True)


def _quality(model: ModelInfo) -> str:
    if model.mean_sdr is not None:
        return f"{model.mean_sdr:.1f}"
    if len(model.sdr) == 1:
        ((stem, sdr),) = model.sdr.items()
        return plain(f"{stem} {sdr:.1f}")
    return ""


def _here(model: ModelInfo) -> str:
    if not model.installed:
        return "no"
    taken = f", {size(model.installed_bytes)}" if model.installed_bytes else ""
    return f"yes{', in memory' if model.loaded else ''}{taken}"


def _sources(model: ModelInfo) -> str:
    stems = (
        f"{stem}: " + " + ".join(_share(name, share, weights) for name, share in weights.items())
        for stem, weights in model.sources.items()
    )
    return "; ".join(stems)


def _share(name: str, share: float, weights: dict[str, float]) -> str:
    return name if len(weights) == 1 else f"{share / sum(weights.values()):.0%} {name}"


def _segment(model: ModelInfo) -> str:
    if not model.segment_frames:
        return ""
    return f"{model.segment_frames} frames, {model.segment_frames / model.sample_rate:.2f} s"


def _file(file: ModelFile) -> str:
    parts = [file.name]
    if file.member:
        parts.append(f"{file.member} in an archive")
    if file.size_bytes:
        parts.append(f"{size(file.size_bytes)} in all" if file.member else size(file.size_bytes))
    if file.sha256:
        parts.append(f"SHA-256 {file.sha256}")
    if file.md5:
        parts.append(f"MD5 {file.md5}")
    if file.address:
        parts.append(file.address)
    return ", ".join(parts)
