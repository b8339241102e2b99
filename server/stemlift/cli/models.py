"""`stemlift models`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from stemlift.cli.groups import show_help
from stemlift.cli.reporting import console, note, plain, print_json, size

app = typer.Typer(help="The models that can separate.", rich_markup_mode=None)


app.callback(invoke_without_command=True)(show_help)


@app.command("list")
def list_models(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a model.")] = False,
) -> int:
    """List the models: what they give, whether they are here, their licence."""
    from stemlift.rpc.client import Client

    with Client(on_wait=None if json else note) as client:
        listed = client.models()
    if json:
        for model in listed.models:
            print_json(asdict(model))
        return 0
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("model", "here", "stems", "masks", "licence", ""):
        table.add_column(heading)
    for model in listed.models:
        here = "yes" if model.installed else size(model.download_bytes)
        table.add_row(
            f"{model.name} (auto)" if model.auto_choice else model.name,
            "loaded" if model.loaded else here,
            ", ".join(model.stems),
            ", ".join(model.masks),
            plain(model.licence),
            plain(model.title),
        )
    console(sys.stdout).print(table)
    if listed.advice:
        note(listed.advice)
    return 0
