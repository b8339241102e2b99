"""Installs, removes and looks at the service, whatever the system."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stemlift.paths import Paths
from stemlift.system.commands import Runner, run_command
from stemlift.watch.service.asking import failed
from stemlift.watch.service.program import Program, find_program
from stemlift.watch.service.state import ServiceState
from stemlift.watch.service.with_launchd import LaunchdService
from stemlift.watch.service.with_scheduler import SchedulerService
from stemlift.watch.service.with_systemd import SystemdService

__all__ = ["Host", "ServiceState", "install_service", "remove_service", "service_state"]


def _user_number() -> int:
    return os.getuid() if sys.platform != "win32" else 0


@dataclass(frozen=True, slots=True)
class Host:
    """The system that the service lives in; the real one unless a test says otherwise.

    user: the number of the user; 0 on Windows, which has names instead.
    """

    platform: str = sys.platform
    run: Runner = run_command
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    home: Path = field(default_factory=Path.home)
    user: int = field(default_factory=_user_number)
    interpreter: str = sys.executable
    wait: Callable[[float], object] = time.sleep


class _Service(Protocol):
    def state(self) -> ServiceState: ...
    def install(self) -> bool: ...
    def remove(self) -> bool: ...


def install_service(paths: Paths, host: Host | None = None) -> bool:
    """Have the system run `stemlift serve` from now on and whenever the user logs in.

    It watches the folders of the settings. Where it cannot be done, all is as it was.

    Returns:
        False where it was so already; then nothing was touched.

    Raises:
        StemliftError: SERVICE_FAILED, with the system's words.
    """
    return _service(paths, host or Host()).install()


def remove_service(paths: Paths, host: Host | None = None) -> bool:
    """End the service and take its definition away, if it is ours.

    Returns:
        False where there was none.

    Raises:
        StemliftError: SERVICE_FAILED, with the system's words.
    """
    return _service(paths, host or Host()).remove()


def service_state(paths: Paths, host: Host | None = None) -> ServiceState:
    """What the system has of the service. Raises StemliftError (SERVICE_FAILED)."""
    return _service(paths, host or Host()).state()


def _service(paths: Paths, host: Host) -> _Service:
    program: Program = find_program(paths, host.interpreter, host.platform)
    if host.platform == "linux":
        given = Path(host.env.get("XDG_CONFIG_HOME", ""))
        config = given if given.is_absolute() else host.home / ".config"
        return SystemdService(program, host.run, config)
    if host.platform == "darwin":
        return LaunchdService(program, host.run, host.home, host.user, host.wait)
    if host.platform == "win32":
        user = f"{host.env.get('USERDOMAIN', '')}\\{host.env.get('USERNAME', '')}"
        return SchedulerService(program, host.run, user.strip("\\"))
    raise failed(f"Services are not known on {host.platform}")
