"""Whether an inbox and an outbox can be what they shall be, before anything is watched."""

from __future__ import annotations

import os
from pathlib import Path

from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.watch.ignored import OUTBOX_MARKER


def check_places(inbox: Path, outbox: Path) -> None:
    """Look at both folders as they are now, and change nothing.

    A watcher that runs waits for a folder that is away; whoever starts one by hand wants to
    hear of it at once.

    Raises:
        StemliftError: INBOX_MISSING, or OUTBOX_UNUSABLE where the outbox cannot be written
            or the two lie so that stems would be taken for songs.
    """
    _check_inbox(inbox)
    check_apart(inbox, outbox)
    _check_outbox(Path(os.path.realpath(outbox)))


def check_apart(inbox: Path, outbox: Path) -> None:
    """See that no stems would be taken for songs, which would have no end.

    Raises:
        StemliftError: OUTBOX_UNUSABLE.
    """
    inbox, outbox = Path(os.path.realpath(inbox)), Path(os.path.realpath(outbox))
    for folder in (inbox, *inbox.parents):
        if _one(folder, outbox):
            what = "are one folder" if folder == inbox else "lie one in the other, the inbox inside"
            raise _endless(
                f"The inbox {display_name(inbox)} and the outbox {display_name(outbox)} {what}",
                "Choose an outbox beside the inbox or in it.",
            )
        if os.path.lexists(folder / OUTBOX_MARKER):
            raise _endless(
                f"{display_name(inbox)} lies in an outbox, {display_name(folder)}",
                f"Choose another inbox. Was it an outbox once? Then delete {OUTBOX_MARKER} there.",
            )


def _check_inbox(inbox: Path) -> None:
    shown = display_name(inbox)
    remedy = "Make the folder, give another one, or connect the share or disk that it is on."
    if not os.path.lexists(inbox):
        raise StemliftError(Reason.INBOX_MISSING, f"There is no folder {shown}.", remedy)
    if not inbox.is_dir():
        raise StemliftError(Reason.INBOX_MISSING, f"{shown} is no folder.", remedy)
    if not os.access(inbox, os.R_OK | os.X_OK):
        raise StemliftError(
            Reason.INBOX_MISSING,
            f"The inbox {shown} cannot be read.",
            "Let this user read the folder.",
        )


def _check_outbox(outbox: Path) -> None:
    # It is made when it is needed, so until then the folder above tells.
    there = next(path for path in (outbox, *outbox.parents) if path.exists() or path.parent == path)
    shown = display_name(there)
    if not there.is_dir():
        raise StemliftError(
            Reason.OUTBOX_UNUSABLE, f"{shown} is no folder.", "Choose another outbox."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise StemliftError(
            Reason.OUTBOX_UNUSABLE,
            f"The outbox {display_name(outbox)} cannot be written: {shown} lets this user not.",
            "Choose another outbox, or let this user write there.",
        )


def _one(folder: Path, other: Path) -> bool:
    """Whether both are one folder, whatever a file system makes of capitals and accents."""
    try:
        return folder == other or folder.samefile(other)
    except OSError:
        return False


def _endless(what: str, remedy: str) -> StemliftError:
    return StemliftError(Reason.OUTBOX_UNUSABLE, f"{what}: stems would be taken for songs.", remedy)
