"""What a training is told: a TOML file, checked. No torch."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.training.starting import starting_weights

_LARGEST = 256 * 1024
_SUFFIX = ".toml"

_Share = Annotated[float, Field(ge=0, le=1)]
_Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Count = Annotated[int, Field(ge=1, le=10**9)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Songs(_Table):
    """What `stemlift train songs` makes.

    seconds: length of a song.
    train, valid, test: how many of each.
    clear: share of the singers with less noise in their voice than the speaker's.
    """

    seed: _Seed = 1
    seconds: float = Field(default=24.0, ge=4, le=600)
    train: int = Field(default=1200, ge=0)
    valid: int = Field(default=24, ge=0)
    test: int = Field(default=48, ge=0)
    clear: float = Field(default=0.6, ge=0, le=1)


class Data(_Table):
    """Where songs are read. A path that is not absolute lies beside the recipe.

    songs: folders of what `stemlift train songs` made.
    multitracks: folders of a user's own songs, each a folder with drums.wav, bass.wav,
        other.wav and vocals.wav; a file that is missing is silence.
    """

    songs: tuple[Path, ...] = ()
    multitracks: tuple[Path, ...] = ()


class NetworkTable(_Table):
    """See `networks.compact.CompactConfig`; None: its default."""

    bands: tuple[int, ...] | None = None
    features: int | None = None
    dilations: tuple[int, ...] | None = None
    kernel: int | None = None
    expansion: int | None = None
    view: int | None = None
    compression: float | None = None
    phases: bool | None = None
    ratio: bool | None = None
    n_fft: int | None = None
    hop: int | None = None


class Training(_Table):
    """How the network learns.

    seed: of the first weights, of what is heard when, and of its augmentation.
    segment: seconds of an example.
    batch: examples of a step.
    optimiser: muon, which turns the steps of matrices, or adamw.
    rate: of the optimiser at its highest, after `warm_up` steps; over the last `settle` of all
        steps it falls to `last_rate` of that.
    clip: longest gradient.
    average: decay of the moving average of the weights, which is what is validated and kept.
    precision: auto is bf16 on a GPU and fp32 elsewhere.
    validate_every, save_every, log_every: steps.
    validation_songs: at most so many.
    start: weights to begin with, a file that `stemlift train export` wrote or the name of a
        model that ships with Stemlift.
    """

    seed: _Seed = 1
    steps: _Count = 4000
    segment: float = Field(default=6.0, ge=0.1, le=60)
    batch: int = Field(default=2, ge=1, le=1024)
    optimiser: Literal["muon", "adamw"] = "muon"
    rate: float = Field(default=2e-3, gt=0, le=1)
    last_rate: _Share = 0.02
    settle: _Share = 0.4
    warm_up: int = Field(default=100, ge=0)
    weight_decay: float = Field(default=1e-2, ge=0, le=1)
    clip: float = Field(default=1.0, gt=0)
    average: float = Field(default=0.998, ge=0, lt=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    validate_every: _Count = 250
    validation_songs: _Count = 24
    save_every: _Count = 100
    log_every: _Count = 10
    start: Path | None = None


class Augmentation(_Table):
    """How songs are changed before they are heard; shares of examples or of their stems.

    recombine: examples whose stems come from several songs.
    same_tempo: of the stems taken from elsewhere, those from a song of nearly the same tempo.
    speed: octaves by which what is heard is played faster or slower at most.
    gain: standard deviation of a stem's level in dB.
    polarity, swap, mono: stems turned over, with their channels exchanged, made mono.
    equalise, saturate: stems with another balance of highs and lows, with overtones.
    silence, solo: stems left out; examples of which one stem alone is left.
    mono_mix, band_limit, clip: of whole examples.
    """

    recombine: _Share = 0.6
    same_tempo: _Share = 0.5
    speed: float = Field(default=0.0, ge=0, le=1)
    gain: float = Field(default=4.0, ge=0, le=24)
    polarity: _Share = 0.5
    swap: _Share = 0.5
    mono: _Share = 0.1
    equalise: _Share = 0.3
    saturate: _Share = 0.15
    silence: _Share = 0.07
    solo: _Share = 0.05
    mono_mix: _Share = 0.06
    band_limit: _Share = 0.06
    clip: _Share = 0.08


class Loss(_Table):
    """What is made small; levels are relative to the mix.

    wave: weight of the error of the samples.
    wave_error: that error; mean: of its absolute values, over all stems; rms: each stem's root
        mean square, which is what an SDR counts.
    magnitude: weight of that of the magnitudes, the mean over the transforms.
    transforms: lengths in samples; hops are a quarter.
    stems: weight of each stem, in the order drums, bass, other, vocals.
    """

    wave: float = Field(default=1.0, ge=0)
    wave_error: Literal["mean", "rms"] = "mean"
    magnitude: float = Field(default=1.0, ge=0)
    transforms: tuple[Annotated[int, Field(ge=16, le=65536)], ...] = (512, 2048)
    stems: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


class Recipe(_Table):
    """A training. licence: of the weights, in words; about: a sentence for the model card."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    licence: str = Field(default="not stated", max_length=200)
    about: str = Field(default="", max_length=2000)
    songs: Songs = Songs()
    data: Data = Data()
    network: NetworkTable = NetworkTable()
    training: Training = Training()
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with Stemlift, sorted."""
    files = (resources.files(__package__) / "recipes").iterdir()
    return tuple(sorted(Path(f.name).stem for f in files if f.name.endswith(_SUFFIX)))


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of that name, or in that file; its paths are made absolute.

    Raises:
        StemliftError: RECIPE_INVALID, naming the file and the field, or the names there are.
    """
    if not name_or_path.endswith(_SUFFIX):
        if name_or_path not in recipe_names():
            raise StemliftError(
                Reason.RECIPE_INVALID,
                f"There is no recipe named {name_or_path!r}.",
                f"Choose from: {', '.join(recipe_names())}; or give the path of a .toml file.",
            )
        file = resources.files(__package__) / "recipes" / f"{name_or_path}{_SUFFIX}"
        return parse_recipe(file.read_bytes(), name_or_path, Path.cwd())
    path = Path(name_or_path)
    try:
        with path.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise _invalid(str(path), f"it cannot be read ({why})") from error
    return parse_recipe(data, str(path), path.resolve().parent)


