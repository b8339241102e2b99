"""Signs that a file is still being written, where the system gives any."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from typing import BinaryIO


def open_for_writing(file: BinaryIO) -> bool:
    """Whether a program of this machine has `file` open for writing; False where unknown.

    `file` is open for reading, and not on a network share: those refuse what is tried here
    for reasons of their own. Known on Linux, for files of this user: the kernel gives no
    read lease (fcntl(2)) on a file that somebody may write to. Windows says so by itself:
    most programs let nobody open what they write.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        # Whoever wants to write in the instant of the lease makes the kernel send a signal;
        # the usual one would end this process, this one is ignored.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    with contextlib.suppress(OSError):
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def has_unwritten_parts(file: BinaryIO) -> bool:
    """Whether some of `file` was set aside and never written; False where unknown.

    Copies often take their whole size first. File systems that compress, such as ZFS, may
    keep written silence in the same way.
    """
    if not hasattr(os, "SEEK_HOLE"):
        return False
    try:
        first_hole = os.lseek(file.fileno(), 0, os.SEEK_HOLE)
    except OSError:
        # Not every file system can tell, and an empty file has no first byte.
        return False
    return first_hole < os.fstat(file.fileno()).st_size
