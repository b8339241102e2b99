"""`stemlift models pull`."""

from __future__ import annotations

from typing import Annotated

import typer

from stemlift.cli.interrupts import Interrupts
from stemlift.cli.model_words import (
    BUILT_IN,
    NO_WEIGHTS,
    ask,
    connect,
    licence_in_words,
    parts_of,
    size_in_words,
)
from stemlift.cli.reporting import note, print_json, size
from stemlift.errors import Exit


def pull_model(
    name: Annotated[str, typer.Argument(help="The model's name.", metavar="NAME")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Fetch a model's weights. A download that broke off goes on where it stopped."""
    from stemlift.cli.progress import show_model_progress

    with connect(json) as client:
        model = client.model(name)
        # A built-in one whose file is gone is told so by the server.
        if not model.installed and not model.built_in:
            if not json:
                for part in parts_of(client, model):
                    here = "here already" if part.installed else size_in_words(part)
                    note(f"{part.name}, {here}. Licence of the weights: {licence_in_words(part)}")
            ask(f"Fetch {name}, {size_in_words(model)}?", yes, json)
    if not model.installed:
        with Interrupts() as interrupts, connect(json, interrupts.check) as client:
            try:
                with show_model_progress(f"fetching {name}", lines=not json) as show:
                    pulled = client.pull(name, show)
            except KeyboardInterrupt:
                note(f"What has come is kept: `stemlift models pull {name}` goes on with it.")
                return Exit.CANCELLED
        if not json:
            note(f"{name} is here, {size(pulled.installed_bytes)}.")
        model = pulled
    elif not json:
        words = "is here already"
        if model.network == "spectral":
            words = NO_WEIGHTS
        elif model.built_in:
            words = BUILT_IN
        note(f"{name} {words}.")
    if json:
        print_json(model.to_json())
    return Exit.DONE
