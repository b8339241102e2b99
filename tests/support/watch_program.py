"""A process that watches one folder until it is killed: arguments as JSON.

home: its STEMLIFT_HOME. folder: a [[watch]] table. die_at: kill -9 after the first step of
this name; empty: never. die_after: or after so many steps, and as many seconds as `delay` says;
0: never.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from stemlift.paths import paths_under
from stemlift.settings import WatchFolder
from stemlift.watch.watcher import Watcher


def main() -> None:
    given = json.loads(sys.argv[1])

    steps = 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def step(name: str) -> None:
        nonlocal steps
        steps += 1
        if name == given["die_at"]:
            die()
        if steps == given.get("die_after", 0):
            threading.Timer(given["delay"], die).start()

    folder = WatchFolder.model_validate(given["folder"])
    watcher = Watcher(folder, paths_under(Path(given["home"])), step=step)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    watcher.start()
    try:
        while not watcher.wait(1.0):
            pass
    finally:
        watcher.stop()


if __name__ == "__main__":
    main()
