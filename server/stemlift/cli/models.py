"""`stemlift models`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from stemlift.cli import model_import, model_pull
from stemlift.cli.groups import show_help
from stemlift.cli.interrupts import Interrupts
from stemlift.cli.model_words import NO_WEIGHTS, ask, connect, print_info, print_table
from stemlift.cli.reporting import console, note, plain, print_error, print_json, size
from stemlift.errors import Exit, Reason, StemliftError

if TYPE_CHECKING:
    from stemlift.rpc.model_results import ModelInfo

app = typer.Typer(help="The models that can separate.", rich_markup_mode=None)
app.callback(invoke_without_command=True)(show_help)

Name = Annotated[str, typer.Argument(help="The model's name.", metavar="NAME")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.command("list")
def list_models(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a model.")] = False,
) -> int:
    """List the models: which are here, what they give, how good and how fast they are."""
    with connect(json) as client:
        listed = client.models()
    if json:
        for model in listed.models:
            print_json(model.to_json())
        return 0
    print_table(listed.models)
    if listed.advice:
        note(listed.advice)
    return 0


@app.command("info")
def show_model(name: Name, json: Json = False) -> int:
    """Show all that is known of a model: its licence, its files, how it was measured."""
    with connect(json) as client:
        model = client.model(name)
    if json:
        print_json(model.to_json())
    else:
        print_info(model)
    return 0


app.command("pull")(model_pull.pull_model)
app.command("import")(model_import.import_model)


@app.command("verify")
def verify_model(
    name: Annotated[
        str, typer.Argument(help="Default: every model that is here.", metavar="[NAME]")
    ] = "",
    json: Json = False,
) -> int:
    """Compare the weights on this machine with their checksums. Changes nothing."""
    from stemlift.cli.progress import show_model_progress
    from stemlift.rpc.results import error_to_json

    with (
        Interrupts() as interrupts,
        connect(json, interrupts.check) as client,
        show_model_progress("checking", lines=not json) as show,
    ):
        files = client.verify_model(name, show)
        bad = sorted({file.model for file in files if not file.state.sound})
        error = _damaged([client.model(each) for each in bad]) if bad else None
    if json:
        found = {"ok": error is None, "files": [file.to_json() for file in files]}
        print_json(found if error is None else found | {"error": error_to_json(error)})
        return Exit.DONE if error is None else error.exit_code
    screen = console(sys.stdout)
    for file in files:
        words = f"{file.state!s:>9}  {file.model}  {file.path}"
        screen.print(plain(words), soft_wrap=True)
        if file.problem:
            screen.print(plain(f"{'':>9}  {file.problem}"), soft_wrap=True)
    if not files:
        note(f"{name} {NO_WEIGHTS}." if name else "No model's weights are on this machine.")
    if error is None:
        return Exit.DONE
    print_error(error)
    return error.exit_code


@app.command("remove")
def remove_model(name: Name, yes: Yes = False, json: Json = False) -> int:
    """Delete a model's weights from this machine."""
    with connect(json) as client:
        model = client.model(name)
        # What has nothing to remove is refused by the server, without a question.
        if model.installed_bytes and not model.sources and not model.built_in:
            again = (
                "It was imported, so it cannot be fetched again."
                if model.origin == "imported"
                else "It can be fetched again."
            )
            ask(f"Remove {name}, {size(model.installed_bytes)}? {again}", yes, json)
        freed = client.remove_model(name)
    if json:
        print_json({"model": name, "removed": True, "freed_bytes": freed})
    else:
        note(f"{name} is removed; {size(freed)} are free again.")
    return 0


def _damaged(models: list[ModelInfo]) -> StemliftError:
    first = models[0].name
    again = (
        f"`stemlift models remove {first}`, then `stemlift models pull {first}` again; "
        "if it was imported, import it again instead."
    )
    return StemliftError(
        Reason.CHECKPOINT_INVALID,
        f"Files of {', '.join(each.name for each in models)} are damaged or missing.",
        f"Install Stemlift again: {first} is part of it." if models[0].built_in else again,
    )
