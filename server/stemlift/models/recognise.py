"""A user's own checkpoint: what it is, which files belong to it, and proof that it loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import build_network
from stemlift.models.bag import LONGEST_SEGMENT, Bag, read_bag, stem_weights
from stemlift.models.beside import (
    MOST_FILES,
    band_split_rnn_beside,
    configuration_of,
    files_in,
    general_beside,
    members_of,
    reading,
    settings_of,
    sniff_file,
)
from stemlift.models.formats.band_split_rnn import read_band_split_rnn
from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.content import require_file
from stemlift.models.formats.demucs import ReadDemucs, read_demucs_safetensors
from stemlift.models.formats.demucs_legacy import load_legacy
from stemlift.models.formats.native import read_native
from stemlift.models.formats.open_unmix import read_open_unmix
from stemlift.models.formats.roformer import read_roformer
from stemlift.models.formats.tensors import InvalidCheckpointError, printable, refusing
from stemlift.models.sniffing import Kind
from stemlift.models.spec import Network
from stemlift.networks.demucs import segment_seconds

_USUAL_RATE = 44100

_UNDERSTOOD = (
    "Give a Demucs .th, .safetensors or bag .yaml, an Open-Unmix folder or .pth, a RoFormer or "
    "Band-Split RNN checkpoint with its YAML (--config), or a .safetensors file of Stemlift's own."
)
_GET_AGAIN = (
    "Nothing was stored. Get the file again from where it was published, with the YAML or JSON "
    "that belongs to it."
)

_WEIGHTS = (Kind.NATIVE, Kind.DEMUCS, Kind.DEMUCS_LEGACY, Kind.ROFORMER, Kind.BAND_SPLIT_RNN)
_SPECTROGRAM: dict[Kind, Callable[[Sequence[Path]], Checkpoint]] = {
    Kind.NATIVE: lambda files: read_native(files[0]),
    Kind.OPEN_UNMIX: read_open_unmix,
    Kind.ROFORMER: read_roformer,
    Kind.BAND_SPLIT_RNN: read_band_split_rnn,
}


@dataclass(frozen=True, slots=True)
class Recognised:
    """A checkpoint that was read and whose network takes all of its tensors.

    format: in words.
    files: all that belong to it, the weights and their configuration.
    stems: in the order the model gives them, what is left of the mix last.
    sample_rate: in Hz.
    segment: length of an input in samples; None where the network takes any.
    overlap: share of a segment that the next one repeats; None where the files do not say.
    parameters: how many numbers the networks have learnt.
    size: of the files in bytes.
    warnings: plain sentences a person should read before using it.
    checkpoint: of every network but Demucs, which has `members` and perhaps `bag` instead.
    members: checkpoints of a Demucs model, each once.
    """

    format: str
    network: Network
    files: tuple[Path, ...]
    stems: tuple[str, ...]
    sample_rate: int
    segment: int | None
    overlap: float | None
    parameters: int
    size: int
    warnings: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = None
    members: tuple[Path, ...] = ()
    bag: Bag | None = None


def recognise(path: Path, config: Path | None = None) -> Recognised:
    """Say what the checkpoint at `path`, a file or a folder, is; nothing is stored.

    Args:
        config: the YAML or JSON that belongs to it; None: it needs none, or one lies beside
            it under the same name.

    Raises:
        StemliftError: FILE_NOT_FOUND; FILE_UNREADABLE; ARGUMENT_INVALID when it needs a
            configuration that is not here; CHECKPOINT_UNKNOWN with what it looks like;
            CHECKPOINT_REFUSED with the file and the first thing that is wrong with it.
    """
    with refusing_import(), reading(path):
        for each in (path, config):
            if each is not None and not each.exists():
                raise StemliftError(
                    Reason.FILE_NOT_FOUND,
                    f"There is no file {each}.",
                    "Check the path; a removable or network drive may be away.",
                )
        if config is not None:
            require_file(config)
        return _folder(path, config) if path.is_dir() else _file(path, config)


@contextmanager
def refusing_import() -> Iterator[None]:
    """A file that a user gave is not ours to delete or to fetch again.

    Raises:
        StemliftError: CHECKPOINT_REFUSED instead of CHECKPOINT_INVALID.
    """
    try:
        yield
    except StemliftError as error:
        if error.reason is not Reason.CHECKPOINT_INVALID:
            raise
        raise StemliftError(Reason.CHECKPOINT_REFUSED, error.message, _GET_AGAIN) from error


def _file(path: Path, config: Path | None) -> Recognised:
    found = sniff_file(path)
    match found.kind:
        case Kind.DEMUCS | Kind.DEMUCS_LEGACY:
            if config is not None and sniff_file(config).kind is Kind.DEMUCS_BAG:
                return _bag(config, path.parent)
            return _demucs(str(found.kind), (path,), None, (path,))
        case Kind.DEMUCS_BAG:
            return _bag(path, path.parent)
        case Kind.NATIVE:
            return _spectrogram(found.kind, (path,))
        case Kind.OPEN_UNMIX:
            return _spectrogram(found.kind, (path, *settings_of(path, config)))
        case Kind.OPEN_UNMIX_JSON:
            return _folder(path.parent, config)
        case Kind.ROFORMER:
            return _spectrogram(found.kind, (path, configuration_of(path, config, found.kind)))
        case Kind.BAND_SPLIT_RNN:
            own = config or band_split_rnn_beside(path)
            own = configuration_of(path, own, found.kind)
            return _spectrogram(found.kind, (path, own, *general_beside(own)))
        case Kind.CONFIGURATION:
            return _described_by(path)
    raise _unknown(path, found.looks)


def _folder(folder: Path, config: Path | None) -> Recognised:
    """A folder that holds one model and nothing else that could be one."""
    files = files_in(folder)
    if len(files) > MOST_FILES:
        raise _unknown(folder, f"a folder of {len(files)} files")
    kinds = {each: sniff_file(each).kind for each in files}

    def of(*wanted: Kind) -> list[Path]:
        return [each for each in files if kinds[each] in wanted]

    targets, weights = of(Kind.OPEN_UNMIX), of(*_WEIGHTS)
    if bags := of(Kind.DEMUCS_BAG):
        members = members_of(bags[0], folder) if len(bags) == 1 else ()
        others = [each for each in (*targets, *weights) if each not in members]
        return _only(folder, [*bags, *others], lambda bag: _bag(bag, folder))
    if targets and weights:
        raise _several(folder, [*weights, *targets])
    if targets:
        settings = [config] if config is not None else of(Kind.OPEN_UNMIX_JSON)
        return _spectrogram(Kind.OPEN_UNMIX, (*targets, *settings))
    if {kinds[each] for each in weights} == {Kind.BAND_SPLIT_RNN}:
        settings = [config] if config is not None else of(Kind.CONFIGURATION)
        return _spectrogram(Kind.BAND_SPLIT_RNN, (*weights, *settings))
    configurations = of(Kind.CONFIGURATION)
    if config is None and len(configurations) == 1:
        config = configurations[0]
    return _only(folder, weights, lambda path: _file(path, config))


def _only(folder: Path, found: list[Path], use: Callable[[Path], Recognised]) -> Recognised:
    if len(found) > 1:
        raise _several(folder, found)
    if not found:
        raise _unknown(folder, "a folder without a checkpoint")
    return use(found[0])


def _several(folder: Path, found: list[Path]) -> StemliftError:
    names = ", ".join(path.name for path in found[:4]) + (", …" if len(found) > 4 else "")
    return _unknown(folder, f"a folder of several models ({names}): name one")


def _unknown(path: Path, looks: str) -> StemliftError:
    return StemliftError(
        Reason.CHECKPOINT_UNKNOWN,
        f"{path} is no checkpoint that Stemlift knows: it looks like {printable(looks)}.",
        _UNDERSTOOD,
    )


def _described_by(config: Path) -> Recognised:
    """The weights that a configuration is named after."""
    beside = (
        path
        for path in sorted(config.parent.iterdir())
        if path.stem == config.stem and path != config and path.is_file()
    )
    weights = [path for path in beside if sniff_file(path).kind in _WEIGHTS]
    if len(weights) == 1:
        return _file(weights[0], config)
    raise StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{config} is a configuration, and no weights of the same name lie beside it.",
        "Name the weights, and this file by --config.",
    )


def _spectrogram(kind: Kind, files: tuple[Path, ...]) -> Recognised:
    checkpoint = _SPECTROGRAM[kind](files)
    with refusing(files[0]):
        network = build_network(checkpoint)
        rest = () if checkpoint.complement is None else (checkpoint.complement,)
        stems = (*checkpoint.stems, *rest)
        if not checkpoint.stems or len(set(stems)) != len(stems):
            raise InvalidCheckpointError("neither it nor its configuration names its stems")
        _require_usable_segment(checkpoint, network)
    warnings = tuple(printable(warning) for warning in checkpoint.warnings)
    if checkpoint.sample_rate is None:
        warnings += (f"It does not say its sample rate; {_USUAL_RATE} Hz is taken.",)
    return Recognised(
        format=_in_words(kind, checkpoint.network, len(files)),
        network=checkpoint.network,
        files=files,
        stems=stems,
        sample_rate=checkpoint.sample_rate or _USUAL_RATE,
        segment=checkpoint.segment,
        overlap=checkpoint.overlap,
        parameters=_count(network),
        size=sum(path.stat().st_size for path in files),
        warnings=warnings,
        checkpoint=replace(checkpoint, warnings=warnings),
    )


def _require_usable_segment(checkpoint: Checkpoint, network: nn.Module) -> None:
    """As `loader.load_model` takes it: what was imported is to load."""
    segment = checkpoint.segment
    if segment is None:
        return
    if segment > LONGEST_SEGMENT * (checkpoint.sample_rate or _USUAL_RATE):
        raise InvalidCheckpointError(
            f"its segments of {segment} samples are longer than {LONGEST_SEGMENT:.0f} s"
        )
    valid_length = getattr(network, "valid_length", None)
    if valid_length is not None and valid_length(segment) < segment:
        raise InvalidCheckpointError(
            f"its segments of {segment} samples are longer than the {valid_length(segment)} "
            "that its network takes"
        )


def _in_words(kind: Kind, network: Network, files: int) -> str:
    match kind, network:
        case (Kind.ROFORMER, Network.MEL_BAND_ROFORMER):
            return "Mel-Band RoFormer checkpoint with its YAML"
        case (Kind.ROFORMER, _):
            return "BS-RoFormer checkpoint with its YAML"
        case (Kind.BAND_SPLIT_RNN, _):
            return f"{kind} with its YAML"
        case (Kind.OPEN_UNMIX, _) if files > 1:
            return "Open-Unmix model"
    return str(kind)


def _bag(yaml_file: Path, folder: Path) -> Recognised:
    bag = read_bag(yaml_file)
    members = members_of(yaml_file, folder)
    found = _demucs(str(Kind.DEMUCS_BAG), members, bag, (yaml_file, *members))
    stem_weights(bag, found.stems, yaml_file)
    return found


def _demucs(
    words: str, members: tuple[Path, ...], bag: Bag | None, files: tuple[Path, ...]
) -> Recognised:
    """One network after the other is loaded and let go: memory holds one."""
    stems: tuple[str, ...] = ()
    rate = segment = parameters = 0
    warnings: dict[str, None] = {}
    for path in members:
        read = _load_demucs(path)
        warnings |= dict.fromkeys(f"{path.name}: {printable(text)}" for text in read.warnings)
        with refusing(path):
            own_stems, own_rate = _stems_and_rate(read.network)
            seconds = segment_seconds(read.network, bag.segment if bag else None)
            if seconds is None or seconds > LONGEST_SEGMENT:
                raise InvalidCheckpointError("its segment is no sensible length")
            if stems and (own_stems, own_rate) != (stems, rate):
                raise InvalidCheckpointError(
                    f"it gives {', '.join(own_stems)} at {own_rate} Hz, where {members[0].name} "
                    f"gives {', '.join(stems)} at {rate} Hz"
                )
        stems, rate = own_stems, own_rate
        segment = max(segment, int(rate * seconds))
        parameters += _count(read.network)
    return Recognised(
        format=words,
        network=Network.DEMUCS,
        files=files,
        stems=stems,
        sample_rate=rate,
        segment=segment,
        overlap=None,
        parameters=parameters,
        size=sum(path.stat().st_size for path in files),
        warnings=tuple(warnings),
        members=members,
        bag=bag,
    )


def _load_demucs(path: Path) -> ReadDemucs:
    match sniff_file(path).kind:
        case Kind.DEMUCS:
            return read_demucs_safetensors(path)
        case Kind.DEMUCS_LEGACY:
            return load_legacy(path)
    with refusing(path):
        raise InvalidCheckpointError("it does not hold a Demucs network")


def _stems_and_rate(network: nn.Module) -> tuple[tuple[str, ...], int]:
    stems, rate = getattr(network, "sources", None), getattr(network, "samplerate", None)
    if not isinstance(stems, list) or not all(isinstance(stem, str) for stem in stems):
        raise InvalidCheckpointError("its “sources” are not names of stems")
    if not stems or len(set(stems)) != len(stems):
        raise InvalidCheckpointError("its “sources” name no stem, or one twice")
    if isinstance(rate, bool) or not isinstance(rate, int) or not 8000 <= rate <= 384_000:
        raise InvalidCheckpointError(f"its sample rate is {rate}")
    channels = getattr(network, "audio_channels", None)
    if channels != 2:
        raise InvalidCheckpointError(f"it is for {channels} channels, and only stereo is taken")
    return tuple(stems), rate


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
