"""`stemlift doctor`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from stemlift.cli.reporting import console, duration, note, plain, print_json, sign, size
from stemlift.errors import Exit, StemliftError, severity

if TYPE_CHECKING:
    from stemlift.paths import Paths
    from stemlift.rpc.model_results import ModelList
    from stemlift.rpc.results import ServerInfo

# A song of an hour needs about this much for four stems and their temporaries.
LEAST_FREE_BYTES = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    code: what the command exits with because of it.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    code: int = Exit.DONE


def doctor(
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Look whether everything is in order."""
    from stemlift.paths import find_paths

    paths = find_paths()
    checks = [check_settings(paths), *check_home(paths)]
    facts: dict[str, Any] | None = None
    try:
        info, models, address = ask_server(paths, json)
    except StemliftError as error:
        checks.append(failed("server", error))
    else:
        facts = {**asdict(info), "address": address}
        checks.extend(check_server(info, models, address))
    checks.extend(check_disk(paths))
    checks.extend(check_watch(paths))
    if json:
        print_json({"checks": [asdict(check) for check in checks], "server": facts})
    else:
        print_checks(checks, sys.stdout)
    return max((check.code for check in checks), key=severity)


def ask_server(paths: Paths, json: bool) -> tuple[ServerInfo, ModelList, str]:
    """What the server says of itself and its models, and its address."""
    from stemlift.rpc.client import Client

    with Client(paths, on_wait=None if json else note) as client:
        return client.server_info(), client.models(), client.address


def check_settings(paths: Paths) -> Check:
    """Whether settings.toml can be used."""
    from stemlift.settings import load_settings

    try:
        load_settings(paths.settings_file)
    except StemliftError as error:
        return failed("settings", error)
    there = paths.settings_file.exists()
    return Check("settings", True, f"{paths.settings_file}{'' if there else ' (none: defaults)'}")


def check_watch(paths: Paths) -> Iterator[Check]:
    """The watched folders of the settings, where these can be read."""
    from stemlift.settings import load_settings

    try:
        settings = load_settings(paths.settings_file)
    except StemliftError:
        # Said by `check_settings`.
        return
    if settings.watch:
        from stemlift.cli.watch_status import check_watched_folders

        yield from check_watched_folders(paths, settings)


def check_home(
    paths: Paths, platform: str = sys.platform, profile: Path | None = None
) -> Iterator[Check]:
    """Whether other users are kept out where Windows, not we, would have to do it."""
    if platform != "win32" or paths.home is None:
        return
    if not paths.home.is_relative_to(profile or Path.home()):
        yield Check(
            "home",
            False,
            f"STEMLIFT_HOME, {paths.home}, is outside your profile: other users may read it",
            "Move it into your profile, or let nobody else into that folder.",
        )


def check_server(info: ServerInfo, models: ModelList, address: str) -> Iterator[Check]:
    """What the server told, as checks."""
    from stemlift import __version__
    from stemlift.system.nvidia import find_card, install_command

    about = (
        f"version {info.version}, process {info.pid}, up {duration(info.uptime_seconds)},"
        f" at {address}, log {info.log_file}"
    )
    if info.version == __version__:
        yield Check("server", True, about)
    else:
        remedy = f"End process {info.pid}; the next command starts version {__version__}."
        yield Check("server", False, about, remedy)
    built = f"CUDA {info.torch_cuda}" if info.torch_cuda else "without CUDA"
    torch = f"PyTorch {info.torch_version}, {built}"
    card = find_card()
    if card is not None and not info.torch_cuda:
        command = install_command(sys.executable, info.torch_version, card)
        remedy = f"Run: {command}\nThen end process {info.pid}; the next command starts it anew."
        yield Check("torch", False, f"{torch}, cannot use the {card.name}", remedy)
    else:
        yield Check("torch", True, torch)
    yield Check("device", True, f"{info.device}: {info.device_reason}")
    here = [model.name for model in models.models if model.installed]
    if here:
        yield Check("models", True, f"{', '.join(here)} in {info.models_folder}", models.advice)
    else:
        yield Check("models", False, "none is installed", models.advice)
    yield Check("formats", bool(info.formats), ", ".join(info.formats))


def check_disk(paths: Paths) -> Iterator[Check]:
    """Whether there is room for jobs and models."""
    for name, folder in (("state", paths.state), ("models", paths.models)):
        there = _existing(folder)
        try:
            free = shutil.disk_usage(there).free
        except OSError as error:
            yield Check("disk", False, f"{there}: {error.strerror}", "Make it readable.")
            continue
        remedy = "" if free >= LEAST_FREE_BYTES else "Free some space, or move it elsewhere."
        yield Check("disk", not remedy, f"{size(free)} free for {name} in {folder}", remedy)


def _existing(folder: Path) -> Path:
    """The nearest folder that is there; the root where none is, as on a missing drive."""
    parents = (folder, *folder.parents)
    return next((parent for parent in parents if parent.exists()), parents[-1])


def failed(name: str, error: StemliftError) -> Check:
    """A check that could not be made."""
    return Check(name, False, f"{error.message} ({error.reason})", error.remedy, error.exit_code)


def print_checks(checks: list[Check], stream: TextIO) -> None:
    """A line for each check, and one for each thing to do."""
    screen = console(stream)
    good, bad = sign("✓", "ok", stream), sign("✗", "NO", stream)
    arrow = sign("→", "->", stream)
    for check in checks:
        mark = good if check.ok else bad
        screen.print(f"{mark} {check.name}: {plain(check.detail)}", soft_wrap=True)
        for line in check.remedy.splitlines():
            screen.print(f"  {arrow} {plain(line)}", soft_wrap=True)
