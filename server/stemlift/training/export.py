"""A finished training as a model: weights in fp16, and a card that tells what they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.system.whole import write_whole
from stemlift.training import state as states
from stemlift.training.recipe import Recipe
from stemlift.training.songs.rights import ingredients
from stemlift.training.weights import read_weights, write_weights
from stemlift.training.writing import writing_to


@dataclass(frozen=True, slots=True)
class Exported:
    """parameters: numbers that the network has learnt; size: of the weights in bytes."""

    weights: Path
    card: Path
    parameters: int
    size: int


def export(run: Path, target: Path) -> Exported:
    """Write the best weights of a training to `target` and a card in Markdown beside them.

    Raises:
        StemliftError: FILE_NOT_FOUND where there is no training, or none that was validated;
            ARGUMENT_INVALID for a file that does not end with .safetensors; OUTPUT_EXISTS;
            OUTPUT_UNWRITABLE.
    """
    if target.suffix != ".safetensors":
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The weights are a .safetensors file, and {target.name} is none.",
            "Give a name that ends with .safetensors.",
        )
    card = target.with_suffix(".md")
    for path in (target, card):
        if path.exists():
            raise StemliftError(
                Reason.OUTPUT_EXISTS, f"There is a file {path} already.", "Choose another name."
            )
    recipe = _recipe(run)
    log = states.read_log(run / states.LOG)
    network = read_weights(run / states.BEST)
    parameters = sum(each.numel() for each in network.parameters())
    with writing_to(target.parent):
        size = write_weights(target, network, half=True)
        write_whole(card, card_of(recipe, log, parameters, size).encode())
    return Exported(target, card, parameters, size)


def card_of(recipe: Recipe, log: list[dict[str, object]], parameters: int, size: int) -> str:
    """What a person should know of the weights before using them."""
    measured = [line for line in log if line.get("sdr")]
    kept = next(
        (line for line in reversed(measured) if line["step"] == measured[-1]["best_step"]), None
    )
    last = max((int(str(line["step"])) for line in log), default=0)
    settings = recipe.training
    example = f"{settings.batch} × {settings.segment:g} s"
    lines = [
        f"# {recipe.name}",
        "",
        *([recipe.about, ""] if recipe.about else []),
        f"- Licence of the weights: {recipe.licence}",
        "- Stems: drums, bass, other, vocals; stereo, 44.1 kHz",
        f"- Size: {parameters:,} parameters, {size / 1e6:.1f} MB in fp16",
        f"- Training: {last:,} steps of {example}, seed {settings.seed}",
        "",
        "## Data",
        "",
    ]
    if recipe.data.songs:
        songs = recipe.songs
        lines.append(
            f"Generated songs of {songs.seconds:g} s, seed {songs.seed} "
            f"(`stemlift train songs`). They are made of:"
        )
        lines += ["", "| ingredient | licence | what |", "|---|---|---|"]
        heard = ingredients("train")
        lines += [f"| {each.name} | {each.licence} | {each.what} |" for each in heard]
        lines += ["", *(f"On {each.name}: {each.note}\n" for each in heard if each.note)]
    if recipe.data.multitracks:
        lines += ["Multitracks of the person who trained it, whose rights are theirs.", ""]
    if recipe.training.start is not None:
        lines += [f"It began with the weights {recipe.training.start.name}.", ""]
    lines += ["## Figures", ""]
    if kept is None:
        lines.append("It was not measured.")
    else:
        figures: object = kept["sdr"]
        assert isinstance(figures, dict)
        lines += [
            f"Mean SDR over the validation songs, after {kept['step']} steps:",
            "",
            "| stem | SDR (dB) |",
            "|---|---|",
            *(f"| {stem} | {value:.2f} |" for stem, value in figures.items()),
            f"| mean | {kept['mean']:.2f} |",
        ]
    # Where a person keeps files is nobody else's concern.
    told = recipe.model_dump_json(indent=1, exclude={"data": True, "training": {"start"}})
    lines += ["", "## Recipe", "", "```json", told, "```", ""]
    return "\n".join(lines)


def _recipe(run: Path) -> Recipe:
    path = run / states.RECIPE
    try:
        return Recipe.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no training in {run}.",
            "Name the folder that `stemlift train run` was given with --out.",
        ) from error
    except (ValidationError, ValueError) as error:
        raise StemliftError(
            Reason.FILE_CORRUPT, f"The file {path} cannot be read.", "Train again."
        ) from error
