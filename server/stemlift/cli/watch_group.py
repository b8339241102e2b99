"""`stemlift watch INBOX` beside `stemlift watch status`: a first word that is no command."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

FOLDER_COMMAND = "folder"
_HELP = ("--help", "-h")


class InboxOrCommand(TyperGroup):
    """A group whose hidden command takes everything that does not begin with a command.

    Its help is that of the hidden command and of all others.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *_HELP):
            before = args[: args.index("--")] if "--" in args else args
            args = ["--help"] if set(_HELP) & set(before) else [FOLDER_COMMAND, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        # An error then speaks of `stemlift watch`, which is what was typed.
        return "" if name == FOLDER_COMMAND else name, command, rest

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write_usage(ctx.command_path, "INBOX --out OUTBOX [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        self.commands[FOLDER_COMMAND].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)
