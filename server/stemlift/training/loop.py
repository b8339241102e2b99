"""The training itself: steps, figures, and a state that every interruption leaves whole."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stemlift.errors import Reason, StemliftError
from stemlift.models.device_memory import memory_was_short
from stemlift.models.spec import MaskKind
from stemlift.networks.compact import Compact
from stemlift.separation.lanes import Lane
from stemlift.separation.spectrogram import MaskedSpectrogram
from stemlift.system.only_one import only_one
from stemlift.system.whole import write_whole
from stemlift.training import state as states
from stemlift.training.augment import augment, generator_at
from stemlift.training.average import follow, learning_rate
from stemlift.training.dataset import Examples, SongFile
from stemlift.training.gradients import gradients, training_lanes
from stemlift.training.optimisers import optimiser_of
from stemlift.training.recipe import Recipe
from stemlift.training.songs.mixing import RATE
from stemlift.training.state import Log, State
from stemlift.training.validate import Figures, validate
from stemlift.training.weights import config_of, fresh, read_weights, write_weights
from stemlift.training.writing import writing_to

_MOST_FAILURES = 20
"""Steps in a row without a finite gradient: that does not mend itself."""


def _nothing() -> None:
    """Nobody wants to stop it."""


def _silent(_: dict[str, object]) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a training runs in.

    device: as torch names it.
    check: called between steps and songs; a KeyboardInterrupt from it ends the training, its
        state saved.
    tell: called with every line of the log.
    """

    device: str = "cpu"
    check: Callable[[], None] = _nothing
    tell: Callable[[dict[str, object]], None] = _silent


@dataclass(slots=True)
class _Learner:
    network: Compact
    average: Compact
    optimiser: torch.optim.Optimizer
    step: int = 0
    best: float = -math.inf
    best_step: int = 0
    failures: int = 0
    masked: MaskedSpectrogram = field(init=False)

    def __post_init__(self) -> None:
        self.masked = MaskedSpectrogram(self.network, MaskKind.COMPLEX)


def train(
    recipe: Recipe,
    songs: tuple[tuple[SongFile, ...], tuple[SongFile, ...]],
    folder: Path,
    resume: bool,
    around: Surroundings,
) -> Figures | None:
    """Train to the recipe's last step; `folder` gets the state, the log and the best weights.

    Args:
        songs: to learn from, and to measure with; without the latter the last weights count.
        resume: go on where `folder` stands; else nothing may be there.

    Returns:
        The figures of the best weights, if there are any.

    Raises:
        StemliftError: OUTPUT_EXISTS, OUTPUT_UNWRITABLE, RECIPE_INVALID, FILE_CORRUPT where
            there is another network's state, ARGUMENT_INVALID while another training runs
            there, MODEL_OUTPUT_NOT_FINITE, OUT_OF_MEMORY.
    """
    if not resume and (folder / states.STATE).exists():
        raise StemliftError(
            Reason.OUTPUT_EXISTS,
            f"There is a training in {folder} already.",
            "Go on with it (--resume), or choose another folder.",
        )
    with only_one(folder, "training"):
        learner = _begin(recipe, folder, resume, around.device)
        with writing_to(folder):
            write_whole(folder / states.RECIPE, recipe.model_dump_json(indent=1).encode())
            log = Log(folder / states.LOG, learner.step)
        try:
            with training_lanes(around.device) as lanes:
                _run(learner, recipe, songs, folder, log, around, lanes)
        except KeyboardInterrupt:
            _save(learner, folder)
            raise
        return _figures_of(folder, learner.best_step)


def _begin(recipe: Recipe, folder: Path, resume: bool, device: str) -> _Learner:
    settings = recipe.training
    network = fresh(config_of(recipe.network), settings.seed)
    if settings.start is not None:
        network = read_weights(settings.start).requires_grad_(True)
    network.to(device).train()
    average = copy.deepcopy(network).requires_grad_(False).eval()
    learner = _Learner(network, average, optimiser_of(network, settings))
    learner.masked.to(device)
    if resume and (folder / states.STATE).exists():
        found = states.load(folder)
        try:
            network.load_state_dict(found.network)
            average.load_state_dict(found.average)
            learner.optimiser.load_state_dict(found.optimiser)
        except (RuntimeError, ValueError) as error:
            raise StemliftError(
                Reason.FILE_CORRUPT,
                f"The training in {folder} is of another network than the recipe's.",
                "Take the recipe that it was begun with, or another folder.",
            ) from error
        learner.step, learner.best, learner.best_step = found.step, found.best, found.best_step
    return learner


