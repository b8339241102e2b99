"""The process that transfers weights: `python -m stemlift.models.download`.

Reads one line of JSON from stdin: folder, endpoint, repository, bag. Writes one object
a line: {"done", "total"} in bytes, then {"finished": true} or {"error": {…}}. Ends when
stdin closes, that is with the server.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from stemlift.errors import Reason, StemliftError
from stemlift.models.bag import read_bag
from stemlift.models.cachefiles import RepositoryFolder

_BLOCK = 256 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ETAG = re.compile(r"[\w.-]{1,128}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
# Windows knows no quota by that name.
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_TRANSPORTS = {"requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2"}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the hub.

    etag: the SHA-256 of a large file, the hub's own mark of a small one.
    size: in bytes; None where the hub does not say.
    """

    name: str
    url: str
    commit: str
    etag: str
    size: int | None


def download_bag(
    folder: RepositoryFolder, endpoint: str, bag: str, progress: Callable[[int, int], None]
) -> None:
    """Bring the bag and its checkpoints into `folder`; a file that is whole is kept.

    Raises:
        StemliftError: DOWNLOAD_FAILED, DISK_FULL, WRITE_FAILED, CHECKPOINT_INVALID.
    """
    folder.partial.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.root / "partial.lock"):
        first = _look_up(endpoint, folder.repository, bag, "main")
        target = folder.snapshot(first.commit)
        target.mkdir(parents=True, exist_ok=True)
        _transfer(first, target, folder.partial, lambda _: None)
        members = [
            _look_up(endpoint, folder.repository, name, first.commit)
            for name in read_bag(target / bag).files
        ]
        missing = [file for file in members if not (target / file.name).is_file()]
        total = sum(file.size or 0 for file in members)
        done = total - sum(file.size or 0 for file in missing)
        _require_room(folder, missing)
        for file in missing:
            _transfer(file, target, folder.partial, _after(done, total, progress))
            done += (target / file.name).stat().st_size
        progress(done, max(done, total))
        _write_reference(folder, first.commit)


def _after(done: int, total: int, progress: Callable[[int, int], None]) -> Callable[[int], None]:
    return lambda received: progress(done + received, max(total, done + received))


