"""`stemlift session mashup` and `stemlift session samples`."""

from __future__ import annotations

from typing import Annotated

import typer

Model = Annotated[str, typer.Option(help="A name from `stemlift models list`, or auto.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no advice.")]


def mashup(
    parts: Annotated[
        list[str],
        typer.Argument(
            help='Stems and their song, e.g. "vocals:A.wav" "drums+bass:B.wav".',
            metavar="STEMS:SONG...",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            help="The session: its name ends with .rpp, .dawproject or .ardour.",
            metavar="SESSION",
        ),
    ],
    tempo: Annotated[
        str,
        typer.Option(
            help="first: that of the first song; least: the least stretch; or beats per minute.",
            metavar="first|least|BPM",
        ),
    ] = "first",
    key: Annotated[
        str,
        typer.Option(
            help="least: the least transposition; first: that of the first song; keep: none; or"
            ' a key such as "F# minor".',
            metavar="least|first|keep|KEY",
        ),
    ] = "least",
    render: Annotated[
        bool,
        typer.Option(
            "--render", help="Write stretched audio, for DAWs that do not stretch. Ardour: always."
        ),
    ] = False,
    model: Model = "auto",
    template: Annotated[
        str, typer.Option(help="A name from `stemlift session templates`, or a .toml file.")
    ] = "mashup",
    chains: Annotated[
        bool, typer.Option("--chains", help="Turn the template's effects on.")
    ] = False,
    copy_media: Annotated[
        bool,
        typer.Option("--copy-media", help="Copy songs into the folder Media beside the session."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a session that exists.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Stems of different songs in one tempo and key, downbeat on downbeat.

    Each song is separated once, into the stems that are wanted. The clips carry stretch and
    pitch, which the DAW plays and you can change.
    """
    from stemlift.cli.session_mix import make_mashup
    from stemlift.cli.session_new import Voice

    return make_mashup(
        parts,
        out,
        {
            "tempo": tempo,
            "key": key,
            "render": render,
            "model": model,
            "template": template,
            "chains": chains,
            "copy_media": copy_media,
        },
        force=force,
        voice=Voice(json=json, quiet=quiet),
    )


def samples(
    song: Annotated[str, typer.Argument(help="A sound file or a folder of stems.", metavar="SONG")],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="Folder; the library gets one of its own in it.", metavar="DIR"
        ),
    ],
    by: Annotated[
        str,
        typer.Option(help="bars: loops; onsets: one-shots; or both.", metavar="bars|onsets|both"),
    ] = "bars",
    bars: Annotated[str, typer.Option(help="Lengths of the loops in bars.", metavar="N,…")] = (
        "1,2,4"
    ),
    stems: Annotated[
        str | None, typer.Option(help="e.g. drums,bass. Default: every stem of the model.")
    ] = None,
    model: Model = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Cut the stems of a song into loops and one-shots, named by bar, tempo and key."""
    from stemlift.cli.session_mix import make_samples
    from stemlift.cli.session_new import Voice

    return make_samples(song, out, by, bars, stems, model, voice=Voice(json=json, quiet=quiet))
