"""The service under launchd: an agent of the user."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stemlift.errors import StemliftError
from stemlift.system.commands import NOT_THERE, Runner
from stemlift.watch.service import launchd
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

# launchd ends an agent in its own time, and takes no other of its name before.
_LOOKS = 140
_SECONDS_BETWEEN = 0.5


class LaunchdService:
    def __init__(
        self,
        program: Program,
        run: Runner,
        home: Path,
        user: int,
        wait: Callable[[float], object],
    ) -> None:
        self._run = run
        self._wait = wait
        self._domain = f"gui/{user}"
        self._target = f"gui/{user}/{launchd.label(program)}"
        self._file = launchd.agent_file(home, program)
        self._data = launchd.agent_text(program)
        self._logs = program.log.parent

    def state(self) -> ServiceState:
        found = read_definition(self._file)
        ours = found is not None and launchd.is_ours(found)
        loaded = self._run(("launchctl", "print", self._target))
        return ServiceState(
            place=str(self._file),
            installed=ours,
            current=ours and found == self._data and loaded.code == 0,
            running=ours and loaded.code == 0 and "state = running" in loaded.output,
            foreign=found is not None and not ours,
        )

    def install(self) -> bool:
        self._require_session()
        old = read_definition(self._file)
        if old is not None and not launchd.is_ours(old):
            raise foreign(str(self._file))
        loaded = self._is_loaded()
        if old == self._data and loaded:
            return False
        try:
            # launchd makes the log file and not its folder.
            self._logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise failed(f"{self._logs} cannot be made: {error.strerror or error}") from error
        if loaded:
            self._unload()
        try:
            write_definition(self._file, self._data)
            self._load()
        except StemliftError:
            self._put_back(old, loaded=loaded)
            raise
        return True

    def remove(self) -> bool:
        old = read_definition(self._file)
        if old is None:
            return False
        if not launchd.is_ours(old):
            raise foreign(str(self._file))
        self._require_session()
        if self._is_loaded():
            self._unload()
        write_definition(self._file, None)
        return True

    def _put_back(self, old: bytes | None, *, loaded: bool) -> None:
        # What failed first is what the caller hears of.
        with suppress(StemliftError):
            write_definition(self._file, old)
            if loaded and old is not None:
                self._load()

    def _load(self) -> None:
        # One that was switched off by hand would be refused.
        self._run(("launchctl", "enable", self._target))
        ask(self._run, "launchctl", "bootstrap", self._domain, str(self._file))

    def _unload(self) -> None:
        done = self._run(("launchctl", "bootout", self._target))
        for _ in range(_LOOKS):
            if not self._is_loaded():
                return
            self._wait(_SECONDS_BETWEEN)
        said = " ".join(done.output.split())[:300]
        raise failed(f"launchd did not end the old agent {self._target}: {said}", "Try again.")

    def _is_loaded(self) -> bool:
        return answers(self._run, "launchctl", "print", self._target)

    def _require_session(self) -> None:
        done = self._run(("launchctl", "print", self._domain))
        if done.code == NOT_THERE:
            raise failed("There is no launchctl here")
        if done.code != 0:
            raise failed(
                "launchd runs no desktop session for this user",
                "Log in on the desktop as this user and run the command there.",
            )