def _look_up(endpoint: str, repository: str, name: str, revision: str) -> RemoteFile:
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import get_hf_file_metadata

    url = hf_hub_url(repository, name, revision=revision, endpoint=endpoint)
    # token=False: a token is for the hub it was made for, and these weights need none.
    found = get_hf_file_metadata(url, token=False, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    if not (found.commit_hash and _COMMIT.fullmatch(found.commit_hash)):
        raise _NotAHubError(f"{url} names no commit")
    if not (found.etag and _ETAG.fullmatch(found.etag)):
        raise _NotAHubError(f"{url} has no ETag")
    pinned = hf_hub_url(repository, name, revision=found.commit_hash, endpoint=endpoint)
    return RemoteFile(name, pinned, found.commit_hash, found.etag, found.size)


def _transfer(file: RemoteFile, target: Path, partial: Path, report: Callable[[int], None]) -> None:
    """Bring one file, going on where an earlier transfer of the same content stopped."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import http_get

    # Its 10 MB would make progress jumpy and lose as much at every interruption.
    constants.DOWNLOAD_CHUNK_SIZE = _BLOCK
    if (target / file.name).is_file():
        return
    part = partial / file.etag
    part.touch()
    with _ReportingFile(part, file.size, report) as stream:
        start = stream.seek(0, io.SEEK_END)
        if file.size is not None and start > file.size:
            stream.truncate(0)
            start = stream.seek(0)
        report(start)
        while file.size is None or start < file.size:
            try:
                http_get(file.url, stream, resume_size=start, expected_size=file.size)
                break
            # Which exceptions the transport raises depends on the version of the library.
            except Exception as error:
                received = stream.seek(0, io.SEEK_END)
                # Every further attempt must have been worth it, so this comes to an end.
                if received <= start or not _was_cut(error):
                    raise
                start = received
        stream.flush()
        os.fsync(stream.fileno())
    if _SHA256.fullmatch(file.etag) and _sha256(part) != file.etag:
        part.unlink()
        raise _BrokenTransferError(f"the checksum of {file.name} is wrong")
    part.replace(target / file.name)


class _ReportingFile(io.BufferedRandom):
    """A file that tells how much of it there is, and takes no more than was announced."""

    def __init__(self, path: Path, limit: int | None, report: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(path, "r+"))
        self._limit = limit
        self._report = report

    def write(self, data: Any) -> int:
        written = super().write(data)
        self.flush()
        if self._limit is not None and self.tell() > self._limit:
            raise _BrokenTransferError("more came than was announced")
        self._report(self.tell())
        return written


class _BrokenTransferError(Exception):
    """What arrived is not what the hub announced."""


class _NotAHubError(Exception):
    """The address answers, but not as a model hub does."""


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _require_room(folder: RepositoryFolder, missing: list[RemoteFile]) -> None:
    parts = {file.etag: folder.partial / file.etag for file in missing}
    here = sum(part.stat().st_size for part in parts.values() if part.is_file())
    needed = sum(file.size or 0 for file in missing) - here
    free = shutil.disk_usage(folder.root).free
    if needed > free:
        raise StemliftError(
            Reason.DISK_FULL,
            f"{folder.repository} needs {needed / 1e6:.0f} MB more in {folder.models}, "
            f"where {free / 1e6:.0f} MB are free.",
            "Make room on that disk and run the job again.",
        )


def _write_reference(folder: RepositoryFolder, commit: str) -> None:
    folder.reference.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.reference.with_name("main.new")
    fresh.write_text(commit, encoding="ascii")
    fresh.replace(folder.reference)


def explain(error: Exception, endpoint: str, repository: str) -> StemliftError | None:
    """The failure in plain words, or None for an error that is a fault of ours."""
    if isinstance(error, StemliftError):
        return error
    where = f"{repository} at {endpoint}"
    try_again = "Run the job again: the download goes on where it stopped."
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, _BrokenTransferError):
        return _failed(f"The download of {where} was damaged on the way: {error}.", try_again)
    if isinstance(error, _NotAHubError):
        return _failed(
            f"{endpoint} does not answer as a model hub does: {error}.",
            "Check `hub` in settings.toml and HF_ENDPOINT, or a proxy in between.",
        )
    if status in (401, 403):
        return _failed(
            f"The model hub refuses to give {where} (HTTP {status}).",
            "Check the address of the hub; the model may have been withdrawn or moved.",
        )
    if status is not None and "HfHubHTTPError" in kinds:
        missing = status == 404
        return _failed(
            f"There is no {where} (HTTP 404)."
            if missing
            else f"The model hub failed while giving {where} (HTTP {status}).",
            "Check the address of the hub, or choose another model." if missing else try_again,
        )
    if any("Timeout" in kind for kind in kinds):
        return _failed(f"The model hub stopped answering: {where}.", try_again)
    if _from_transport(error):
        return _failed(
            f"The model hub cannot be reached for {where} ({error}).",
            "Check the network and the proxy, then run the job again.",
        )
    if isinstance(error, OSError):
        return _explain_disk(error, where, try_again)
    return None


def _from_transport(error: Exception) -> bool:
    return any(kind.__module__.partition(".")[0] in _TRANSPORTS for kind in type(error).__mro__)


def _was_cut(error: Exception) -> bool:
    """Whether the connection ended early, rather than the hub refusing or the disk failing."""
    if getattr(error, "response", None) is not None:
        return False
    return _from_transport(error) or (isinstance(error, OSError) and error.errno is None)


def _explain_disk(error: OSError, where: str, try_again: str) -> StemliftError:
    if error.errno in _FULL:
        return StemliftError(
            Reason.DISK_FULL,
            f"The disk is full: there is no room for {where}.",
            "Make room on the disk of the models folder and run the job again.",
        )
    if error.errno is None:
        return _failed(f"The download of {where} broke off: {error}.", try_again)
    return StemliftError(
        Reason.WRITE_FAILED,
        f"The weights of {where} cannot be stored: {error}.",
        "Make the models folder writable and run the job again.",
    )


def _failed(message: str, remedy: str) -> StemliftError:
    return StemliftError(Reason.DOWNLOAD_FAILED, message, remedy)


def main() -> None:
    """One download, as the module's docstring says."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = RepositoryFolder(Path(request["folder"]), request["repository"])
    try:
        download_bag(folder, request["endpoint"], request["bag"], _report)
    # Which exceptions the transport raises depends on the version of the hub's library;
    # what `explain` does not know is raised again.
    except Exception as error:
        known = explain(error, request["endpoint"], request["repository"])
        if known is None:
            raise
        said = {"reason": known.reason, "message": known.message, "remedy": known.remedy}
        _say({"error": said})
    else:
        _say({"finished": True})


def _report(done: int, total: int) -> None:
    _say({"done": done, "total": total})


def _say(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
