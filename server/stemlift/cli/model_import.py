"""`stemlift models import`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from stemlift.cli.interrupts import Interrupts
from stemlift.cli.model_words import ask, connect
from stemlift.cli.reporting import console, note, plain, print_json, size
from stemlift.errors import Exit

if TYPE_CHECKING:
    from stemlift.rpc.model_requests import ImportOptions
    from stemlift.rpc.model_results import Recognition


def import_model(
    file: Annotated[str, typer.Argument(help="The checkpoint.", metavar="FILE")],
    name: Annotated[str, typer.Option(help="What the model shall be called.")],
    config: Annotated[
        str | None,
        typer.Option(help="The YAML or JSON that belongs to it.", metavar="YAML"),
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, in words.")] = "",
    commercial_use: Annotated[
        bool | None,
        typer.Option(
            "--commercial-use/--no-commercial-use",
            help="Whether that licence allows music that is sold. Default: not stated.",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="One line about it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Make a model of a checkpoint of your own. No code in it is ever run."""
    from stemlift.cli.progress import show_model_progress

    options: ImportOptions = {
        "config": config,
        "licence": licence,
        "commercial_use": commercial_use,
        "title": title,
    }
    shown = False
    if not yes:
        look: ImportOptions = {**options, "inspect_only": True}
        with Interrupts() as interrupts, connect(json, interrupts.check) as client:
            found = client.import_model(file, name, **look)
        if not json:
            _print(found.recognition)
            shown = True
        ask(f"Import it as {name}?", yes, json)
    with Interrupts() as interrupts, connect(json, interrupts.check) as client:
        try:
            with show_model_progress(f"importing {name}", lines=not json) as show:
                done = client.import_model(file, name, show, **options)
        except KeyboardInterrupt:
            note("Nothing was imported.")
            return Exit.CANCELLED
    if json:
        print_json(done.to_json())
        return Exit.DONE
    if not shown:
        _print(done.recognition)
    note(f"It is here: `stemlift separate --model {name} SONG`.")
    return Exit.DONE


def _print(found: Recognition) -> None:
    segment = ""
    if found.segment_frames:
        seconds = found.segment_frames / found.sample_rate
        segment = f"{found.segment_frames} frames, {seconds:.2f} s"
    rows = {
        "format": found.format,
        "network": found.network,
        "stems": ", ".join(found.stems),
        "rate": f"{found.sample_rate} Hz",
        "segment": segment,
        "numbers": f"{found.parameters:,} learnt",
        "size": size(found.size_bytes),
    }
    screen = console(sys.stdout)
    for name, value in rows.items():
        if value:
            screen.print(f"{name:>8}  {plain(value)}", soft_wrap=True)
    for warning in found.warnings:
        note(f"note: {warning}")
