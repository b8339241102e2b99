"""Why a download failed, in plain words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from stemlift.errors import Reason, StemliftError
from stemlift.models.archive import ArchiveError
from stemlift.models.transfer import BrokenTransferError
from stemlift.models.transport import AddressError, RefusedError, from_transport

_TRY_AGAIN = "Try again: the download goes on where it stopped."
_CHECK_ADDRESS = "Check the address; the file may have been withdrawn or moved."

# Windows knows no quota by that name.
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class NotAHubError(Exception):
    """The address answers, but not as a model hub does; the message is a clause."""


class OtherFileError(Exception):
    """The network has another file than the catalogue names; the message is a clause."""


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn a failure within into one in plain words, which names `where`."""
    try:
        yield
    # Which exceptions the transport raises depends on the library and its version;
    # what `explain` does not know is raised again.
    except Exception as error:
        known = explain(error, where)
        if known is None or known is error:
            raise
        raise known from error


def explain(error: Exception, where: str) -> StemliftError | None:
    """The failure in plain words, or None for an error that is a fault of ours."""
    if isinstance(error, StemliftError):
        return error
    if isinstance(error, BrokenTransferError):
        return _failed(
            f"The download of {where} was damaged on the way: {error}.",
            "Try again: nothing of it was kept. If it happens twice, the file there is another "
            "one than the model's entry names.",
        )
    if isinstance(error, OtherFileError):
        return _failed(
            f"{where} is not the file that the catalogue names: {error}.",
            "Its publisher has changed it; look for a newer Stemlift, or import the file.",
        )
    if isinstance(error, ArchiveError):
        return _failed(
            f"The archive {where} cannot be used: {error}.",
            "Try again; if it happens twice, its publisher has changed it: look for a newer "
            "Stemlift, or import the file.",
        )
    if isinstance(error, NotAHubError):
        return _failed(
            f"{where}: the address does not answer as a model hub does: {error}.",
            "Check `hub` in settings.toml and HF_ENDPOINT, or a proxy in between.",
        )
    if isinstance(error, AddressError):
        return _failed(f"{where} is not fetched: {error}.", _CHECK_ADDRESS)
    status = _status(error)
    if status is not None:
        return _explain_status(status, where)
    if _timed_out(error):
        return _failed(f"The server stopped answering: {where}.", _TRY_AGAIN)
    if from_transport(error):
        return _failed(
            f"The server cannot be reached for {where} ({error}).",
            "Check the network and the proxy, then try again.",
        )
    if isinstance(error, OSError):
        return _explain_disk(error, where)
    return None


def _timed_out(error: BaseException) -> bool:
    if any("Timeout" in kind.__name__ for kind in type(error).__mro__):
        return True
    # requests wraps a timeout in the middle of a body in an error of the connection.
    return any(_timed_out(inner) for inner in error.args if isinstance(inner, BaseException))


def _status(error: Exception) -> int | None:
    if isinstance(error, RefusedError):
        return error.status
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _explain_status(status: int, where: str) -> StemliftError:
    if status in (401, 403):
        return _failed(
            f"The server refuses to give {where} (HTTP {status}).",
            f"{_CHECK_ADDRESS} Stemlift asks without a name or a token, so private "
            "repositories answer like this, too: fetch such a file yourself and import it.",
        )
    if status in (404, 410):
        return _failed(f"There is no {where} (HTTP {status}).", _CHECK_ADDRESS)
    return _failed(f"The server failed while giving {where} (HTTP {status}).", _TRY_AGAIN)


def _explain_disk(error: OSError, where: str) -> StemliftError:
    if error.errno in _FULL:
        return StemliftError(
            Reason.DISK_FULL,
            f"The disk is full: there is no room for {where}.",
            "Make room on the disk of the models folder and try again.",
        )
    if error.errno is None:
        return _failed(f"The download of {where} broke off: {error}.", _TRY_AGAIN)
    return StemliftError(
        Reason.WRITE_FAILED,
        f"Storing {where} failed: {error}.",
        "Make the models folder writable and try again.",
    )


def _failed(message: str, remedy: str) -> StemliftError:
    return StemliftError(Reason.DOWNLOAD_FAILED, message, remedy)
