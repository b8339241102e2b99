"""The stems of a finished song, for a person."""

from __future__ import annotations

import sys

from stemlift.cli.reporting import console, duration, note, plain
from stemlift.rpc.results import SILENCE_DBFS, SeparationResult


def print_summary(name: str, result: SeparationResult) -> None:
    """A table of the stems on stdout, warnings on stderr."""
    from rich import box
    from rich.table import Table

    table = Table(title=plain(name), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("stem", no_wrap=True)
    table.add_column("peak", justify="right", no_wrap=True)
    table.add_column("RMS", justify="right", no_wrap=True)
    table.add_column("file", overflow="fold")
    for stem, file in result.levels.items():
        table.add_row(
            plain(stem), level(file.peak_dbfs), level(file.rms_dbfs), plain(str(file.path))
        )
    screen = console(sys.stdout)
    screen.print(table)
    screen.print(
        f"Null against the mix: {null(result.null_dbfs)}. {result.encoding},"
        f" {result.sample_rate} Hz, {result.channels} channel{'s' * (result.channels != 1)}."
        f" {result.model} on {result.device}, {duration(result.elapsed_s)}."
        f" Job {result.job}."
    )
    for warning in result.warnings:
        note(f"note: {warning}")


def level(dbfs: float) -> str:
    """A level, e.g. "-3.5 dBFS"."""
    return "silent" if dbfs <= SILENCE_DBFS else f"{dbfs:.1f} dBFS"


def null(dbfs: float | None) -> str:
    """How far the stems null against the mix, in words."""
    if dbfs is None:
        return "not claimed, since they are not the whole mix"
    return "exact" if dbfs <= SILENCE_DBFS else f"{dbfs:.1f} dB"
