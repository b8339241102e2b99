"""What `stemlift reaper doctor` and `stemlift-reaper doctor` look at."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

from stemlift.cli.doctor import (
    Check,
    ask_server,
    check_server,
    check_settings,
    failed,
    print_checks,
)
from stemlift.errors import Exit, StemliftError, severity
from stemlift.paths import Paths


def examine(
    paths: Paths, resource_path: str | None = None, portable: str | None = None
) -> list[Check]:
    """The server, its device and models, and every REAPER that is found, or the one named."""
    checks = [check_settings(paths)]
    try:
        checks.extend(check_server(*ask_server(paths, json=True)))
    except StemliftError as error:
        checks.append(failed("server", error))
    checks.extend(_look_at_reaper(resource_path, portable))
    return checks


def exit_code(checks: list[Check]) -> int:
    return max((check.code for check in checks), key=severity, default=Exit.DONE)


def to_json(checks: list[Check]) -> dict[str, Any]:
    from stemlift import __version__

    return {"version": __version__, "checks": [asdict(check) for check in checks]}


def to_text(checks: list[Check]) -> str:
    text = io.StringIO()
    print_checks(checks, text)
    return text.getvalue()


def _look_at_reaper(resource_path: str | None, portable: str | None) -> list[Check]:
    from stemlift.reaper.install.look import look_at
    from stemlift.reaper.install.places import find_places

    try:
        return [
            Check(found.name, found.ok, found.detail, found.remedy)
            for place in find_places(resource_path, portable)
            for found in look_at(place)
        ]
    except StemliftError as error:
        return [failed("REAPER", error)]
