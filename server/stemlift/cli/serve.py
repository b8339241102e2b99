"""`stemlift serve`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stemlift.cli.reporting import print_json
from stemlift.errors import Reason, StemliftError

if TYPE_CHECKING:
    from stemlift.paths import Paths
    from stemlift.settings import Settings

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def serve(
    listen: Annotated[
        str,
        typer.Option(
            help="Address to listen on, e.g. 127.0.0.1:4711 or unix:/folder/socket."
            " Default: a private socket, or a free port on Windows."
        ),
    ] = "",
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda:N or mps. Default: the settings'.")
    ] = "",
    idle_exit: Annotated[
        float, typer.Option(help="Leave after this many seconds without work; 0: never.")
    ] = 0.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say where it listens, or what failed, as a JSON line.")
    ] = False,
    no_watch: Annotated[
        bool, typer.Option("--no-watch", help="Leave the settings' folders alone.")
    ] = False,
) -> int:
    """Run the server in this terminal, and watch the folders of the settings.

    Other commands start one by themselves, which watches nothing.
    """
    if device and not _DEVICE.fullmatch(device):
        raise _invalid("--device", device, "auto, cpu, cuda:N or mps")
    if not math.isfinite(idle_exit) or idle_exit < 0:
        raise _invalid("--idle-exit", f"{idle_exit:g}", "seconds of at least 0; 0: never")
    from stemlift.system.allocation import keep_freed_memory

    # Before anything is imported that starts threads.
    keep_freed_memory(one_arena=True)
    from stemlift.paths import find_paths
    from stemlift.rpc import server
    from stemlift.settings import load_settings

    paths = find_paths()
    settings = load_settings(paths.settings_file)
    watches = bool(settings.watch) and not no_watch
    return server.serve(
        server.ServeOptions(
            paths=paths,
            settings=settings,
            listen=listen,
            device=device,
            # Songs may come at any time, and nobody would start it again for them.
            idle_exit=0.0 if watches else idle_exit,
            announce=(lambda endpoint: print_json(asdict(endpoint))) if as_json else None,
            beside=(lambda: _watch(paths, settings)) if watches else None,
        )
    )


def _watch(paths: Paths, settings: Settings) -> Callable[[], None]:
    """Begin to watch the folders of the settings; gives what ends it."""
    from stemlift.watch.folders import Folders

    folders = Folders(settings.watch, paths)
    folders.start()
    return folders.stop


def _invalid(option: str, value: str, accepted: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID, f"{option} cannot be {value!r}.", f"Accepted: {accepted}."
    )
