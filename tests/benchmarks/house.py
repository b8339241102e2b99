"""A Stemlift of its own for benchmarks: its folder, its server, its commands."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths, paths_under
from stemlift.rpc.client import Client
from stemlift.rpc.endpoint import read_endpoint

from .machine import clean_environment
from .model import Model
from .places import BUILD
from .processes import run

_PATIENCE = 60.0


class House:
    """A STEMLIFT_HOME in which the model is installed."""

    def __init__(self, folder: Path, model: Model) -> None:
        self.folder = folder
        self.model = model
        self.environment = clean_environment(STEMLIFT_HOME=str(folder), **model.environment)

    @property
    def paths(self) -> Paths:
        return paths_under(self.folder)

    @property
    def stems(self) -> Path:
        """Where the stems of commands go."""
        return self.folder / "stems"

    def command(self, song: Path, *arguments: str) -> list[str]:
        """`stemlift separate`, as a user would type it."""
        return [
            *(sys.executable, "-m", "stemlift", "separate", str(song)),
            *("--model", self.model.name, "--out", str(self.stems), "--overwrite", *arguments),
        ]

    def client(self) -> Client:
        """A client of the running server."""
        return Client(paths=self.paths, start=False)

    def serve(self) -> psutil.Process:
        """Start the server unless it runs; its process."""
        run([sys.executable, "-m", "stemlift", "models", "list", "--json"], self.environment)
        pid = self.server_pid()
        if pid is None:
            raise RuntimeError("the server left as soon as it was started")
        return psutil.Process(pid)

    def warm(self, song: Path, *arguments: str) -> psutil.Process:
        """The server, started, with the model in memory, after a first job; its process."""
        server = self.serve()
        run(self.command(song, *arguments), self.environment)
        return server

    def server_pid(self) -> int | None:
        endpoint = read_endpoint(self.paths.endpoint)
        return endpoint.pid if endpoint and psutil.pid_exists(endpoint.pid) else None

    def stop(self) -> None:
        """End the server, and see it end."""
        pid = self.server_pid()
        with contextlib.suppress(psutil.NoSuchProcess):
            if pid is not None:
                process = psutil.Process(pid)
                process.terminate()
                process.wait(_PATIENCE)

    def clear(self) -> None:
        """Remove the stems."""
        shutil.rmtree(self.stems, ignore_errors=True)

    def install(self) -> None:
        """Import the model, unless that was done."""
        self.serve()
        with self.client() as client:
            try:
                client.model(self.model.name)
            except StemliftError as error:
                if error.reason is not Reason.MODEL_UNKNOWN:
                    raise
                client.import_model(self.model.repository().weights, self.model.name)


@contextmanager
def house(model: Model) -> Iterator[House]:
    """The house of the benchmarks; no server runs in it, before or afterwards."""
    home = House(BUILD / "home", model)
    home.stop()
    try:
        home.install()
        home.stop()
        yield home
    finally:
        home.stop()
        home.clear()