def parse_recipe(data: bytes, told: str, beside: Path) -> Recipe:
    """A recipe's bytes; `told` is what errors call it, `beside` where its paths begin.

    Raises:
        StemliftError: RECIPE_INVALID.
    """
    if len(data) > _LARGEST:
        raise _invalid(told, f"it is larger than {_LARGEST // 1024} KiB")
    try:
        recipe = Recipe.model_validate(tomllib.loads(data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise _invalid(told, "it is not saved as UTF-8") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _invalid(told, f"{where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise _invalid(told, str(error)) from error
    return with_data(
        recipe,
        tuple(beside / path for path in recipe.data.songs),
        tuple(beside / path for path in recipe.data.multitracks),
        None if recipe.training.start is None else starting_weights(recipe.training.start, beside),
    )


def with_data(
    recipe: Recipe,
    songs: tuple[Path, ...],
    multitracks: tuple[Path, ...],
    start: Path | None,
) -> Recipe:
    """The recipe with other data, and other weights to begin with."""
    data = recipe.data.model_copy(update={"songs": songs, "multitracks": multitracks})
    training = recipe.training.model_copy(update={"start": start})
    return recipe.model_copy(update={"data": data, "training": training})


def _invalid(told: str, problem: str) -> StemliftError:
    return StemliftError(
        Reason.RECIPE_INVALID,
        f"The recipe {told} cannot be used: {problem.rstrip('.')}.",
        "Mend that line; docs/training.md explains the recipe field by field.",
    )
