"""Which files belong to a user's checkpoint: those that lie beside it, by their names and content.

Whatever lies in a user's folder, only regular files are opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.models.bag import read_bag
from stemlift.models.formats.band_split_yaml import kind_of
from stemlift.models.formats.content import NoFileError, require_file
from stemlift.models.formats.safe_yaml import read_yaml
from stemlift.models.formats.tensors import InvalidCheckpointError, refusing
from stemlift.models.sniffing import Kind, Sniffed, sniff

MOST_FILES = 256
"""In a folder that holds a model."""

_YAML = (".yaml", ".yml")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What the system tells of a file names that file only where it cannot be opened.

    Raises:
        StemliftError: FILE_UNREADABLE instead of an OSError.
    """
    try:
        yield
    except NoFileError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"{error.filename} cannot be read: {error.strerror}.",
            "Give files that lie on a disk.",
        ) from error
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"The file {error.filename or path} cannot be read: {error.strerror or error}.",
            "Check its permissions.",
        ) from error


def sniff_file(path: Path) -> Sniffed:
    """As `sniffing.sniff`, with errors for a user.

    Raises:
        StemliftError: FILE_UNREADABLE; CHECKPOINT_INVALID.
    """
    described = path.suffix.lower() in (*_YAML, ".json")
    with refusing(path, "description" if described else "weights"), reading(path):
        return sniff(path)


def files_in(folder: Path) -> list[Path]:
    """Those that are not hidden. One that cannot be read may be the one that matters."""
    entries = sorted(each for each in folder.iterdir() if each.name[0] != ".")
    found = [each for each in entries if each.exists() and not each.is_dir()]
    for each in found:
        require_file(each)
    return found


def _beside(path: Path, names: Iterable[str]) -> list[Path]:
    """Files of these names in the folder of `path`, itself excepted."""
    found = (path.with_name(name) for name in names)
    there = [each for each in found if each.exists() and not each.is_dir() and each != path]
    for each in there:
        require_file(each)
    return there


def settings_of(weights: Path, config: Path | None) -> list[Path]:
    """JSON of one target of an Open-Unmix model, where it lies beside it."""
    if config is not None:
        return [config]
    target = weights.stem.rpartition("-")[0] or weights.stem
    return _beside(weights, ("separator.json", f"{target}.json"))


def configuration_of(weights: Path, config: Path | None, kind: Kind) -> Path:
    """The YAML of `weights`: the one that was named, or that of the same name.

    Raises:
        StemliftError: ARGUMENT_INVALID without one; CHECKPOINT_INVALID when it is no YAML.
    """
    if config is not None:
        _require_text(config)
        return config
    found = _beside(weights, (weights.with_suffix(suffix).name for suffix in _YAML))
    if len(found) == 1:
        return configuration_of(weights, found[0], kind)
    named = weights.with_suffix(_YAML[0]).name
    if named == weights.name:
        missing = "none was given"
    elif found:
        missing = f"there are {' and '.join(path.name for path in found)} beside it"
    elif kind is Kind.BAND_SPLIT_RNN:
        missing = f"there is no {named} beside it, and no hparams.yaml that describes one"
    else:
        missing = f"there is no {named} beside it"
    raise StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{weights} was recognised as “{kind}”, whose shape stands in a YAML file, and {missing}.",
        "Name the YAML that was published with it by --config.",
    )


def _require_text(config: Path) -> None:
    """What is wrong with a YAML, its reader says best; what is none, is said here."""
    found = sniff_file(config)
    if found.text:
        return
    looks = found.looks if found.kind is Kind.OTHER else str(found.kind)
    with refusing(config, "description"):
        raise InvalidCheckpointError(f"it is no YAML, but looks like {looks}")


def band_split_rnn_beside(weights: Path) -> Path | None:
    """A configuration that is not named after the weights, as both implementations have it.

    One calls it `hparams.yaml`, or `config.yaml` once trained; the other has a file for each
    variant, of the variant's name, and a general `config.yaml` that describes no network.
    """
    if _beside(weights, (weights.with_suffix(suffix).name for suffix in _YAML)):
        return None
    names = sorted(each.name for each in weights.parent.iterdir())
    named = [name for name in names if Path(name).suffix.lower() in _YAML and name[0] != "."]
    if len(named) > MOST_FILES:
        return None
    found = [
        path for path in _beside(weights, named) if _describes_band_split(path, "pair", "channel")
    ]
    usual = [path for path in found if path.name == "hparams.yaml"]
    return (usual or found)[0] if usual or len(found) == 1 else None


def _describes_band_split(path: Path, *kinds: str) -> bool:
    if sniff_file(path).kind is not Kind.CONFIGURATION:
        return False
    with refusing(path, "description"):
        values = read_yaml(path)
    try:
        return kind_of(values) in kinds
    except InvalidCheckpointError:
        # Of another network.
        return False


def general_beside(own: Path) -> list[Path]:
    """What the configuration of a Band-Split RNN variant refers to, where it lies beside it."""
    general = _beside(own, ("config.yaml",))
    return [path for path in general if _describes_band_split(path, "general")]


def members_of(yaml_file: Path, folder: Path) -> tuple[Path, ...]:
    """Checkpoints of a Demucs bag, each once, in the order that it names them.

    Raises:
        StemliftError: CHECKPOINT_INVALID when one is missing, or as `bag.read_bag`.
    """
    names = dict.fromkeys(read_bag(yaml_file).models)
    return tuple(_member(yaml_file, folder, name) for name in names)


def _member(yaml_file: Path, folder: Path, signature: str) -> Path:
    names = (f"{signature}.safetensors", f"{signature}.th")
    hashed = sorted(path.name for path in folder.glob(f"{signature}-*.th"))
    beside = _beside(folder / yaml_file.name, (*names, *hashed))
    with refusing(yaml_file, "description"):
        if not beside:
            raise InvalidCheckpointError(
                f"it names “{signature}”, and neither {names[0]} nor {names[1]} is beside it"
            )
    return beside[0]
