"""`stemlift separate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stemlift.rpc.requests import SeparateOptions


def separate(
    songs: Annotated[list[str], typer.Argument(help="Sound files.", metavar="SONG")],
    model: Annotated[
        str, typer.Option(help="A name from `stemlift models list`, or auto.")
    ] = "auto",
    stems: Annotated[
        str | None,
        typer.Option(help="e.g. vocals,drums,instrumental. Default: every stem of the model."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Folder for the stems. Default: one beside each song.", metavar="DIR"),
    ] = None,
    start: Annotated[
        float | None, typer.Option(help="Start of the range in seconds.", metavar="S")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(help="Length of the range in seconds.", metavar="S")
    ] = None,
    remainder: Annotated[
        str,
        typer.Option(
            help="Where the part goes that the model gave to no stem: other (into that stem),"
            " separate (a stem of its own) or off (nowhere)."
        ),
    ] = "other",
    mask: Annotated[
        str | None,
        typer.Option(help="binary, ratio or complex, for spectrogram models."),
    ] = None,
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    batch: Annotated[
        int, typer.Option(help="Segments at a time; 0: the server chooses.", metavar="N")
    ] = 0,
    format: Annotated[str, typer.Option(help="wav or flac.")] = "wav",  # noqa: A002
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace output files that exist.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write a page about the stems beside them.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a song on stdout, a line each.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no advice.")] = False,
) -> int:
    """Turn songs into stems."""
    from stemlift.cli.songs import Voice, run

    options: SeparateOptions = {
        "model": model,
        "stems": None if stems is None else [name.strip() for name in stems.split(",")],
        "out": out,
        "start": start,
        "duration": duration,
        "remainder": remainder,
        "mask": mask,
        "precision": precision,
        "batch": batch,
        "format": format,
        "overwrite": overwrite,
    }
    return run(songs, options, Voice(json=json, quiet=quiet, report=report))
