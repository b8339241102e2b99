"""`stemlift session`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from stemlift.cli.groups import show_help
from stemlift.cli.reporting import console, plain, print_json
from stemlift.cli.session_mashup import mashup, samples

if TYPE_CHECKING:
    from stemlift.sessions.making import SessionOptions

app = typer.Typer(help="Sessions for a DAW from songs and their stems.", rich_markup_mode=None)
app.callback(invoke_without_command=True)(show_help)
app.command("mashup")(mashup)
app.command("samples")(samples)

Model = Annotated[str, typer.Option(help="A name from `stemlift models list`, or auto.")]
Stems = Annotated[
    str | None,
    typer.Option(help="e.g. vocals,drums. Default: as the template says, else all of the model."),
]
TemplateName = Annotated[
    str,
    typer.Option("--template", help="A name from `stemlift session templates`, or a .toml file."),
]
Focus = Annotated[
    str | None,
    typer.Option(help="The stem that it is about: to replace, mute, mend.", metavar="STEM"),
]
Start = Annotated[
    float | None, typer.Option(help="Start of the range in each song, in seconds.", metavar="S")
]
Duration = Annotated[
    float | None, typer.Option(help="Length of the range in seconds.", metavar="S")
]
Chains = Annotated[
    bool,
    typer.Option("--chains", help="Turn the template's effects on. Else they are bypassed."),
]
Gap = Annotated[float, typer.Option(help="Seconds between songs at least.", metavar="S")]
CopyMedia = Annotated[
    bool,
    typer.Option("--copy-media", help="Copy songs into the folder Media beside the session."),
]
Embed = Annotated[
    bool,
    typer.Option("--embed", help="Put all sound files into the .dawproject itself."),
]
HaveStems = Annotated[
    bool,
    typer.Option("--have-stems", help="Each SONG is a folder of stems; nothing is separated."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a session on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no advice.")]


@app.command("new")
def new(
    songs: Annotated[
        list[str],
        typer.Argument(help="Sound files, or folders of songs or of stems.", metavar="SONG..."),
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
    model: Model = "auto",
    template: TemplateName = "plain",
    focus: Focus = None,
    stems: Stems = None,
    start: Start = None,
    duration: Duration = None,
    tempo: Annotated[
        str | None,
        typer.Option(
            help="auto, off or beats per minute. Default: the template's.", metavar="auto|BPM|off"
        ),
    ] = None,
    markers: Annotated[
        str | None,
        typer.Option(
            help="auto: one at each change of the song; or off. Default: the template's.",
            metavar="auto|off",
        ),
    ] = None,
    chains: Chains = False,
    gap: Gap = 2.0,
    each: Annotated[
        bool,
        typer.Option(
            "--each",
            help="A session for each song, where {song} in SESSION is its name. Those that exist"
            " are skipped.",
        ),
    ] = False,
    have_stems: HaveStems = False,
    copy_media: CopyMedia = False,
    embed: Embed = False,
    force: Annotated[bool, typer.Option("--force", help="Replace sessions that exist.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Separate songs and write a session of them, one after another.

    Stems go to the folder Media beside the session. What is done is found there again.
    """
    from stemlift.cli.session_new import Voice, new_each, new_one

    options = _options(
        template, model, focus, stems, (start, duration), (tempo, markers), chains, gap
    )
    options.update({"copy_media": copy_media, "embed": embed})
    run = new_each if each else new_one
    return run(
        songs,
        out,
        options,
        have_stems=have_stems,
        force=force,
        voice=Voice(json=json, quiet=quiet),
    )


@app.command("add")
def add(
    session: Annotated[
        str, typer.Argument(help="A .rpp or .dawproject that exists.", metavar="SESSION")
    ],
    song: Annotated[str, typer.Argument(help="A sound file or a folder of stems.", metavar="SONG")],
    at: Annotated[
        float | None,
        typer.Option(
            help="Where on the timeline, in seconds. Default: behind what is there.", metavar="S"
        ),
    ] = None,
    model: Model = "auto",
    template: TemplateName = "plain",
    focus: Focus = None,
    stems: Stems = None,
    start: Start = None,
    duration: Duration = None,
    chains: Chains = False,
    gap: Gap = 2.0,
    have_stems: HaveStems = False,
    copy_media: CopyMedia = False,
    embed: Embed = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Add the stems of a song to a session that exists. Nothing else in it changes."""
    from stemlift.cli.session_new import Voice, add_one

    options = _options(template, model, focus, stems, (start, duration), (None, None), chains, gap)
    options.update({"copy_media": copy_media, "embed": embed})
    voice = Voice(json=json, quiet=quiet)
    return add_one(session, song, at, options, have_stems=have_stems, voice=voice)


@app.command("show")
def show(
    session: Annotated[str, typer.Argument(help="A .rpp or .dawproject.", metavar="SESSION")],
    json: Json = False,
) -> int:
    """Show the tracks, tempo and markers of a session. Changes nothing."""
    from stemlift.cli.session_show import print_session
    from stemlift.sessions import show as read
    from stemlift.sessions.telling import to_json

    found = read(session)
    if json:
        print_json(to_json(found))
    else:
        print_session(found)
    return 0


@app.command("templates")
def templates(
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """List the templates that come with Stemlift."""
    from rich import box
    from rich.table import Table

    from stemlift.sessions import load_template, template_names

    found = [load_template(name) for name in template_names()]
    if json:
        print_json({"templates": [{"name": t.name, "about": t.about} for t in found]})
        return 0
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("template", no_wrap=True)
    table.add_column("what for")
    for one in found:
        table.add_row(plain(one.name), plain(one.about))
    console(sys.stdout).print(table)
    return 0


def _options(
    template: str,
    model: str,
    focus: str | None,
    stems: str | None,
    span: tuple[float | None, float | None],
    hearing: tuple[str | None, str | None],
    chains: bool,
    gap: float,
) -> SessionOptions:
    from stemlift.sessions.hearing import checked_markers, checked_tempo

    tempo, markers = hearing
    return {
        "template": template,
        "model": model,
        "focus": focus,
        "stems": None if stems is None else [name.strip() for name in stems.split(",")],
        "start": span[0],
        "duration": span[1],
        "tempo": None if tempo is None else checked_tempo(tempo),
        "markers": None if markers is None else checked_markers(markers),
        "chains": chains,
        "gap": gap,
    }
