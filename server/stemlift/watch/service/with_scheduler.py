"""The service under Windows: a scheduled task of the user."""

from __future__ import annotations

import tempfile
from pathlib import Path

from stemlift.errors import StemliftError
from stemlift.system.commands import NOT_THERE, Runner
from stemlift.watch.service import windows_task
from stemlift.watch.service.asking import ask, failed, foreign
from stemlift.watch.service.program import Program
from stemlift.watch.service.state import ServiceState

_RUNNING = "4"


class SchedulerService:
    def __init__(self, program: Program, run: Runner, user: str) -> None:
        self._run = run
        self._name = windows_task.task_name(program)
        self._task = windows_task.task_of(program)
        self._xml = windows_task.task_text(program, user)

    def state(self) -> ServiceState:
        xml = self._query()
        task = None if xml is None else windows_task.read_task(xml)
        ours = task is not None and task.source == windows_task.SOURCE
        return ServiceState(
            place=self._name,
            installed=ours,
            current=ours and task == self._task,
            running=ours and self._is_running(),
            foreign=xml is not None and not ours,
        )

    def install(self) -> bool:
        old = self._query()
        now = self.state()
        if now.foreign:
            raise foreign(f"The task {self._name}")
        if now.current and now.running:
            return False
        if not now.current:
            self._create(self._xml)
            if now.running:
                self._run(("schtasks", "/End", "/TN", self._name))
        try:
            ask(self._run, "schtasks", "/Run", "/TN", self._name)
        except StemliftError:
            if old is None:
                self._run(("schtasks", "/Delete", "/TN", self._name, "/F"))
            elif not now.current:
                self._create(old.encode("utf-16"))
            raise
        return True

    def remove(self) -> bool:
        now = self.state()
        if now.foreign:
            raise foreign(f"The task {self._name}")
        if not now.installed:
            return False
        self._run(("schtasks", "/End", "/TN", self._name))
        ask(self._run, "schtasks", "/Delete", "/TN", self._name, "/F")
        return True

    def _create(self, xml: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "task.xml"
            try:
                file.write_bytes(xml)
            except OSError as error:
                raise failed(f"{file} cannot be written: {error.strerror or error}") from error
            ask(self._run, "schtasks", "/Create", "/TN", self._name, "/XML", str(file), "/F")

    def _query(self) -> str | None:
        done = self._run(("schtasks", "/Query", "/TN", self._name, "/XML"))
        if done.code == NOT_THERE:
            raise failed("There is no schtasks here")
        return done.output if done.code == 0 else None

    def _is_running(self) -> bool:
        # schtasks tells the state in the user's language.
        folder, _, name = self._name.rpartition("\\")
        command = f"[int](Get-ScheduledTask -TaskPath '\\{folder}\\' -TaskName '{name}').State"
        asked = ("powershell.exe", "-NoProfile", "-NonInteractive", "-Command", command)
        return self._run(asked).output.strip() == _RUNNING
