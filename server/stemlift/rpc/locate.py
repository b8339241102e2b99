"""Finding this user's running server, and starting one where there is none."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import grpc

from stemlift.errors import Reason, StemliftError
from stemlift.paths import HOME_VARIABLE, Paths, find_paths, paths_under
from stemlift.rpc.channels import CHANNEL_OPTIONS
from stemlift.rpc.endpoint import Endpoint, read_endpoint
from stemlift.rpc.gen import separation_pb2, separation_pb2_grpc
from stemlift.rpc.status import from_rpc_error, is_broken
from stemlift.rpc.tokens import authorization, read_token
from stemlift.system.private import make_private_folder
from stemlift.system.process import spawn_detached

# A first start reads torch from a cold disk; a busy server may answer late.
START_SECONDS = 60.0
ANSWER_SECONDS = 60.0

# A server that found another one in its place is started again after this long, in
# case the other was on its way out.
_AGAIN_SECONDS = 1.5

# Longer than any start: another starter may still want to read its own.
_KEPT_SECONDS = 7 * 24 * 3600.0


def find_server(paths: Paths, *, patience: float = ANSWER_SECONDS) -> Endpoint | None:
    """The server of this state folder, None when none is running.

    A server that is merely slow is waited for; one that refuses the connection, or
    whose endpoint file outlived it, is none.

    Args:
        paths: of the state folder.
        patience: seconds to wait for its answer.

    Raises:
        StemliftError: SERVER_LOST when it takes the connection but never answers,
            TOKEN_REJECTED when it does not accept the state folder's token.
    """
    endpoint = read_endpoint(paths.endpoint)
    token = read_token(paths)
    if endpoint is None or token is None or not _listens(endpoint):
        return None
    if _answers(endpoint, token, patience):
        return endpoint
    return None


def find_or_start(
    paths: Paths,
    on_wait: Callable[[str], None] | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> Endpoint:
    """The server of this state folder, started when none is running.

    A started server outlives this process and leaves by itself when idle. Of several
    starters at once all end up at the one server that got the state folder.

    Args:
        paths: of the state folder.
        on_wait: called once with a sentence for a person when a start is needed.
        heartbeat: called often while it starts; what it raises ends the waiting.

    Raises:
        StemliftError: SERVER_START_FAILED with the last lines of its output when it
            ended or did not answer in time (then it is left running); SETTINGS_INVALID,
            STATE_UNUSABLE; and as `find_server`.
    """
    endpoint = find_server(paths)
    if endpoint is not None:
        return endpoint
    # Reading it takes as long to load as all of gRPC, and a running server needs none of it.
    from stemlift.settings import load_settings

    idle_exit = load_settings(paths.settings_file).idle_exit
    if on_wait is not None:
        on_wait("Starting the Stemlift server…")
    return _Start(paths, idle_exit).wait(heartbeat)


class _Start:
    """One start of a server, until it or another answers."""

    def __init__(self, paths: Paths, idle_exit: float) -> None:
        self.paths = paths
        self.idle_exit = idle_exit
        self.environment = server_environment(paths)
        self.deadline = time.monotonic() + START_SECONDS
        make_private_folder(paths.state)
        self.process, self.log = self._spawn()
        self.spawned = time.monotonic()

    def wait(self, heartbeat: Callable[[], None]) -> Endpoint:
        pause = 0.02
        while True:
            left = self.deadline - time.monotonic()
            # Looked at before the search: a server that ends right after an empty
            # search may have left because another got there first.
            ended = self.process.poll() is not None
            endpoint = find_server(self.paths, patience=max(left, 1.0))
            if endpoint is not None:
                return endpoint
            if ended:
                self._after_end()
            if left <= 0:
                raise self._failure(f"did not answer within {START_SECONDS:.0f} seconds")
            heartbeat()
            time.sleep(pause)
            pause = min(pause * 1.3, 0.5)

    def _after_end(self) -> None:
        """Accept that another server holds the state folder, or give up."""
        said = _said_error(_read(self.log))
        if said is None or said.reason is not Reason.SERVER_ALREADY_RUNNING:
            if said is not None:
                raise said
            raise self._failure(f"ended at once with exit code {self.process.returncode}")
        if time.monotonic() - self.spawned > _AGAIN_SECONDS:
            self.process, self.log = self._spawn()
            self.spawned = time.monotonic()

    def _spawn(self) -> tuple[subprocess.Popen[bytes], Path]:
        logs = self.paths.logs
        try:
            logs.mkdir(parents=True, exist_ok=True)
            _prune(logs)
            log = logs / f"start-{uuid.uuid4().hex[:8]}.log"
            # In the state folder: the caller's own may be unmounted under the server.
            process = spawn_detached(
                server_command(self.idle_exit), self.environment, self.paths.state, log
            )
        except OSError as error:
            raise StemliftError(
                Reason.SERVER_START_FAILED,
                f"The server cannot be started: {error}.",
                f"Make {logs} writable and free some memory, then try again.",
            ) from error
        return process, log

    def _failure(self, what: str) -> StemliftError:
        said = "\n".join(_read(self.log).strip().splitlines()[-15:])
        return StemliftError(
            Reason.SERVER_START_FAILED,
            f"The server (process {self.process.pid}) {what}."
            + (f" It said:\n{said}" if said else ""),
            f"See {self.paths.log} and {self.log}, or run `stemlift serve` to watch it start.",
        )


def server_command(idle_exit: float) -> list[str]:
    """The command line of a server that a client starts.

    It watches no folders: who separates one song wants no inbox to come to life, and a server
    that watches never leaves.
    """
    serve = [sys.executable, "-m", "stemlift", "serve"]
    return [*serve, "--json", "--no-watch", "--idle-exit", f"{idle_exit:g}"]


def server_environment(paths: Paths) -> dict[str, str]:
    """The environment in which `stemlift serve` serves `paths`, whatever folder it runs in.

    Raises:
        StemliftError: SERVER_START_FAILED when no environment leads there.
    """
    found = find_paths()
    if paths == found:
        home = found.home
    elif paths.home is not None and paths == paths_under(paths.home):
        home = paths.home
    else:
        raise StemliftError(
            Reason.SERVER_START_FAILED,
            f"No server can be started for {paths.state}: STEMLIFT_HOME does not lead there.",
            "Set STEMLIFT_HOME, or give the paths of stemlift.paths.paths_under(folder).",
        )
    return {**os.environ, HOME_VARIABLE: str(home)} if home else dict(os.environ)


def _listens(endpoint: Endpoint) -> bool:
    """Whether somebody takes connections there. Full queues and slowness count as yes."""
    path = endpoint.socket_path
    if path is None:
        # The port of a dead server may be another program's now, and the token is not
        # for its eyes; a socket in a private folder can only be ours.
        if not endpoint.is_alive:
            return False
        host, _, port = endpoint.address.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        return port.isdigit() and _connects(family, (host.strip("[]"), int(port)))
    # Not on Windows, where no endpoint names a socket of this kind.
    return hasattr(socket, "AF_UNIX") and _connects(socket.AF_UNIX, str(path))


def _connects(family: int, address: tuple[str, int] | str) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(5.0)
        try:
            probe.connect(address)
        except (TimeoutError, BlockingIOError):
            return True
        except OSError:
            return False
    return True


def _answers(endpoint: Endpoint, token: str, patience: float) -> bool:
    """Whether the server there is ours and well. False when it left just now."""
    with grpc.insecure_channel(endpoint.address, CHANNEL_OPTIONS) as channel:
        stub = separation_pb2_grpc.SeparationServiceStub(channel)
        try:
            stub.GetServerInfo(
                separation_pb2.GetServerInfoRequest(),
                timeout=patience,
                metadata=(authorization(token),),
            )
        except grpc.RpcError as error:
            found = from_rpc_error(error)
            if found.reason is not Reason.SERVER_LOST:
                raise found from error
            if not is_broken(error):
                raise StemliftError(
                    Reason.SERVER_LOST,
                    f"The server (process {endpoint.pid}) does not answer.",
                    "Wait for it, or end that process; its jobs go on with the next command.",
                ) from error
            return False
    return True


def _said_error(output: str) -> StemliftError | None:
    """The error that a server's output ends with, as `stemlift serve --json` says it."""
    for line in reversed(output.splitlines()):
        try:
            error = json.loads(line)["error"]
            return StemliftError(Reason(error["reason"]), error["message"], error["remedy"])
        except (ValueError, KeyError, TypeError):
            continue
    return None


def _read(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        # Somebody removed it; there is nothing to add to the failure.
        return ""


def _prune(logs: Path) -> None:
    """Remove the outputs of starts of long ago."""
    oldest = time.time() - _KEPT_SECONDS
    for path in logs.glob("start-*.log"):
        # Another starter took it, or Windows keeps that of a server that still runs.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if path.stat().st_mtime < oldest:
                path.unlink()
