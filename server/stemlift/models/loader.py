"""From a catalogue entry to a model in memory."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from torch import nn

from stemlift.errors import Reason, StemliftError
from stemlift.models.bag import LONGEST_SEGMENT, Bag, read_bag, stem_weights
from stemlift.models.checkpoint import load_demucs_safetensors
from stemlift.models.hub import ModelStore
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import ModelSpec
from stemlift.networks.demucs import is_hybrid_transformer

DEMUCS_OVERLAP = 0.25
"""Share of a segment that the next one repeats: the default of `demucs.apply.apply_model`."""

SPECTRAL_HOPS = 768
"""Length of a segment of the spectral network in hops: 17.8 s at 44.1 kHz."""


def load_model(
    spec: ModelSpec,
    store: ModelStore,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> LoadedModel:
    """Load `spec`, fetching its weights first where they are not here.

    Args:
        progress: bytes done and bytes in all of the download; not called without one.
        cancelled: polled between files and during a download.

    Raises:
        StemliftError: as `ModelStore.fetch`; CHECKPOINT_INVALID for weights that are
            damaged, hostile or of another model than `spec` says; CANCELLED.
    """
    if spec.network == "spectral":
        return _load_spectral(spec)
    files = store.fetch(spec, progress, cancelled)
    bag = read_bag(files.bag)
    weights = stem_weights(bag, spec.stems, files.bag)
    members = []
    for path, row in zip(files.members, weights, strict=True):
        if cancelled():
            raise StemliftError(Reason.CANCELLED, f"Loading {spec.name} was cancelled.")
        members.append(_demucs_member(load_demucs_safetensors(path), row, bag, spec, path))
    return LoadedModel(spec, tuple(members), normalise=True)


def _load_spectral(spec: ModelSpec) -> LoadedModel:
    from stemlift.networks.spectral import Spectral

    network = Spectral(spec.sample_rate).eval().requires_grad_(False)
    segment = SPECTRAL_HOPS * network.hop
    stride = SPECTRAL_HOPS * 3 // 4 * network.hop
    equal = (1.0,) * len(spec.stems)
    member = Member(network, segment, stride, lambda _: segment, equal)
    return LoadedModel(spec, (member,), normalise=False)


def _demucs_member(
    network: nn.Module, weights: tuple[float, ...], bag: Bag, spec: ModelSpec, path: Path
) -> Member:
    """Segment, stride and padding as `demucs.apply.apply_model` takes them."""
    _require_equal(path, "stems", getattr(network, "sources", None), list(spec.stems))
    _require_equal(path, "sample rate", getattr(network, "samplerate", None), spec.sample_rate)
    _require_equal(path, "channels", getattr(network, "audio_channels", None), 2)
    seconds = getattr(network, "segment", None)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | Fraction):
        raise _mismatch(path, "segment", seconds, "a number of seconds")
    # The transformer cannot take more than it was trained on: `demucs.apply.BagOfModels`.
    if bag.segment is not None and (not is_hybrid_transformer(network) or bag.segment <= seconds):
        seconds = bag.segment
        network.segment = seconds  # type: ignore[assignment]
    if not 0 < seconds <= LONGEST_SEGMENT:
        raise _mismatch(path, "segment", seconds, f"at most {LONGEST_SEGMENT:.0f} seconds")
    segment = int(spec.sample_rate * seconds)
    stride = int((1 - DEMUCS_OVERLAP) * segment)
    valid_length: Callable[[int], int] = getattr(network, "valid_length", _same_length)
    return Member(network, segment, stride, valid_length, weights)


def _same_length(length: int) -> int:
    return length


def _require_equal(path: Path, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise _mismatch(path, what, found, f"{wanted}")


def _mismatch(path: Path, what: str, found: object, wanted: str) -> StemliftError:
    return StemliftError(
        Reason.CHECKPOINT_INVALID,
        f"The weights {path} are of another model: {what} is {found}, not {wanted}.",
        "Delete the file and run the job again, so that it is fetched anew.",
    )
