"""A page about the stems beside them."""

from __future__ import annotations

from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.watch.extra import Beat
from stemlift.watch.manifest import Manifest

_NAME = "report.html"


def write_page(folder: Path, manifest: Manifest, beat: Beat) -> tuple[str, ...]:
    """Write "report.html", measured against the song where the stems have its channels.

    Raises:
        StemliftError: as `stemlift.report.write_report`; the song is read once more.
    """
    # Measuring costs a program's start that most watchers never need.
    from stemlift.report import subject_of_stems, write_report

    stems = {stem.name: folder / stem.file for stem in manifest.stems}
    song = Path(manifest.source.path) if manifest.recipe.get("channels") is None else None
    partial = manifest.null_dbfs is None
    subject = subject_of_stems(manifest.song, stems, song, 0, manifest.model, partial=partial)
    try:
        write_report(subject, folder / _NAME, overwrite=True, check=lambda _share: beat())
    except StemliftError as error:
        if error.reason not in (Reason.OUTPUT_UNWRITABLE, Reason.DISK_FULL):
            raise
        # There is no -o here, of which the report's own words speak.
        raise StemliftError(
            error.reason, error.message, "Make room in the outbox, and let this user write to it."
        ) from error
    return (_NAME,)
