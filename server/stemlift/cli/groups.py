"""What command groups have in common."""

from __future__ import annotations

import typer


def show_help(context: typer.Context) -> None:
    """The callback of a group: named without a command, it shows what it has."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
