"""The status file: what a script in REAPER sees of a job while the helper works on it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from types import TracebackType
from typing import Any, Self

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.folder import JobFolder
from stemlift.reaper.messages import Phase, Status, Trouble
from stemlift.system.whole import write_whole

BEAT_SECONDS = 1.0
"""The file is written at least this often, so that a script sees a live helper."""

GAP_SECONDS = 0.2
"""And at most this often."""

_LAST_ATTEMPTS = 5


class StatusFile:
    """Writes the status of one job, from a thread of its own while it is entered.

    The thread keeps the file fresh while the helper waits for a call to return.
    """

    def __init__(self, folder: JobFolder, id: str, title: str) -> None:  # noqa: A002
        self._folder = folder
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="stemlift-status")
        self._status = Status(
            id=id, title=title, pid=os.getpid(), phase=Phase.PLANNING, updated=time.time()
        )

    def __enter__(self) -> Self:
        try:
            self._write()
        except OSError as error:
            raise self._failure(error) from error
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._changed.set()
        self._thread.join()

    @property
    def current(self) -> Status:
        return self._status

    def update(self, **changes: Any) -> None:
        """Say something new; it is written soon."""
        with self._lock:
            self._status = self._status.model_copy(update=changes)
        self._changed.set()

    def end(self, phase: Phase, **changes: Any) -> None:
        """Say the last word; it is written when this returns.

        Raises:
            StemliftError: WRITE_FAILED.
        """
        self.update(phase=phase, stage="", seconds_left=None, **changes)
        for left in range(_LAST_ATTEMPTS - 1, -1, -1):
            try:
                self._write(sync=True)
            except OSError as error:
                if left == 0:
                    raise self._failure(error) from error
                time.sleep(GAP_SECONDS)
            else:
                return

    def _failure(self, error: OSError) -> StemliftError:
        return StemliftError(
            Reason.WRITE_FAILED,
            f"{self._folder.status_file} cannot be written: {error.strerror or error}.",
            "Free some space or make the folder writable, then try again.",
        )

    def _keep(self) -> None:
        while not self._closing.is_set():
            self._changed.wait(BEAT_SECONDS)
            self._changed.clear()
            # A full disk may have room again at the next beat; the script sees the old status.
            with contextlib.suppress(OSError):
                self._write()
            self._closing.wait(GAP_SECONDS)

    def _write(self, *, sync: bool = False) -> None:
        with self._lock:
            self._status = self._status.model_copy(update={"updated": time.time()})
            data = self._status.model_dump_json().encode()
            write_whole(self._folder.status_file, data, sync=sync)


def trouble(error: StemliftError) -> Trouble:
    return Trouble(reason=str(error.reason), message=error.message, remedy=error.remedy)
