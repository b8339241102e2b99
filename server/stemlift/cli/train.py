"""`stemlift train`: a model of one's own, from generated songs and one's own multitracks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stemlift.cli.groups import show_help
from stemlift.cli.interrupts import Interrupts
from stemlift.cli.reporting import note, print_json
from stemlift.errors import Exit

app = typer.Typer(help="Train a model of your own.", rich_markup_mode=None)
app.callback(invoke_without_command=True)(show_help)

RecipeName = Annotated[
    str,
    typer.Argument(help="The name of one that comes with Stemlift, or a .toml.", metavar="RECIPE"),
]
Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]


@app.command("songs")
def songs(
    recipe: RecipeName,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where they go.", metavar="DIR")],
    processes: Annotated[int, typer.Option(help="Songs at a time.", metavar="N", min=1)] = 1,
    json: Json = False,
) -> int:
    """Make the songs of a recipe. Those that are there already are left alone."""
    from stemlift.training.recipe import load_recipe
    from stemlift.training.songs import choir, voices
    from stemlift.training.songs.rendering import Order, require, write_all
    from stemlift.training.songs.rights import Split

    wanted = load_recipe(recipe).songs
    counts: tuple[tuple[Split, int], ...] = (
        ("train", wanted.train),
        ("valid", wanted.valid),
        ("test", wanted.test),
    )
    bank = out / "voices"
    require([split for split, count in counts if count], bank)
    done = 0
    with Interrupts() as interrupts:
        for split, count in counts:
            if not count:
                continue
            _, refused = choir.prepare(bank, voices.voices_of(split))
            for error in refused:
                note(f"note: {error}")
            order = Order(out, split, wanted.seed, wanted.seconds, bank, clear=wanted.clear)
            for name in write_all(order, range(count), processes):
                interrupts.check()
                done += 1
                if json:
                    print_json({"song": name, "split": split})
                else:
                    note(f"{name} ({done} of {sum(each for _, each in counts)})")
    return Exit.DONE


@app.command("stems")
def stems(
    songs: Annotated[Path, typer.Argument(help="Generated songs.", metavar="SONGS")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A folder for each song goes there.", metavar="DIR")
    ],
    split: Annotated[str, typer.Option(help="train, valid or test.")] = "test",
    json: Json = False,
) -> int:
    """Write generated songs as sound files: their stems, and the mixture."""
    from stemlift.training.songs.unpacking import unpack

    with Interrupts() as interrupts:
        for done, name in enumerate(unpack(songs, split, out), 1):
            interrupts.check()
            if json:
                print_json({"song": name, "folder": str((out / name).absolute())})
            else:
                note(f"{name} ({done})")
    return Exit.DONE


@app.command("run")
def run(
    recipe: RecipeName,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The training: state, log, weights.", metavar="DIR")
    ],
    songs: Annotated[
        list[Path] | None,
        typer.Option("--songs", help="Generated songs. Default: the recipe's.", metavar="DIR"),
    ] = None,
    multitracks: Annotated[
        list[Path] | None,
        typer.Option(help="Your songs, a folder of stems each.", metavar="DIR"),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Weights to begin with: a file, or compact.", metavar="FILE")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it stopped.")] = False,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or cuda:N.", metavar="DEVICE")
    ] = "auto",
    json: Json = False,
) -> int:
    """Train as a recipe says. Ctrl-C stops after the step; --resume goes on."""
    from stemlift.separation.devices import choose_device, make_repeatable
    from stemlift.system.allocation import keep_freed_memory
    from stemlift.training.loop import Surroundings, train
    from stemlift.training.recipe import load_recipe, with_data
    from stemlift.training.sources import gather
    from stemlift.training.starting import starting_weights

    told = load_recipe(recipe)
    told = with_data(
        told,
        told.data.songs if songs is None else tuple(each.resolve() for each in songs),
        told.data.multitracks
        if multitracks is None
        else tuple(each.resolve() for each in multitracks),
        told.training.start if start is None else starting_weights(start, Path.cwd()),
    )
    chosen = choose_device(device).name
    keep_freed_memory(one_arena=True)
    if chosen == "cpu":
        make_repeatable()
    with Interrupts() as interrupts:
        around = Surroundings(
            chosen, interrupts.check, print_json if json else lambda line: note(_in_words(line))
        )
        try:
            found = train(told, gather(told.data, out, interrupts.check), out, resume, around)
        except KeyboardInterrupt:
            note("Stopped. `stemlift train run` with --resume goes on.")
            return Exit.CANCELLED
    if not json:
        figure = "" if found is None else f" Its mean SDR is {found.mean:.2f} dB."
        note(f"Done.{figure} `stemlift train export {out} -o FILE.safetensors` makes the model.")
    return Exit.DONE


@app.command("export")
def export(
    run: Annotated[Path, typer.Argument(help="What --out named.", metavar="RUN")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Ends with .safetensors.", metavar="FILE")
    ],
    json: Json = False,
) -> int:
    """Write the best weights of a training, in half precision, and their model card."""
    from stemlift.training.export import export as write

    done = write(run, out)
    if json:
        print_json(
            {
                "weights": str(done.weights),
                "card": str(done.card),
                "parameters": done.parameters,
                "size_bytes": done.size,
            }
        )
    else:
        note(f"{done.weights}: {done.parameters:,} parameters, {done.size / 1e6:.1f} MB")
        note(f"{done.card}: its card")
        note(f"`stemlift models import {done.weights} --name NAME` makes a model of it.")
    return Exit.DONE


def _in_words(line: dict[str, object]) -> str:
    if "sdr" not in line:
        return f"step {line['step']}: loss {line['loss']}, {line['seconds']} s a step"
    figures = line["sdr"]
    assert isinstance(figures, dict)
    if not figures:
        return f"step {line['step']}: not measured"
    stems = ", ".join(f"{stem} {value:.2f}" for stem, value in figures.items())
    return f"step {line['step']}: {stems} dB; best at step {line['best_step']}"
