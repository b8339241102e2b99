"""Where a path lies, by mount tables as each system gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.system.shares import Mount, is_remote, lies_on_share

LINUX = [
    Mount("/", "ext4", "rw"),
    Mount("/home", "ext4", "rw"),
    Mount("/home/me/nas", "cifs", "rw,vers=3.0"),
    Mount("/home/me/nas/disk", "ext4", "rw"),
    Mount("/mnt/c", "9p", "rw"),
    Mount("/mnt/cloud", "fuse.rclone", "rw"),
    Mount("/mnt/ntfs", "fuseblk", "rw"),
    Mount("/net", "autofs", "rw"),
    Mount("/net", "nfs4", "rw"),
]
MAC = [Mount("/", "apfs", "rw"), Mount("/Volumes/Studio", "smbfs", "rw,nodev")]
WINDOWS = [
    Mount("C:\\", "NTFS", "rw,fixed"),
    Mount("Z:\\", "NTFS", "rw,remote"),
    Mount("E:\\", "exFAT", "rw,removable"),
]


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("/home/me/inbox", False),
        ("/home/me/nas", True),
        ("/home/me/nas/inbox", True),
        ("/home/me/nasty", False),
        ("/home/me/nas/disk/inbox", False),
        ("/mnt/c/Users/me", True),
        ("/mnt/cloud/inbox", True),
        ("/mnt/ntfs/inbox", False),
        ("/net/server/inbox", True),
        ("/", False),
    ],
)
def test_linux(path: str, remote: bool) -> None:
    assert lies_on_share(path, LINUX, "linux") is remote


@pytest.mark.parametrize(
    ("path", "remote"), [("/Volumes/Studio/in", True), ("/Volumes/Studio 2", False)]
)
def test_macos(path: str, remote: bool) -> None:
    assert lies_on_share(path, MAC, "darwin") is remote


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("C:\\Users\\me\\inbox", False),
        ("c:/users/me/inbox", False),
        ("z:\\inbox", True),
        ("E:\\inbox", False),
        ("\\\\server\\share\\inbox", True),
        ("//server/share/inbox", True),
        ("\\\\?\\UNC\\server\\share", True),
        ("\\\\?\\Z:\\inbox", True),
        ("\\\\?\\C:\\inbox", False),
    ],
)
def test_windows(path: str, remote: bool) -> None:
    assert lies_on_share(path, WINDOWS, "win32") is remote


def test_no_table_tells_nothing() -> None:
    assert not lies_on_share("/home", [], "linux")


def test_this_machine(tmp_path: Path) -> None:
    assert not is_remote(tmp_path)
