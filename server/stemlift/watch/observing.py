"""Hints that something changed in an inbox. The scan is the truth; this only wakes it.

Where the system gives no events, on network shares, nothing takes their place: a polling
observer would list the inbox just as the scan at intervals does, only twice.
"""

from __future__ import annotations

import errno
import logging
import os
import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stemlift.audio.problems import display_name
from stemlift.system.shares import is_remote
from stemlift.watch.ignored import ignored
from stemlift.watch.recipes import RECIPE_FILE

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers.api import BaseObserver

Polling = Literal["auto"] | bool

_STOP_SECONDS = 5.0

# Looking at a file raises these, so they would wake the scan that they come from.
_LOOKS = frozenset({"opened", "closed_no_write"})


class Hints:
    """Calls `wake` from a thread of its own whenever something may have changed.

    polling: True: never observe, the scan at intervals does it alone; False: always try;
        "auto": observe unless the inbox lies on a network share.
    wake: is called once for each event, so up to thousands of times a second while a file
        grows; it only takes a note.
    skip: folders below the inbox whose events do not count, such as the outbox.
    notice: why nothing is observed, as one sentence; empty while it is.
    """

    def __init__(
        self,
        inbox: Path,
        polling: Polling,
        wake: Callable[[], None],
        *,
        skip: Collection[Path] = (),
    ) -> None:
        self._inbox = inbox
        self._polling = polling
        self._wake = wake
        self._skip = tuple(os.path.realpath(path) for path in skip)
        self._root = ""
        self._observer: BaseObserver | None = None
        self._observed: tuple[int, int] | None = None
        self.notice = ""

    @property
    def observing(self) -> bool:
        return self._observer is not None

    def start(self) -> None:
        """Observe, or say in `notice` why not. Raises nothing."""
        self.stop()
        self._observed = _identity(self._inbox)
        self.notice = self._why_not() or self._observe()

    def renew(self) -> None:
        """Start again where the inbox is another folder than the one observed (a share that
        was mounted anew), or where observing has ended by itself. To be called with each
        scan; cheap when nothing changed."""
        here = _identity(self._inbox)
        if here is not None and (here != self._observed or self._has_died()):
            self.start()

    def stop(self) -> None:
        """Ends the thread; may be called twice."""
        observer, self._observer = self._observer, None
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join(_STOP_SECONDS)

    def _why_not(self) -> str:
        where = display_name(self._inbox)
        if self._observed is None:
            return f"The inbox {where} is not there; it is looked for at intervals."
        if self._polling is True:
            return f"Changes in {where} are looked for at intervals, as set."
        if self._polling == "auto" and is_remote(self._inbox):
            return f"{where} is on a network share: changes are looked for at intervals."
        return ""

    def _observe(self) -> str:
        from watchdog.observers import Observer

        _silence_library()
        self._root = os.path.realpath(self._inbox)
        try:
            observer = Observer()
            observer.name = "stemlift-hints"
            observer.schedule(_handler(self._heard), self._root, recursive=True)
            observer.start()
        except (OSError, RuntimeError, SystemError) as error:
            return _refused(self._inbox, error)
        self._observer = observer
        return ""

    def _has_died(self) -> bool:
        observer = self._observer
        if observer is None:
            return False
        return not observer.is_alive() or not all(each.is_alive() for each in observer.emitters)

    def _heard(self, event: FileSystemEvent) -> None:
        from watchdog.events import DirModifiedEvent

        # A folder is modified by whatever happens in it, which has an event of its own.
        if event.event_type in _LOOKS or isinstance(event, DirModifiedEvent):
            return
        if any(self._matters(os.fsdecode(path)) for path in (event.src_path, event.dest_path)):
            self._wake()

    def _matters(self, path: str) -> bool:
        if not path:
            return False
        if any(path == each or path.startswith(each + os.sep) for each in self._skip):
            return False
        below = path.removeprefix(self._root)
        if below == path:
            # The system tells the place by another name: rather once too often.
            return True
        *folders, name = Path(below.strip(os.sep)).parts or ("",)
        if any(ignored(folder, folder=True) for folder in folders):
            return False
        # "x.part" matters when it is a folder, which the event cannot tell once it is gone.
        return name == RECIPE_FILE or not ignored(name)


def _handler(heard: Callable[[FileSystemEvent], None]) -> FileSystemEventHandler:
    from watchdog.events import FileSystemEventHandler

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            heard(event)

    return Handler()


def _silence_library() -> None:
    """Keep what watchdog says of its own races from the user, and from memory.

    watchdog 7 warns for each new folder that it meets twice, with a text that is never the
    same; Python would print them all, and remember them for as long as it runs.
    """
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")
    # It reports being stopped as an error; whether it has failed, `renew` sees for itself.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _refused(inbox: Path, error: Exception) -> str:
    where = display_name(inbox)
    code = getattr(error, "errno", None)
    if code == errno.ENOSPC:
        return (
            f"The system's limit of watched folders (fs.inotify.max_user_watches) is reached:"
            f" changes in {where} are looked for at intervals."
        )
    if code == errno.EMFILE:
        return (
            f"The system's limit of watching programs or open files"
            f" (fs.inotify.max_user_instances, ulimit -n) is reached: changes in {where} are"
            " looked for at intervals."
        )
    why = getattr(error, "strerror", None) or str(error)
    return f"Changes in {where} cannot be observed ({why}) and are looked for at intervals."
