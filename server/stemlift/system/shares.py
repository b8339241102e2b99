"""Which folders lie on a network share, where changes by others raise no events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

# Names as mount tables give them, of network file systems and of folders that a virtual
# machine or a container shares with its host. Every other "fuse.x" may be local.
_REMOTE_TYPES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "afs", "webdav", "davfs"),
        *("ceph", "glusterfs", "lustre", "9p", "ncpfs", "coda", "ftp", "virtiofs", "vboxsf"),
        *("vmhgfs", "prl_fs", "fakeowner", "grpcfuse", "fuse.sshfs", "fuse.rclone", "fuse.s3fs"),
        *("fuse.davfs2", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.smbnetfs", "fuse.gvfsd-fuse"),
        *("fuse.curlftpfs", "fuse.vmhgfs-fuse", "fuse.grpcfuse", "macfuse", "osxfuse"),
    }
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of the mount table: where, of which kind, and its options, comma-separated."""

    place: str
    kind: str
    options: str


def is_remote(path: Path) -> bool:
    """Whether `path` lies on a share; False where that cannot be found out."""
    try:
        mounts = [
            Mount(each.mountpoint, each.fstype, each.opts)
            for each in psutil.disk_partitions(all=True)
        ]
        return lies_on_share(os.path.realpath(path), mounts, sys.platform)
    except (OSError, psutil.Error):
        return False


def lies_on_share(path: str, mounts: Iterable[Mount], platform: str) -> bool:
    """Whether an absolute `path` without links is below a mount of a network file system."""
    separator = "/"
    if platform == "win32":
        path, separator = path.replace("/", "\\").casefold(), "\\"
        if path.startswith("\\\\?\\") and not path.startswith("\\\\?\\unc\\"):
            path = path[4:]
        if path.startswith("\\\\") and not path.startswith("\\\\.\\"):
            return True
    best: tuple[int, Mount] | None = None
    for mount in mounts:
        place = (mount.place.casefold() if platform == "win32" else mount.place).rstrip(separator)
        below = path == place or path.startswith(place + separator)
        # Of several mounts on one place the last hides the others.
        if below and (best is None or len(place) >= best[0]):
            best = (len(place), mount)
    if best is None:
        return False
    return best[1].kind.casefold() in _REMOTE_TYPES or "remote" in best[1].options.split(",")
