"""`stemlift bench`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemlift.cli.reporting import console, note, plain, print_error, print_json, sign, size
from stemlift.errors import Exit, Reason, StemliftError, severity

if TYPE_CHECKING:
    from stemlift.bench.trials import Bench, Setting, Trial
    from stemlift.cli.progress import ShowShare
    from stemlift.rpc.client import Client
    from stemlift.rpc.model_results import ModelInfo
    from stemlift.rpc.results import ServerInfo

LEAST_SECONDS, SECONDS = 1.0, 15.0


def bench(
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A name from `stemlift models list`, or auto. Default: every model that is here."
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="Of work for each model, about.", metavar="S", min=LEAST_SECONDS)
    ] = SECONDS,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no advice.")] = False,
) -> int:
    """Measure how fast this machine separates, and which settings are best."""
    from stemlift.bench.trials import Bench, Meter
    from stemlift.bench.verdict import advise
    from stemlift.cli.interrupts import Interrupts
    from stemlift.rpc.client import Client

    if not isfinite(seconds):
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"--seconds cannot be {seconds}.",
            f"Name a number of seconds from {LEAST_SECONDS:g} up.",
        )
    chatty = not json and not quiet
    meter = Meter()
    with Interrupts() as interrupts:

        def heartbeat() -> None:
            interrupts.check()
            meter.look()

        try:
            with (
                Client(on_wait=None if json else note, heartbeat=heartbeat) as client,
                _folder() as folder,
            ):
                info = client.server_info()
                models = _models(client, model or ())
                if chatty:
                    _introduce(info, models, seconds)
                run = Bench(client, info.pid, folder, seconds, meter)
                found, errors = _measure(run, models, chatty, interrupts.check)
        except KeyboardInterrupt:
            note("Stopped. Nothing is left of it.")
            return Exit.CANCELLED
    advice = advise(found)
    if json:
        print_json(_told(info, found, errors, advice.settings, advice.sentences))
    else:
        if found:
            _print(found)
        for error in errors.values():
            print_error(error)
        if not quiet:
            _print_advice(advice.settings, advice.sentences)
    return max((error.exit_code for error in errors.values()), key=severity, default=Exit.DONE)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder of its own for sounds and stems, gone afterwards."""
    import tempfile

    try:
        made = tempfile.TemporaryDirectory(prefix="stemlift-bench-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"There is no folder for temporary files: {error.strerror or error}.",
            "Make room, or set TMPDIR to a folder that can be written.",
        ) from error
    with made as folder:
        yield Path(folder)


def _models(client: Client, names: Sequence[str]) -> list[ModelInfo]:
    """Those named, else all that are here; the quick ones first, each once.

    Raises:
        StemliftError: MODEL_UNKNOWN; MODEL_NOT_INSTALLED: nothing is fetched for a measurement.
    """
    every = client.models().models
    if not names:
        here = [each for each in every if each.installed]
        speeds = ("fast", "medium", "slow")
        return sorted(here, key=lambda each: (speeds.index(each.speed or "slow"), each.name))
    auto = next((each.name for each in every if each.auto_choice), "auto")
    wanted = dict.fromkeys(auto if name == "auto" else name for name in names)
    models = [client.model(name) for name in wanted]
    for each in models:
        if not each.installed:
            raise StemliftError(
                Reason.MODEL_NOT_INSTALLED,
                f"The model {each.name} is not on this machine.",
                f"Fetch it first: stemlift models pull {each.name}",
            )
    return models


def _introduce(info: ServerInfo, models: Sequence[ModelInfo], seconds: float) -> None:
    note(f"On {info.device}. {info.device_reason}")
    count = len(models)
    note(f"{count} model{'s' * (count != 1)}, about {seconds:g} s each, more for slow ones.")
    others = info.jobs_running + info.jobs_queued
    if others:
        note(f"The server has {others} other job{'s' * (others != 1)}; this waits its turn.")


