"""Names that are never songs.

What a file is, the engine tells by its content, never by its name: a song may be called
"take 3" or "mix.final". So only names that are known for something else are passed over; all
others are opened, and what then is no sound is reported instead of ignored. Archives are
opened for that reason, too: whoever drops one hopes for stems and should hear why not.
"""

from __future__ import annotations

import unicodedata

# Written by programs while a file is on its way; it gets its own name when it is whole.
_UNFINISHED = frozenset(
    {
        *("part", "partial", "crdownload", "download", "opdownload", "filepart", "tmp", "temp"),
        *("!ut", "!bt", "!qb", "aria2", "st", "ucas", "swp", "lock", "lck", "rsls"),
    }
)

# What audio programs leave beside a sound: peaks, waveforms, analyses, indexes.
_SIDECARS = frozenset(
    {
        *("reapeaks", "reapindex", "asd", "pkf", "sfk", "sfl", "sfap0", "wfm", "pk", "peak"),
        *("ovw", "gpk", "mrk", "ewf", "ckf", "repeaks", "wvc", "nmsv", "sha256", "md5", "sfv"),
    }
)

_PROJECTS = frozenset(
    {
        *("als", "alc", "adg", "adv", "alp", "rpp", "rpp-bak", "rpp-undo", "rtracktemplate"),
        *("cpr", "npr", "bak", "ptx", "ptf", "pts", "flp", "bwproject", "song", "dawproject"),
        *("ardour", "aup", "aup3", "reason", "rns", "sesx", "logicx", "band", "mmpz", "cwp"),
    }
)

_DOCUMENTS = frozenset(
    {
        *("txt", "md", "rtf", "pdf", "doc", "docx", "odt", "pages", "xls", "xlsx", "ods", "csv"),
        *("htm", "html", "url", "webloc", "desktop", "lnk", "nfo", "log", "xml", "json", "yaml"),
        *("yml", "toml", "ini", "cfg", "plist", "db", "lrc", "srt", "vtt", "py", "sh", "bat"),
        *("jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "heic", "svg", "psd"),
        *("cue", "m3u", "m3u8", "pls", "xspf", "accurip", "mid", "midi", "musicxml", "mxl"),
        *("gp3", "gp4", "gp5", "gpx", "fxp", "fxb", "vstpreset", "aupreset", "sf2", "sfz"),
    }
)

_EXTENSIONS = _UNFINISHED | _SIDECARS | _PROJECTS | _DOCUMENTS

_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"})

DONE_FOLDER = "_done"
FAILED_FOLDER = "_failed"

# In each outbox: this file tells it from an empty mount point, and from an inbox.
OUTBOX_MARKER = ".stemlift-outbox"

# Our own; what systems and storage devices keep; projects that are folders.
_FOLDERS = frozenset(
    {
        *(DONE_FOLDER, FAILED_FOLDER, "__macosx", "$recycle.bin", "system volume information"),
        *("@eadir", "#recycle", "#snapshot", "@recycle", "lost+found", "ableton project info"),
    }
)
_FOLDER_EXTENSIONS = frozenset({"logicx", "band", "app", "bundle", "part", "download", "tmp"})


def ignored(name: str, *, folder: bool = False) -> bool:
    """Whether a file, or with `folder` a folder and all in it, is passed over by its name.

    Hidden names (".x", and so "._x", which macOS writes on other file systems), backups and
    locks ("x~", "~x"), downloads and copies on their way (".part"), peaks and analyses
    (".reapeaks"), DAW projects, documents, pictures, cue sheets, playlists and MIDI files.
    Capitals do not count.
    """
    plain = unicodedata.normalize("NFC", name).casefold()
    if plain.startswith((".", "~")) or plain.endswith("~"):
        return True
    stem, _, extension = plain.rpartition(".")
    if folder:
        return plain in _FOLDERS or bool(stem and extension in _FOLDER_EXTENSIONS)
    return plain in _FILES or bool(stem and extension in _EXTENSIONS)


def on_its_way(name: str, size: int, beside: frozenset[str]) -> bool:
    """Whether another file of its folder says that `name` is still being fetched.

    aria2 keeps a list of what is missing beside the file, Firefox an empty file of the final
    name beside the one that it fills.
    """
    return f"{name}.aria2" in beside or (size == 0 and f"{name}.part" in beside)
