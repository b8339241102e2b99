"""The process that transfers weights: `python -m stemlift.models.download`.

Speaks the protocol of `models.child`. The request is that of `ModelPlace.request`; finishes
with {} when all files are there.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from stemlift.errors import Reason, StemliftError
from stemlift.models.archive import ArchiveError, find_members, open_archive, take_out
from stemlift.models.bag import read_bag
from stemlift.models.cachefiles import SHA256
from stemlift.models.child import Report, serve_child
from stemlift.models.download_errors import NotAHubError, OtherFileError, explained
from stemlift.models.place import ModelPlace, Recorded
from stemlift.models.spec import WeightFile
from stemlift.models.transfer import RemoteFile, bring, sha256
from stemlift.models.transport import ask

_ETAG = re.compile(r"[\w.-]{1,128}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def download(place: ModelPlace, endpoint: str, report: Report) -> None:
    """Bring every file of `place`; what is whole is kept.

    Args:
        report: called with bytes done and bytes in all.

    Raises:
        StemliftError: DOWNLOAD_FAILED, DISK_FULL, WRITE_FAILED, CHECKPOINT_INVALID.
    """
    with explained(f"the files of {place.name}"):
        place.lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.lock):
            place.partial.mkdir(parents=True, exist_ok=True)
            remotes = _bag(place, endpoint) if place.bag else _listed(place, endpoint)
            _bring_all(place, remotes, report)
            commits = [remote.commit for remote in remotes if remote.commit]
            if place.hub is not None and commits:
                place.hub.write_reference(commits[0])
            shutil.rmtree(place.partial, ignore_errors=True)


def _bag(place: ModelPlace, endpoint: str) -> list[RemoteFile]:
    """The checkpoints that the bag names; the bag itself is brought."""
    assert place.bag is not None
    first = _on_hub(place, endpoint, WeightFile(place.bag), "main")
    _bring_all(place, [first], lambda _done, _total: None)
    bag = read_bag(place.look((first.file,))[0].path)
    return [
        _on_hub(place, endpoint, WeightFile(name), first.commit or "main") for name in bag.files
    ]


def _listed(place: ModelPlace, endpoint: str) -> list[RemoteFile]:
    """The entry's files, less those that need no asking."""
    held = place.look(place.files)
    # Of one commit, so that a checkpoint never meets the configuration of another.
    whole = all(one.here for one in held if one.file.address is None)
    revision = "main"
    remotes = []
    archives: dict[str, list[WeightFile]] = {}
    for one in held:
        if one.file.address is not None:
            if one.here:
                continue
            if one.file.member is not None:
                archives.setdefault(one.file.address, []).append(one.file)
            else:
                remotes.append(_by_address(one.file, one.file.address))
        elif not whole:
            remotes.append(_on_hub(place, endpoint, one.file, revision))
            revision = remotes[-1].commit or revision
    return remotes + [_archive(address, members) for address, members in archives.items()]


def _archive(address: str, members: Sequence[WeightFile]) -> RemoteFile:
    """One archive, whatever is missing of what it holds."""
    name = PurePosixPath(urlsplit(address).path).name or "the archive"
    remote = _by_address(replace(members[0], name=name, member=None), address)
    return replace(remote, members=tuple(members))