def _measure(
    run: Bench, models: Sequence[ModelInfo], chatty: bool, check: Callable[[], None]
) -> tuple[dict[str, list[Trial]], dict[str, StemliftError]]:
    """The trials of each model; and why one could not be measured. The others go on."""
    from stemlift.cli.progress import show_share

    found: dict[str, list[Trial]] = {}
    errors: dict[str, StemliftError] = {}
    for model in models:
        check()
        with show_share(f"measuring {model.name}", lines=chatty) as show:
            try:
                for trial in run.trials(model, _beginning(show)):
                    found.setdefault(model.name, []).append(trial)
            except StemliftError as error:
                # Without a server there is no use in asking it for the next model.
                if error.exit_code == Exit.SERVER:
                    raise
                errors[model.name] = error
    return found, errors


def _beginning(show: ShowShare) -> Callable[[Setting, float], None]:
    return lambda _setting, share: show(share)


def _told(
    info: ServerInfo,
    found: dict[str, list[Trial]],
    errors: dict[str, StemliftError],
    settings: Sequence[str],
    sentences: Sequence[str],
) -> dict[str, Any]:
    from stemlift.bench.verdict import best, measured

    models = {}
    for name, trials in found.items():
        own = measured(trials)
        models[name] = {
            "speed": round(own.speed, 3),
            "precision": own.precision,
            "loading_included": own.loading,
            "memory_bytes": max(trial.memory_bytes for trial in trials),
            "best": _of_trial(best(trials)),
            "trials": [_of_trial(trial) for trial in trials],
        }
    return {
        "device": info.device,
        "device_reason": info.device_reason,
        "torch": info.torch_version,
        "version": info.version,
        "models": models,
        "errors": {
            name: {"reason": str(error.reason), "message": error.message, "remedy": error.remedy}
            for name, error in errors.items()
        },
        "settings": list(settings),
        "advice": list(sentences),
    }


def _of_trial(trial: Trial) -> dict[str, Any]:
    return {
        "precision": trial.setting.precision,
        "batch": trial.setting.batch,
        "computed_in": trial.precision,
        "device": trial.device,
        "sound_s": round(trial.sound_s, 3),
        "elapsed_s": round(trial.elapsed_s, 3),
        "speed": round(trial.speed, 3),
        "memory_bytes": trial.memory_bytes,
        "loading": trial.loading,
        "warnings": list(trial.warnings),
    }


def _print(found: dict[str, list[Trial]]) -> None:
    """A line for each model; below it what else was tried."""
    from rich import box
    from rich.table import Table

    from stemlift.bench.verdict import best, measured, others

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("model", no_wrap=True)
    table.add_column("setting")
    for head in ("sound per second", "a 4-minute song", "server's memory"):
        table.add_column(head, justify="right")
    star = sign("★", "*", sys.stdout)
    for name, trials in found.items():
        own, winner = measured(trials), best(trials)
        for trial in (own, *others(trials)):
            mark = f" {star}" if trial is winner else ""
            kind = f" ({trial.precision})" if trial.setting.precision == "auto" else ""
            load = ", loading included" if trial.loading else ""
            table.add_row(
                plain(name) if trial is own else "",
                f"{trial.setting}{kind}{load}{mark}",
                f"{trial.speed:.2f} s",
                _minutes(240 / trial.speed),
                size(trial.memory_bytes) if trial.memory_bytes else "-",
            )
    console(sys.stdout).print(table)


def _minutes(seconds: float) -> str:
    from stemlift.cli.reporting import duration

    return duration(max(seconds, 1.0))


def _print_advice(settings: Sequence[str], sentences: Sequence[str]) -> None:
    from stemlift.paths import find_paths

    for sentence in sentences:
        note(sentence)
    if settings:
        note(f"In {find_paths().settings_file}:")
        for line in settings:
            note(f"  {line}")
