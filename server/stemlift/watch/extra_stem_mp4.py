"""A Native Instruments stem file beside the stems."""

from __future__ import annotations

from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.watch.extra import Beat, CannotHoldError
from stemlift.watch.manifest import Manifest
from stemlift.watch.names import file_name


def write_stem_file(folder: Path, manifest: Manifest, beat: Beat) -> tuple[str, ...]:
    """Write "<song>.stem.mp4": the song itself, drums, bass, all else, and vocals, in AAC.

    AAC, since some players on Windows read no lossless stem file; the lossless stems lie
    beside it.

    Raises:
        CannotHoldError: the song has more than two channels, or none of its stems is
            drums, bass or vocals.
        StemliftError: as `stem_mp4.write_stem_mp4`; the song is read once more.
    """
    # Reading sound costs a program's start that most watchers never need.
    from stemlift.audio.stem_mp4 import write_stem_mp4

    name = file_name("{song}", manifest.song, "", "stem.mp4")
    stems = {stem.name: folder / stem.file for stem in manifest.stems}
    try:
        write_stem_mp4(
            folder / name,
            Path(manifest.source.path),
            stems,
            title=manifest.song,
            progress=lambda _frames: beat(),
        )
    except StemliftError as error:
        if error.reason != Reason.FORMAT_CANNOT_HOLD:
            raise
        raise CannotHoldError(f"No stem file was written: {error.message}") from error
    return (name,)