def _on_hub(place: ModelPlace, endpoint: str, file: WeightFile, revision: str) -> RemoteFile:
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import get_hf_file_metadata

    repository = place.repository or ""
    where = f"{file.name} of {repository} at {endpoint}"
    with explained(where):
        url = hf_hub_url(repository, file.name, revision=revision, endpoint=endpoint)
        # token=False: a token is for the hub it was made for, and these weights need none.
        found = get_hf_file_metadata(url, token=False, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        if not (found.commit_hash and _COMMIT.fullmatch(found.commit_hash)):
            raise NotAHubError(f"{url} names no commit")
        if not (found.etag and _ETAG.fullmatch(found.etag)):
            raise NotAHubError(f"{url} has no ETag")
        # The ETag of a large file is its SHA-256.
        digest = found.etag if SHA256.fullmatch(found.etag) else None
        if digest and file.sha256 and not digest.startswith(file.sha256):
            raise OtherFileError(f"its checksum is {digest[:16]}…, not {file.sha256[:16]}…")
        pinned = hf_hub_url(repository, file.name, revision=found.commit_hash, endpoint=endpoint)
        return RemoteFile(
            file,
            repository,
            pinned,
            digest or _key(repository, file.name, found.etag),
            _agreed_size(file, found.size),
            digest or file.sha256,
            commit=found.commit_hash,
        )


def _by_address(file: WeightFile, address: str) -> RemoteFile:
    from huggingface_hub import constants

    # Whatever the server calls it: the checksum tells in the end.
    known = _known_key(file)
    if known is not None and file.size is not None:
        return RemoteFile(file, address, address, known, file.size, file.sha256, md5=file.md5)
    with explained(f"{file.name} at {address}"):
        # A GET that is left after its headers: not every server answers HEAD.
        with ask(address, constants.HF_HUB_ETAG_TIMEOUT) as answer:
            told, mark = answer.size, answer.mark
        size = _agreed_size(file, told)
    if known is not None:
        return RemoteFile(file, address, address, known, size, file.sha256, md5=file.md5)
    key = _key(address, mark or "", str(size))
    return RemoteFile(file, address, address, key, size, file.sha256, mark, mark is not None)


def _known_key(file: WeightFile) -> str | None:
    """Of content that the entry alone tells from any other; None where it does not."""
    if file.sha256 is not None and SHA256.fullmatch(file.sha256):
        return file.sha256
    return None if file.md5 is None else _key("md5", file.md5)


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def _agreed_size(file: WeightFile, told: int | None) -> int | None:
    if file.size is not None and told is not None and told != file.size:
        raise OtherFileError(f"it has {told} bytes, not {file.size}")
    return file.size if told is None else told


def _bring_all(place: ModelPlace, remotes: Sequence[RemoteFile], report: Report) -> None:
    missing = [remote for remote in remotes if not _is_here(place, remote)]
    total = sum(remote.size or 0 for remote in remotes)
    done = total - sum(remote.size or 0 for remote in missing)
    _require_room(place, missing)
    for remote in missing:
        with explained(f"{remote.file.name} at {remote.address}"):
            after = _after(done, total, report)
            if remote.members:
                came, unpacked = _bring_archive(place, remote, after)
                total += unpacked
            else:
                came = _bring(place, remote, after)
            done += came
    report(done, max(done, total))


def _after(done: int, total: int, report: Report) -> Report:
    """Takes what came of the next file, and how much more there is than was known before."""
    return lambda came, more: report(done + came, max(total + more, done + came))


def _is_here(place: ModelPlace, remote: RemoteFile) -> bool:
    """Whether it was fetched before, or was brought by hand and is what the network has."""
    if remote.members:
        return False
    held = place.look((remote.file,))[0]
    if held.recorded is not None:
        return held.here and held.recorded.key == remote.key
    target = _target(place, remote)
    if remote.commit is None or not target.is_file():
        return False
    digest = sha256(target)
    if remote.sha256 is not None and not digest.startswith(remote.sha256):
        return False
    _record(place, remote, digest, target.stat().st_size)
    return True


def _bring(place: ModelPlace, remote: RemoteFile, report: Report) -> int:
    part, digest = _fetched(place, remote, lambda came: report(came, 0))
    return _put(place, remote, part, digest)


def _bring_archive(place: ModelPlace, remote: RemoteFile, report: Report) -> tuple[int, int]:
    """Bring an archive and take out its members; the bytes of both, and of these alone."""
    part, digest = _fetched(place, remote, lambda came: report(came, 0))
    single = place.partial / f"{remote.key}.member"
    came = part.stat().st_size
    out = 0
    try:
        with open_archive(part) as archive:
            entries = find_members(archive, [file.member or "" for file in remote.members])
            unpacked = sum(entry.file_size for entry in entries)
            _require_free(place, unpacked)
            for file, entry in zip(remote.members, entries, strict=True):
                before = came + out

                def tell(done: int, before: int = before) -> None:
                    report(before + done, unpacked)

                own = take_out(archive, entry, single, tell)
                out += _put(place, replace(remote, file=file), single, own, digest)
    except ArchiveError:
        part.unlink()
        single.unlink(missing_ok=True)
        raise
    part.unlink()
    return came + out, out


def _fetched(
    place: ModelPlace, remote: RemoteFile, report: Callable[[int], None]
) -> tuple[Path, str]:
    """All of `remote`, not yet in its place, and its SHA-256."""
    from huggingface_hub import constants

    part = place.partial / remote.key
    return part, bring(remote, part, constants.HF_HUB_DOWNLOAD_TIMEOUT, report)


def _put(
    place: ModelPlace, remote: RemoteFile, part: Path, digest: str, archive: str | None = None
) -> int:
    """Move what is whole to its place; its bytes."""
    target = _target(place, remote)
    target.parent.mkdir(parents=True, exist_ok=True)
    # In this order, a process that is killed leaves no file without its record, and no
    # record that speaks of another file.
    target.unlink(missing_ok=True)
    size = part.stat().st_size
    _record(place, remote, digest, size, archive)
    part.replace(target)
    return size


def _target(place: ModelPlace, remote: RemoteFile) -> Path:
    if remote.commit is None or place.hub is None:
        return place.home / remote.file.name
    return place.hub.snapshot(remote.commit) / remote.file.name


def _record(
    place: ModelPlace, remote: RemoteFile, digest: str, size: int, archive: str | None = None
) -> None:
    entry = Recorded(
        name=remote.file.name,
        source=remote.source,
        path=_target(place, remote).relative_to(place.models).as_posix(),
        size=size,
        sha256=digest,
        key=remote.key,
        member=remote.file.member,
        archive=archive,
        md5=remote.md5,
    )
    place.write_record((place.read_record() | {entry.name: entry}).values())


def _require_room(place: ModelPlace, missing: Sequence[RemoteFile]) -> None:
    parts = {place.partial / remote.key for remote in missing}
    here = sum(part.stat().st_size for part in parts if part.is_file())
    # What is in an archive is known when it is here; weights shrink by little.
    needed = sum((remote.size or 0) * (2 if remote.members else 1) for remote in missing)
    _require_free(place, needed - here)


def _require_free(place: ModelPlace, needed: int) -> None:
    free = shutil.disk_usage(place.models).free
    if needed > free:
        raise StemliftError(
            Reason.DISK_FULL,
            f"{place.name} needs {needed / 1e6:.0f} MB more in {place.models}, "
            f"where {free / 1e6:.0f} MB are free.",
            "Make room on that disk and try again.",
        )


def _serve(asked: dict[str, Any], report: Report) -> dict[str, Any]:
    download(ModelPlace.asked(asked), asked["endpoint"], report)
    return {}


if __name__ == "__main__":
    serve_child(_serve)
