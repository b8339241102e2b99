"""Where a watcher in a terminal logs: a file of its own, since the screen has its place."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.watch.watcher import lock_file

_BYTES = 1_000_000
_FILES = 2


@contextmanager
def log_to(paths: Paths, inbox: Path) -> Iterator[Path]:
    """Log what watching `inbox` meets, while entered; gives the file.

    Raises:
        StemliftError: STATE_UNUSABLE.
    """
    path = paths.logs / f"{lock_file(paths, inbox).stem}.log"
    try:
        paths.logs.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
    except OSError as error:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The log file {path} cannot be written: {error.strerror or error}.",
            "Make it writable, or remove what is in its place.",
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s: %(message)s"))
    logger = logging.getLogger("stemlift.watch")
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield path
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
        handler.close()
