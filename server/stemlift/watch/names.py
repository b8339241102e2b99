"""Names of result folders and of the files in them, good on every system.

An outbox is often a share that several systems see. So what one of them cannot hold is
replaced on all of them; everything else of a song's name stays as it is, NFC or NFD.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from stemlift.watch.ignored import DONE_FOLDER, FAILED_FOLDER

# Bytes of UTF-8. Ext4 holds 255 of them, APFS and NTFS 255 characters; room for a suffix.
LONGEST = 230

_FORBIDDEN = re.compile(r'[/\\<>:"|?*\x00-\x1f\x7f]')

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{device}{number}" for device in ("com", "lpt") for number in "0123456789¹²³"}
)

_OURS = frozenset({DONE_FOLDER, FAILED_FOLDER})


def song_name(file_name: str) -> str:
    """The song of a file: its name without the extension, made safe.

    Bytes that are no UTF-8 show as \\xNN with another sign for the backslash.
    """
    stem, dot, _ = file_name.rpartition(".")
    raw = stem if dot and stem else file_name
    # One lone surrogate for each byte, as `os.fsdecode` gives it.
    raw = "".join(f"_x{ord(sign) & 0xFF:02x}" if _is_byte(sign) else sign for sign in raw)
    safe = _FORBIDDEN.sub("_", raw.encode("utf-8", "replace").decode("utf-8"))
    safe = cut(safe, LONGEST).strip().rstrip(".").rstrip() or "_"
    if safe[0] in ".~" or is_device(safe):
        safe = f"_{safe}"
    return f"{safe}_" if safe.endswith("~") else safe


def is_device(name: str) -> bool:
    """Whether Windows takes a name for one of its devices, as it does with any extension."""
    return name.split(".")[0].rstrip().casefold() in _RESERVED


def cut(text: str, room: int) -> str:
    """The beginning of `text` that fits into `room` bytes, never half a letter or accent."""
    if len(text.encode("utf-8")) <= room:
        return text
    kept = text.encode("utf-8")[: max(room, 1)].decode("utf-8", "ignore")
    # A letter whose accents follow it, as in NFD, goes with them.
    if kept and unicodedata.combining(text[len(kept)]):
        while kept and unicodedata.combining(kept[-1]):
            kept = kept[:-1]
        kept = kept[:-1]
    return kept.rstrip()


def folder_names(song: str) -> Iterator[str]:
    """The names its folder may have, best first: the song's, then with " (2)", " (3)" …"""
    if folder_key(song) not in _OURS:
        yield song
    number = 2
    while True:
        yield f"{song} ({number})"
        number += 1


def folder_key(name: str) -> str:
    """Equal for names that some file system takes for one."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return unicodedata.normalize("NFC", folded)


def stem_files(template: str, song: str, stems: Collection[str], extension: str) -> dict[str, str]:
    """The file name of each stem; "{song}" and "{stem}" are filled in."""
    return {stem: file_name(template, song, stem, extension) for stem in stems}


def file_name(template: str, song: str, stem: str, extension: str) -> str:
    """One file of a song; the song is cut where the name gets too long."""
    safe = _FORBIDDEN.sub("_", stem)
    around = re.sub(r"\{song\}|\{stem\}", "", template)
    # Each place takes its share, so that no template makes a name too long.
    songs, stems = max(1, template.count("{song}")), template.count("{stem}")
    fixed = len(f"{around}.{extension}".encode()) + stems * len(safe.encode())
    words = {"{song}": cut(song, (LONGEST + 20 - fixed) // songs), "{stem}": safe}
    name = re.sub(r"\{song\}|\{stem\}", lambda match: words[match.group()], template)
    return f"{name}.{extension}"


def _is_byte(sign: str) -> bool:
    return 0xDC80 <= ord(sign) <= 0xDCFF
