"""The service under systemd: a unit of the user."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from stemlift.errors import StemliftError
from stemlift.system.commands import NOT_THERE, Runner
from stemlift.watch.service import systemd
from stemlift.watch.service.asking import (
    answers,
    ask,
    failed,
    foreign,
    read_definition,
    write_definition,
)
from stemlift.watch.service.program import Program
from stemlift.watch.service.state import ServiceState

_UP = ("active", "activating", "reloading")
_CTL = ("systemctl", "--user")


class SystemdService:
    def __init__(self, program: Program, run: Runner, config: Path) -> None:
        self._run = run
        self._unit = systemd.unit_name(program)
        self._file = systemd.unit_file(config, program)
        self._text = systemd.unit_text(program).encode()

    def state(self) -> ServiceState:
        found = read_definition(self._file)
        ours = found is not None and _is_ours(found)
        return ServiceState(
            place=str(self._file),
            installed=ours,
            current=ours and found == self._text and self._is_enabled(),
            running=ours and self._is_up(),
            foreign=found is not None and not ours,
        )

    def install(self) -> bool:
        self._require_session()
        old = read_definition(self._file)
        if old is not None and not _is_ours(old):
            raise foreign(str(self._file))
        same = old == self._text
        if same and self._is_enabled() and self._is_up():
            return False
        write_definition(self._file, self._text)
        try:
            ask(self._run, *_CTL, "daemon-reload")
            ask(self._run, *_CTL, "enable", self._unit)
            ask(self._run, *_CTL, "start" if same else "restart", self._unit)
        except StemliftError:
            self._put_back(old)
            raise
        return True

    def remove(self) -> bool:
        old = read_definition(self._file)
        if old is None:
            return False
        if not _is_ours(old):
            raise foreign(str(self._file))
        self._require_session()
        ask(self._run, *_CTL, "disable", "--now", self._unit)
        write_definition(self._file, None)
        self._run((*_CTL, "daemon-reload"))
        # Otherwise a unit that had failed is still listed.
        self._run((*_CTL, "reset-failed", self._unit))
        return True

    def _put_back(self, old: bytes | None) -> None:
        if old is None:
            self._run((*_CTL, "disable", "--now", self._unit))
        # What failed first is what the caller hears of.
        with suppress(StemliftError):
            write_definition(self._file, old)
        self._run((*_CTL, "daemon-reload"))

    def _require_session(self) -> None:
        done = self._run((*_CTL, "show-environment"))
        if done.code == NOT_THERE:
            raise failed("This system has no systemd")
        if done.code != 0:
            said = " ".join(done.output.split())[:300]
            raise failed(
                f"systemd runs no session for this user here: {said}",
                "Log in on the desktop or by ssh as this user (su and sudo make no session), "
                "or start `stemlift serve` by other means.",
            )

    def _is_enabled(self) -> bool:
        return answers(self._run, *_CTL, "is-enabled", self._unit)

    def _is_up(self) -> bool:
        return self._run((*_CTL, "is-active", self._unit)).output.strip() in _UP


def _is_ours(data: bytes) -> bool:
    return systemd.is_ours(data.decode("utf-8", "replace"))