def _run(
    learner: _Learner,
    recipe: Recipe,
    songs: tuple[tuple[SongFile, ...], tuple[SongFile, ...]],
    folder: Path,
    log: Log,
    around: Surroundings,
    lanes: Sequence[Lane],
) -> None:
    settings = recipe.training
    heard, measured = songs[0], songs[1][: settings.validation_songs]
    examples = Examples(
        heard,
        round(settings.segment * RATE),
        settings.batch,
        settings.seed,
        recipe.augmentation.recombine,
        recipe.augmentation.same_tempo,
        recipe.augmentation.speed,
    )

    def told(line: dict[str, object]) -> None:
        with writing_to(folder):
            log.write(line)
        around.tell(line)

    losses: list[Tensor] = []
    began = time.monotonic()
    for batch in examples.steps(learner.step, settings.steps):
        around.check()
        loss, norm = _step(learner, recipe, batch, around.device, lanes)
        losses.append(loss)
        last = learner.step == settings.steps
        if learner.step % settings.log_every == 0 or last:
            mean = float(torch.stack(losses).mean())
            seconds = (time.monotonic() - began) / len(losses)
            told(
                {
                    "step": learner.step,
                    "loss": round(mean, 5),
                    "rate": round(learning_rate(settings, learner.step - 1), 7),
                    "gradient": round(norm, 4),
                    "seconds": round(seconds, 4),
                }
            )
            losses.clear()
        if learner.step % settings.validate_every == 0 and not last:
            told(_measure(learner, measured, folder, around, lanes))
        if learner.step % settings.save_every == 0 or last:
            _save(learner, folder)
        if not losses:
            began = time.monotonic()
    # Here also when it was stopped in the middle of the last measurement.
    known = states.read_log(folder / states.LOG)
    if not any(line["step"] == learner.step and "sdr" in line for line in known):
        told(_measure(learner, measured, folder, around, lanes))
        _save(learner, folder)


def _step(
    learner: _Learner, recipe: Recipe, batch: np.ndarray, device: str, lanes: Sequence[Lane]
) -> tuple[Tensor, float]:
    """One step; its loss, and how long the gradient was before it was cut."""
    settings = recipe.training
    kind = torch.device(device).type
    reduced = settings.precision == "bf16" or (settings.precision == "auto" and kind == "cuda")
    with torch.no_grad():
        stems = torch.from_numpy(batch).to(device).float() / 32768.0
        chances = generator_at(settings.seed, learner.step)
        stems = augment(stems, RATE, recipe.augmentation, chances)
    for group in learner.optimiser.param_groups:
        group["lr"] = learning_rate(settings, learner.step)
    learner.optimiser.zero_grad(set_to_none=True)
    try:
        loss = gradients(learner.masked, stems, recipe.loss, lanes, reduced)
    except (RuntimeError, MemoryError) as error:
        if not memory_was_short(error):
            raise
        raise StemliftError(
            Reason.OUT_OF_MEMORY,
            f"The device {device} has no memory for a step of this training.",
            "Lower the recipe's batch or segment, and go on from the last state (--resume).",
        ) from error
    norm = float(nn.utils.clip_grad_norm_(learner.network.parameters(), settings.clip))
    learner.step += 1
    if math.isfinite(norm):
        learner.failures = 0
        learner.optimiser.step()
        follow(learner.average, learner.network, settings.average, learner.step)
        return loss, norm
    learner.failures += 1
    if learner.failures == _MOST_FAILURES:
        raise StemliftError(
            Reason.MODEL_OUTPUT_NOT_FINITE,
            f"The training has not been finite since step {learner.step - _MOST_FAILURES}.",
            "Lower the recipe's rate, and go on from the state that was saved last (--resume).",
        )
    return torch.zeros_like(loss), 0.0


def _measure(
    learner: _Learner,
    songs: tuple[SongFile, ...],
    folder: Path,
    around: Surroundings,
    lanes: Sequence[Lane],
) -> dict[str, object]:
    """Validate the average; keep it where it is the best so far."""
    began = time.monotonic()
    figures = validate(learner.average, songs, lanes, around.check) if songs else None
    # Without songs to measure with, the last one counts.
    if figures is None or figures.mean > learner.best:
        learner.best = learner.best if figures is None else figures.mean
        learner.best_step = learner.step
        with writing_to(folder):
            write_weights(folder / states.BEST, learner.average, half=False)
    return {
        "step": learner.step,
        "sdr": {} if figures is None else {stem: round(each, 3) for stem, each in figures.stems},
        "mean": None if figures is None else round(figures.mean, 3),
        "best_step": learner.best_step,
        "seconds": round(time.monotonic() - began, 2),
    }


def _save(learner: _Learner, folder: Path) -> None:
    states.save(
        folder,
        State(
            learner.step,
            learner.network.state_dict(),
            learner.average.state_dict(),
            learner.optimiser.state_dict(),
            learner.best,
            learner.best_step,
        ),
    )


def _figures_of(folder: Path, step: int) -> Figures | None:
    for line in states.read_log(folder / states.LOG):
        if line.get("step") == step and line.get("sdr"):
            return Figures(tuple(line["sdr"].items()), line["mean"])
    return None
