"""Weights from the model hub: what is here, and fetching what is not. No torch.

A transfer runs in a process of its own (`models.download`), so that a stalled
connection can be cancelled at once and the hub's library stays out of the server.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from stemlift.errors import Reason, StemliftError
from stemlift.models.cachefiles import BagFiles, RepositoryFolder
from stemlift.models.spec import ModelSpec
from stemlift.settings import Settings

DEFAULT_ENDPOINT = "https://huggingface.co"

_CANCEL_POLL = 0.2
_TRUE = {"1", "ON", "TRUE", "YES"}


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The weights of this user.

    folder: where they lie (`Paths.models`).
    endpoint: address of the hub, or of a mirror of it. No other is ever asked.
    offline: never use the network.
    """

    folder: Path
    endpoint: str = DEFAULT_ENDPOINT
    offline: bool = False

    @classmethod
    def from_settings(cls, folder: Path, settings: Settings) -> ModelStore:
        """The settings come first, then HF_ENDPOINT and HF_HUB_OFFLINE, then the defaults."""
        endpoint = settings.hub or os.environ.get("HF_ENDPOINT", "") or DEFAULT_ENDPOINT
        offline = settings.offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE
        return cls(folder, endpoint.rstrip("/"), offline)

    def installed(self, spec: ModelSpec) -> bool:
        """Whether `spec` can be loaded without the network; reads one small file."""
        if spec.repository is None:
            return True
        try:
            return self._find(spec) is not None
        except StemliftError:
            return False

    def fetch(
        self,
        spec: ModelSpec,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> BagFiles:
        """The files of `spec`, downloaded where they are not here yet.

        Uses no network when they are. An unfinished transfer goes on where it stopped.

        Args:
            progress: called with bytes done and bytes in all.
            cancelled: polled a few times a second.

        Raises:
            StemliftError: DOWNLOAD_FAILED, DISK_FULL, WRITE_FAILED, CANCELLED, or
                CHECKPOINT_INVALID when the bag is damaged.
            ValueError: `spec` has no weights.
        """
        found = self._find(spec)
        if found is not None:
            return found
        if self.offline:
            raise StemliftError(
                Reason.DOWNLOAD_FAILED,
                f"The weights of {spec.name} are not on this machine, and Stemlift is offline.",
                f"Go online for one download, or copy the folder of {spec.repository} "
                f"from another machine into {self.folder}.",
            )
        if not self.endpoint.startswith(("https://", "http://")):
            raise StemliftError(
                Reason.DOWNLOAD_FAILED,
                f"The model hub's address “{self.endpoint}” is not a web address.",
                "Set `hub` in settings.toml, or HF_ENDPOINT, to one that begins with https://.",
            )
        request = {
            "folder": str(self.folder),
            "endpoint": self.endpoint,
            "repository": spec.repository,
            "bag": spec.bag,
        }
        _run_download(request, progress, cancelled)
        found = self._find(spec)
        if found is None:
            raise StemliftError(
                Reason.INTERNAL,
                f"The download of {spec.name} ended without its files in {self.folder}.",
                "Try again; if it happens twice, report it with the server's log.",
            )
        return found

    def _find(self, spec: ModelSpec) -> BagFiles | None:
        if spec.repository is None or spec.bag is None:
            raise ValueError(f"{spec.name} has no weights")
        return RepositoryFolder(self.folder, spec.repository).find(spec.bag)


def _run_download(
    request: dict[str, Any],
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> None:
    with tempfile.TemporaryFile() as errors:
        # -P keeps modules lying in the working directory from being imported.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "stemlift.models.download"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(request["endpoint"]),
            text=True,
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            # Left open: the process ends itself when this end closes, so it never
            # outlives a server that was killed.
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            finished = _follow(lines, progress, cancelled)
        except BrokenPipeError:
            finished = False
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stdin.close()
            process.stdout.close()
        if not finished:
            errors.seek(0)
            last = errors.read().decode("utf-8", "replace").strip()[-500:]
            raise StemliftError(
                Reason.INTERNAL,
                f"The download process for {request['repository']} broke off: {last}",
                "Try again; if it happens twice, report it with the server's log.",
            )


def _follow(
    lines: queue.SimpleQueue[str | None],
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> bool:
    """Pass on what the process says until its last word; False if it went without one."""
    while True:
        if cancelled():
            raise StemliftError(Reason.CANCELLED, "The download was cancelled.")
        try:
            line = lines.get(timeout=_CANCEL_POLL)
        except queue.Empty:
            continue
        if line is None:
            return False
        event = json.loads(line)
        if "error" in event:
            error = event["error"]
            raise StemliftError(Reason(error["reason"]), error["message"], error["remedy"])
        if "finished" in event:
            return True
        progress(event["done"], event["total"])


def _read_lines(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _environment(endpoint: str) -> dict[str, str]:
    """For the hub's library, which reads its options once, when it is imported."""
    left_out = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_ENABLE_HF_TRANSFER"}
    kept = {key: value for key, value in os.environ.items() if key not in left_out}
    return kept | {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "PYTHONUTF8": "1",
    }
