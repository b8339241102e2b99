"""Asking a system's own program, with its refusals as errors of ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.system.commands import NOT_THERE, Runner
from stemlift.system.whole import write_whole

REMEDY = "Start `stemlift serve` by other means, e.g. from the session's list of start-up programs."


def ask(run: Runner, *argv: str, remedy: str = REMEDY) -> str:
    """What the program wrote. Raises StemliftError (SERVICE_FAILED) unless it ended well."""
    done = run(argv)
    if done.code == 0:
        return done.output
    if done.code == NOT_THERE:
        raise failed(f"There is no {argv[0]} here", remedy)
    said = " ".join(done.output.split())[:300] or f"it ended with {done.code}"
    raise failed(f"`{' '.join(_brief(argv))}` failed: {said}", remedy)


def answers(run: Runner, *argv: str) -> bool:
    """Whether the program ended well."""
    return run(argv).code == 0


def failed(what: str, remedy: str = REMEDY) -> StemliftError:
    return StemliftError(Reason.SERVICE_FAILED, f"{what.rstrip('.')}.", remedy)


def foreign(place: str) -> StemliftError:
    return failed(
        f"{place} is there and was not written by Stemlift, so it stays as it is",
        "Remove it if it is not needed, then try again.",
    )


def read_definition(path: Path) -> bytes | None:
    """The file, None where there is none. Raises StemliftError (SERVICE_FAILED)."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise failed(f"{path} cannot be read: {error.strerror or error}") from error


def write_definition(path: Path, data: bytes | None) -> None:
    """Write the file, or remove it for None. Raises StemliftError (SERVICE_FAILED)."""
    try:
        if data is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise failed(
            f"{path} cannot be written: {error.strerror or error}",
            "Make the folder writable, then try again.",
        ) from error


def _brief(argv: Sequence[str]) -> list[str]:
    return [part if len(part) < 100 else "…" for part in argv]
