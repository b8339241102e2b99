"""A real server process with its own STEMLIFT_HOME, and the means to end and kill it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from stemlift import Client
from stemlift.paths import Paths, paths_under
from stemlift.rpc.endpoint import read_endpoint

PATIENCE = 60.0


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The condition's first true value; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)


@dataclass
class Home:
    """One STEMLIFT_HOME. `variables` go to every process started in it."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def paths(self) -> Paths:
        return paths_under(self.folder)

    @property
    def environment(self) -> dict[str, str]:
        # Tiny networks on several threads spend their time waiting for each other.
        calm = {"STEMLIFT_THREADS": "1"}
        return os.environ | calm | {"STEMLIFT_HOME": str(self.folder)} | self.variables

    def serve(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `stemlift serve` and wait until it can be reached."""
        process = self.spawn("serve", *arguments)
        wait_for(
            lambda: (
                process.poll() is not None
                or ((at := read_endpoint(self.paths.endpoint)) and at.pid == process.pid)
            ),
            "the server",
        )
        assert process.poll() is None, process.stderr and process.stderr.read()
        return process

    def spawn(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a stemlift command without waiting for it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "stemlift", *arguments],
            env=self.environment,
            stdout=options.pop("stdout", subprocess.DEVNULL),
            stderr=options.pop("stderr", subprocess.PIPE),
            **options,
        )
        self.processes.append(process)
        return process

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """A stemlift command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "stemlift", *arguments],
            env=self.environment | options.pop("env", {}),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            **options,
        )

    def client(self, **options: Any) -> Client:
        return Client(paths=self.paths, start=False, **options)

    def server_pid(self) -> int | None:
        endpoint = read_endpoint(self.paths.endpoint)
        return endpoint.pid if endpoint and psutil.pid_exists(endpoint.pid) else None

    def kill(self) -> None:
        """kill -9 the server, whoever started it."""
        pid = self.server_pid()
        assert pid, "no server to kill"
        process = psutil.Process(pid)
        process.send_signal(signal.SIGKILL)
        self._gone(process)

    def end(self) -> None:
        """End everything that runs in this home in good order."""
        pid = self.server_pid()
        if pid:
            process = psutil.Process(pid)
            process.terminate()
            self._gone(process)
        for each in self.processes:
            if each.poll() is None:
                each.terminate()
            each.wait(PATIENCE)
            if each.stderr:
                each.stderr.close()
            if each.stdout:
                each.stdout.close()
        self.processes.clear()
        wait_for(lambda: not self.left(), f"processes of {self.folder} to leave", 20.0)

    def left(self) -> list[int]:
        """The processes that run with this STEMLIFT_HOME, whoever started them."""
        found = []
        for process in psutil.process_iter():
            # Gone by now, or somebody else's.
            with suppress(psutil.Error):
                home = process.environ().get("STEMLIFT_HOME")
                if home == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return [pid for pid in found if pid != os.getpid()]

    def _gone(self, process: psutil.Process) -> None:
        for each in self.processes:
            if each.pid == process.pid:
                each.wait(PATIENCE)
                return
        wait_for(
            lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE,
            "the server to leave",
        )


@contextmanager
def home_in(folder: Path, **variables: str) -> Iterator[Home]:
    """A home whose processes are gone afterwards."""
    home = Home(folder, variables)
    try:
        yield home
    finally:
        home.end()
