"""Running a command line to its exit code, with every failure said as all of them are."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence

import typer

from stemlift.cli.reporting import note, prepare_streams, print_error, print_error_json
from stemlift.errors import Exit, Reason, StemliftError

DEBUG_VARIABLE = "STEMLIFT_DEBUG"

# Newer typers carry their own copy of click, so its classes are found through typer.
_UsageError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


Tell = Callable[[StemliftError], None]


def run_program(
    app: typer.Typer, name: str, argv: Sequence[str] | None = None, tell: Tell = lambda _: None
) -> int:
    """Run one command of `app`; returns its exit code, see `stemlift.errors.Exit`.

    Args:
        name: of the program, for its help.
        argv: without the program's name; by default this process's.
        tell: called with the failure, if there is one, besides saying it.
    """
    prepare_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments[: _position(arguments, "--")]
    try:
        code = typer.main.get_command(app)(args=arguments, prog_name=name, standalone_mode=False)
    except StemliftError as error:
        return _fail(error, as_json, tell)
    except _UsageError as error:
        return _fail(_usage_error(error, name), as_json, tell)
    except (KeyboardInterrupt, typer.Abort):
        return Exit.CANCELLED
    except BrokenPipeError:
        # The reader of our output left, as `head` does; nothing is left to say, and
        # the interpreter's last flush would only complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 - the last stop: a fault of ours, said as such
        return _fail(_fault(error), as_json, tell)
    return code if isinstance(code, int) else Exit.DONE


def _position(arguments: list[str], word: str) -> int:
    return arguments.index(word) if word in arguments else len(arguments)


def _fail(error: StemliftError, as_json: bool, tell: Tell) -> int:
    if as_json:
        print_error_json(error)
    else:
        print_error(error)
    tell(error)
    return error.exit_code


def _usage_error(error: Exception, name: str) -> StemliftError:
    context = getattr(error, "ctx", None)
    # The command that stands for `stemlift watch INBOX` has no name.
    path = context.command_path.strip() if context is not None else name
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return StemliftError(Reason.ARGUMENT_INVALID, message, f"See `{path} --help`.")


def _fault(error: Exception) -> StemliftError:
    from stemlift.paths import find_paths

    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The path {error.filename} is too long for this system.",
            "Give a shorter one.",
        )
    try:
        log = f"the server's log, {find_paths().log}"
    except Exception:  # noqa: BLE001 - a second fault would hide the first
        log = "what you did"
    if os.environ.get(DEBUG_VARIABLE) == "1":
        note(traceback.format_exc().rstrip())
    return StemliftError(
        Reason.INTERNAL,
        f"Stemlift failed in a way it should not: {type(error).__name__}: {error}.",
        f"Please report it with {log}; {DEBUG_VARIABLE}=1 shows where it happened.",
    )
