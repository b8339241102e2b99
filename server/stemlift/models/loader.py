"""From a catalogue entry to a model in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from stemlift.errors import Reason, StemliftError
from stemlift.models.architectures import architecture, build_network
from stemlift.models.bag import LONGEST_SEGMENT, Bag, read_bag, stem_weights
from stemlift.models.formats.band_split_rnn import read_band_split_rnn
from stemlift.models.formats.checkpoint import Checkpoint
from stemlift.models.formats.demucs import load_demucs_safetensors
from stemlift.models.formats.demucs_legacy import convert_legacy
from stemlift.models.formats.native import is_native, read_native
from stemlift.models.formats.open_unmix import read_open_unmix
from stemlift.models.formats.roformer import read_roformer
from stemlift.models.formats.tensors import InvalidCheckpointError, refusing
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import ModelSpec, Network
from stemlift.models.store import ModelStore
from stemlift.networks.demucs import is_hybrid_transformer, segment_seconds

DEMUCS_OVERLAP = 0.25
"""Share of a segment that the next one repeats: the default of `demucs.apply.apply_model`."""

SPECTRAL_HOPS = 768
"""Length of a segment of the spectral network in hops: 17.8 s at 44.1 kHz."""

SPECTRAL_FEWEST_HOPS = 16

SPECTRAL_OVERLAP = 0.25

PLAIN_SEGMENT = 30.0
"""Seconds, for networks that take any length: long enough for what recurrent ones remember."""

PLAIN_OVERLAP = 0.25

_READERS: dict[Network, Callable[[Sequence[Path]], Checkpoint]] = {
    Network.OPEN_UNMIX: read_open_unmix,
    Network.BAND_SPLIT_RNN: read_band_split_rnn,
    Network.BS_ROFORMER: read_roformer,
    Network.MEL_BAND_ROFORMER: read_roformer,
    # It has no other file than our own: what is none is refused by name.
    Network.COMPACT: lambda paths: read_native(paths[0]),
}


def load_model(
    spec: ModelSpec,
    store: ModelStore,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> LoadedModel:
    """Load `spec`, which is no ensemble, fetching its weights first where they are not here.

    Args:
        progress: bytes done and bytes in all of the download; not called without one.
        cancelled: polled between files and during a download.

    Raises:
        StemliftError: as `ModelStore.fetch`; CHECKPOINT_INVALID for weights that are
            damaged, hostile or of another model than `spec` says; WRITE_FAILED for a legacy
            file that cannot be converted; CANCELLED.
    """
    if spec.network is Network.SPECTRAL:
        return _load_spectral(spec)
    files = store.fetch(spec, progress, cancelled)
    if spec.network is Network.DEMUCS:
        return _load_demucs(spec, files.bag, files.paths, cancelled)
    member = _load_member(spec, files.paths)
    return LoadedModel(spec, (member,))


def _load_spectral(spec: ModelSpec) -> LoadedModel:
    from stemlift.networks.spectral import Spectral

    network = Spectral(spec.sample_rate).eval().requires_grad_(False)
    hop = network.stft.hop
    # It sees whole hops only.
    hops = max(SPECTRAL_FEWEST_HOPS, round(spec.segment / hop)) if spec.segment else SPECTRAL_HOPS
    overlap = SPECTRAL_OVERLAP if spec.overlap is None else spec.overlap
    segment, stride = hops * hop, max(1, hops - round(hops * overlap)) * hop
    member = Member(
        network,
        network.stems,
        segment,
        stride,
        lambda _: segment,
        (1.0,) * len(spec.stems),
        masks=spec.masks,
    )
    return LoadedModel(spec, (member,))


def _load_member(spec: ModelSpec, paths: tuple[Path, ...]) -> Member:
    """The one network of a model whose checkpoint stands in `paths`."""
    first = paths[0]
    checkpoint = read_native(first) if is_native(first) else _READERS[spec.network](paths)
    with refusing(first):
        if checkpoint.network is not spec.network:
            raise InvalidCheckpointError(f"it is a {checkpoint.network}, not a {spec.network}")
        network = build_network(checkpoint)
    stems = _stems(checkpoint, spec, first)
    rate = checkpoint.sample_rate
    if rate is not None and rate != spec.sample_rate:
        raise _mismatch(first, "sample rate", rate, str(spec.sample_rate))
    own = spec.segment or checkpoint.segment
    segment = own or int(PLAIN_SEGMENT * spec.sample_rate)
    if not 0 < segment <= LONGEST_SEGMENT * spec.sample_rate:
        raise _mismatch(first, "segment", segment, f"at most {LONGEST_SEGMENT:.0f} seconds")
    valid_length: Callable[[int], int] = getattr(network, "valid_length", _same_length)
    if valid_length(segment) < segment:
        raise _mismatch(first, "segment", segment, f"at most {valid_length(segment)} samples")
    overlaps = (spec.overlap, checkpoint.overlap, PLAIN_OVERLAP)
    overlap = next(each for each in overlaps if each is not None)
    return Member(
        network,
        stems,
        segment,
        max(1, round(segment * (1 - overlap))),
        valid_length,
        (1.0,) * len(spec.stems),
        normalise=checkpoint.normalise,
        seams=checkpoint.seams,
        masks=architecture(spec.network).masks,
        complement=checkpoint.complement is not None,
    )


def _stems(checkpoint: Checkpoint, spec: ModelSpec, path: Path) -> tuple[str, ...]:
    """The stems in the order of the network, by the names that `spec` has for them."""
    complement = () if checkpoint.complement is None else (checkpoint.complement,)
    named = (*checkpoint.stems, *complement)
    if not named:
        return spec.stems
    # Copies of one configuration differ in capital letters alone.
    known = {stem.casefold(): stem for stem in spec.stems} | dict(spec.rename)
    stems = tuple(known.get(name, known.get(name.casefold(), name)) for name in named)
    if set(stems) != set(spec.stems):
        raise _mismatch(path, "stems", ", ".join(stems), ", ".join(spec.stems))
    return stems


def _load_demucs(
    spec: ModelSpec, bag_file: Path | None, paths: Sequence[Path], cancelled: Callable[[], bool]
) -> LoadedModel:
    members = [path for path in paths if path.suffix != ".yaml"]
    # An imported bag has its YAML among its files.
    bag_file = bag_file or next((path for path in paths if path.suffix == ".yaml"), None)
    if bag_file is None:
        bag = Bag(models=[path.stem for path in members])
        weights = tuple((1.0,) * len(spec.stems) for _ in members)
    else:
        bag = read_bag(bag_file)
        by_name = {path.name: path for path in members}
        members = [by_name.get(name, bag_file.with_name(name)) for name in bag.files]
        weights = stem_weights(bag, spec.stems, bag_file)
    loaded = []
    for path, row in zip(members, weights, strict=True):
        if cancelled():
            raise StemliftError(Reason.CANCELLED, f"Loading {spec.name} was cancelled.")
        network = load_demucs_safetensors(_converted(path))
        loaded.append(_demucs_member(network, row, bag, spec, path))
    return LoadedModel(spec, tuple(loaded))


def _converted(path: Path) -> Path:
    """The checkpoint itself, or what a legacy one is turned into, once, beside it."""
    if path.suffix != ".th":
        return path
    target = path.with_suffix(".safetensors")
    try:
        # What an earlier file of that name was turned into bears the time of that one.
        found = path.stat()
        if not target.is_file() or target.stat().st_mtime_ns != found.st_mtime_ns:
            convert_legacy(path, target)
            os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
    except OSError as error:
        raise StemliftError(
            Reason.WRITE_FAILED,
            f"The weights {path} cannot be converted: {error}.",
            "Make room on the disk of the models folder and make it writable, then try again.",
        ) from error
    return target


def _demucs_member(
    network: nn.Module, weights: tuple[float, ...], bag: Bag, spec: ModelSpec, path: Path
) -> Member:
    """Segment, stride and padding as `demucs.apply.apply_model` takes them."""
    _require_equal(path, "stems", getattr(network, "sources", None), list(spec.stems))
    _require_equal(path, "sample rate", getattr(network, "samplerate", None), spec.sample_rate)
    _require_equal(path, "channels", getattr(network, "audio_channels", None), 2)
    seconds = segment_seconds(network, bag.segment)
    if seconds is None:
        raise _mismatch(path, "segment", getattr(network, "segment", None), "a number of seconds")
    network.segment = seconds  # type: ignore[assignment]
    if not 0 < seconds <= LONGEST_SEGMENT:
        raise _mismatch(path, "segment", seconds, f"at most {LONGEST_SEGMENT:.0f} seconds")
    segment = spec.segment or int(spec.sample_rate * seconds)
    if is_hybrid_transformer(network) and segment > spec.sample_rate * seconds:
        raise _mismatch(path, "segment", segment, f"at most {float(seconds):g} seconds")
    overlap = DEMUCS_OVERLAP if spec.overlap is None else spec.overlap
    stride = max(1, int((1 - overlap) * segment))
    # Imports the package itself, which takes long.
    from stemlift.networks.quick_demucs import quicken

    network = quicken(network)
    valid_length: Callable[[int], int] = getattr(network, "valid_length", _same_length)
    return Member(network, spec.stems, segment, stride, valid_length, weights, normalise=True)


def _same_length(length: int) -> int:
    return length


def _require_equal(path: Path, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise _mismatch(path, what, found, f"{wanted}")


def _mismatch(path: Path, what: str, found: object, wanted: str) -> StemliftError:
    return StemliftError(
        Reason.CHECKPOINT_INVALID,
        f"The weights {path} are of another model: {what} is {found}, not {wanted}.",
        "Mend the model's entry, or get the file again from where it came.",
    )
