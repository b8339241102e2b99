"""What the server refuses before it serves, and how it leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import filelock
import pytest

from stemlift import Client
from stemlift.errors import Exit, Reason, StemliftError
from stemlift.paths import Paths
from stemlift.rpc.endpoint import read_endpoint
from stemlift.rpc.server import ServeOptions, _held_up, parse_listen
from stemlift.rpc.serving import _serve
from stemlift.rpc.tokens import ensure_token
from stemlift.settings import Settings


@pytest.mark.parametrize("name", ["x" * 100, "a?b", "100%", "a#b"])
def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path, name: str) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(StemliftError) as caught:
        parse_listen(f"unix:{tmp_path / name}")
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert caught.value.remedy


class HungService:
    """A job service whose disk is dead: making a job never comes back."""

    busy = False

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.disk = threading.Event()
        self.stopped_after: list[bool] = []

    def create(self, asked: object, request_id: str) -> Any:
        self.entered.set()
        self.disk.wait(60)
        raise StemliftError(Reason.FILE_UNREADABLE, "The disk came back.")

    def stop(self, patience: float) -> bool:
        self.stopped_after.append(self.disk.is_set())
        return True


def test_a_call_on_a_dead_disk_does_not_keep_the_server(paths: Paths) -> None:
    service = HungService()
    token = ensure_token(paths)
    lost: list[StemliftError] = []

    async def main() -> None:
        serving = asyncio.create_task(_serve(ServeOptions(paths, Settings()), service, token))
        client = threading.Thread(target=call)
        while read_endpoint(paths.endpoint) is None:
            await asyncio.sleep(0.01)
        client.start()
        assert await asyncio.to_thread(service.entered.wait, 20)
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        await asyncio.to_thread(client.join, 20)

    def call() -> None:
        endpoint = read_endpoint(paths.endpoint)
        assert endpoint is not None
        with Client(paths, address=endpoint.address) as client:
            try:
                client.separate("a.wav")
            except StemliftError as error:
                lost.append(error)

    try:
        asyncio.run(main())
        assert service.stopped_after == [False]
        assert _held_up()
    finally:
        service.disk.set()
    assert not _held_up()
    assert [error.reason for error in lost] == [Reason.SERVER_LOST]
    assert read_endpoint(paths.endpoint) is None


def test_the_loser_of_a_race_leaves_before_it_reads_torch(paths: Paths) -> None:
    paths.state.mkdir(parents=True)
    code = (
        "import sys; from stemlift.cli.main import main; code = main(['serve']);"
        " sys.exit(99 if 'torch' in sys.modules else code)"
    )
    with filelock.FileLock(paths.lock):
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ran.returncode == Exit.SERVER
    assert b"SERVER_ALREADY_RUNNING" in ran.stderr
