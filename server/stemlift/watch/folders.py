"""The folders of the settings, watched in threads of the server's process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stemlift.audio.problems import display_name
from stemlift.errors import StemliftError
from stemlift.paths import Paths
from stemlift.settings import WatchFolder
from stemlift.watch.hosting import make_watcher
from stemlift.watch.places import check_apart
from stemlift.watch.watcher import Watcher

if TYPE_CHECKING:
    from stemlift.rpc.client import Client

logger = logging.getLogger("stemlift.watch")

# A terminal that watched one of the folders may end, or a disk get room.
AGAIN_SECONDS = 10.0


class Folders:
    """Watches all of them from `start` to `stop`.

    One that cannot be watched now is said in the log and tried again; the others go on.
    """

    def __init__(
        self, folders: Sequence[WatchFolder], paths: Paths, again: float = AGAIN_SECONDS
    ) -> None:
        self._waiting = list(folders)
        self._paths = paths
        self._again = again
        self._said: dict[str, str] = {}
        self._watchers: list[Watcher] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="stemlift-watch-folders")

    def start(self) -> None:
        """Returns at once; the server must be able to answer by now."""
        self._thread.start()

    def stop(self) -> None:
        """End within about a second. May be called before `start`, and twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for watcher in self._watchers:
            watcher.stop()
        self._watchers.clear()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._waiting = [folder for folder in self._waiting if not self._begin(folder)]
            if not self._waiting:
                return
            self._stopping.wait(self._again)

    def _begin(self, folder: WatchFolder) -> bool:
        shown = display_name(folder.inbox_path)
        if self._stopping.is_set():
            return False
        try:
            check_apart(folder.inbox_path, folder.out_path)
            watcher = make_watcher(folder, self._paths, connect=_connect_to(self._paths))
            watcher.start()
        except StemliftError as error:
            if self._said.get(folder.inbox) != error.message:
                logger.error("%s is not watched: %s", shown, error)
            self._said[folder.inbox] = error.message
            return False
        except Exception:
            # A fault in one folder must not keep the others from being watched.
            if folder.inbox not in self._said:
                logger.exception("%s is not watched: a fault of ours", shown)
            self._said[folder.inbox] = "a fault"
            return False
        self._watchers.append(watcher)
        logger.info("watching %s, stems go to %s", shown, display_name(Path(folder.out)))
        return True


def _connect_to(paths: Paths) -> Callable[[Callable[[], None]], Client]:
    def connect(beat: Callable[[], None]) -> Client:
        from stemlift.rpc.client import Client

        # This process is the server: when it leaves, no other is to be started.
        return Client(paths=paths, start=False, heartbeat=beat)

    return connect
