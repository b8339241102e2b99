"""The folder of the results while it is worked in: nothing is left behind."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.client import Client, RemoteJob

CANCEL_SECONDS = 15.0
"""How long a cancelled job may take to reach the end of its batch."""

_WORK = ".stemlift-work-"


def cancel(client: Callable[[], Client], jobs: Sequence[RemoteJob]) -> None:
    """Cancel jobs, see them end, and take them off the server's list: their stems are gone."""
    for job in jobs:
        with contextlib.suppress(StemliftError):
            job.cancel()
    for job in jobs:
        with contextlib.suppress(StemliftError, TimeoutError):
            job.result(CANCEL_SECONDS)
    for job in jobs:
        forget(client(), job)


def forget(client: Client, job: RemoteJob) -> None:
    """Take a job off the server's list, since its stems are gone."""
    with contextlib.suppress(StemliftError):
        client.delete(job.id)


def clear(client: Callable[[], Client], out: Path, work: Path) -> None:
    """Remove what a run that was killed left: its jobs, and stems."""
    old = [path for path in out.absolute().glob(f"{_WORK}*") if path != work]
    if not old:
        return
    # By name: the folder may have been reached through a link, or a path with `..`, then.
    names = {path.name for path in old}
    cancel(
        client, [job for job in client().jobs() if job.latest.output_folder.parent.name in names]
    )
    for path in old:
        remove(path)


def remove(path: Path) -> None:
    """Delete a file or a folder."""
    # What cannot be removed now, the next run removes.
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def work_folder(out: Path) -> Iterator[Path]:
    """A hidden folder in that of the results, on whose drive there is room for them."""
    work = out.absolute() / f"{_WORK}{secrets.token_hex(4)}"
    try:
        work.mkdir()
    except OSError as error:
        raise unwritable(work, error) from error
    try:
        yield work
    finally:
        remove(work)


def unwritable(path: Path, error: OSError) -> StemliftError:
    """OUTPUT_UNWRITABLE, in words."""
    return StemliftError(
        Reason.OUTPUT_UNWRITABLE,
        f"{path} cannot be written: {error.strerror or error}.",
        "Choose another folder with -o, or make room.",
    )
