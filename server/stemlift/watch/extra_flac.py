"""FLAC copies beside the WAV stems, lossless."""

from __future__ import annotations

from pathlib import Path

from stemlift.watch.extra import Beat, CannotHoldError
from stemlift.watch.manifest import Manifest

_CHANNELS = 8


def write_flac(folder: Path, manifest: Manifest, beat: Beat) -> tuple[str, ...]:
    """Write "<stem file>.flac" for each stem; of 24-bit integers, so nothing is rounded.

    FLAC keeps no time stamp: to spot stems to their place, take the WAV files.

    Raises:
        CannotHoldError: the stems are float or of 32 bits, or have more than eight channels,
            or speakers that FLAC would place elsewhere.
    """
    if manifest.recipe.get("format") == "flac":
        return ()
    if manifest.encoding != "PCM_24":
        raise CannotHoldError(
            f"No FLAC files were written: FLAC cannot hold {_words(manifest.encoding)} samples."
        )
    if manifest.source.channels > _CHANNELS:
        raise CannotHoldError(
            f"No FLAC files were written: FLAC cannot hold {manifest.source.channels} channels."
        )
    return tuple(_copy(folder, stem.file, beat) for stem in manifest.stems)


def _copy(folder: Path, name: str, beat: Beat) -> str:
    # Reading sound costs a program's start that most watchers never need.
    from stemlift.audio.flac_header import DEFAULT_MASKS
    from stemlift.audio.flac_writer import FlacWriter
    from stemlift.audio.reader import open_reader

    target = folder / f"{Path(name).stem}.flac"
    # Not made of the name, which may be as long as a file system takes.
    scratch = folder / ".flac.stemlift"
    with open_reader(folder / name) as reader:
        info = reader.info
        if info.channel_mask and info.channel_mask != DEFAULT_MASKS[info.channels]:
            raise CannotHoldError(
                "No FLAC files were written: FLAC would place the speakers of these"
                f" {info.channels} channels elsewhere."
            )
        with FlacWriter(scratch, info.sample_rate, info.channels) as writer:
            for block in reader.blocks():
                writer.write(block)
                beat()
    scratch.replace(target)
    return target.name


def _words(encoding: str) -> str:
    return "32-bit float" if encoding == "FLOAT" else "32-bit"
