"""Names of the files and folders that a separation writes."""

from __future__ import annotations

import re
from pathlib import Path

from stemlift.errors import Reason, StemliftError

# Ext4, APFS and NTFS hold 255 bytes or characters; this leaves room for a suffix.
LONGEST = 240

# Windows' own signs, refused everywhere, so that a template means the same on each system.
# There a colon would even write into a hidden stream of another file.
_FORBIDDEN = re.compile(r'[\\<>:"|?*\x00-\x1f\x7f]|[. ]$')


def default_folder(song: Path) -> Path:
    """The folder beside the song that its stems go to."""
    return song.parent / f"{_fit(song.stem, LONGEST)} stems"


def stem_file(folder: Path, song: Path, stem: str, extension: str, template: str) -> Path:
    """The final path of one stem.

    A song name that is too long for the file system is cut at its end.

    Raises:
        StemliftError: ARGUMENT_INVALID where the template gives no plain file name.
    """
    room = LONGEST - len(f"{template}{stem}.{extension}".encode())
    words = {"{song}": _fit(song.stem, room), "{stem}": stem}
    name = re.sub(r"\{song\}|\{stem\}", lambda match: words[match.group()], template)
    if "{stem}" not in template or Path(name).name != name or _FORBIDDEN.search(template):
        raise _bad_template(template)
    return folder / f"{name}.{extension}"


def _fit(text: str, room: int) -> str:
    encoded = text.encode("utf-8", "surrogateescape")
    if len(encoded) <= room:
        return text
    return encoded[: max(room, 1)].decode("utf-8", "ignore").rstrip()


def _bad_template(template: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"The naming template {template!r} does not give a file name for each stem.",
        "Use {song} and {stem}, and no folder, for example '{song} - {stem}'.",
    )
