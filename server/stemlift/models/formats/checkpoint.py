"""What every reader of a format gives: a network's kind, its arguments and its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stemlift.models.formats.tensors import Stored
from stemlift.models.loaded import Seams
from stemlift.models.spec import Network


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that has been read, its tensors perhaps still on disk.

    network: which of `models.architectures` it is for.
    config: arguments of that architecture's configuration, values as JSON has them.
    tensors: by the names of the network's state dict.
    stems: what the network gives, in its order; () where the file does not say.
    complement: name of the stem that is the mix less all others, after `stems`; or None.
    sample_rate: in Hz; None where the file does not say.
    segment: length of an input in samples; None where the file does not say.
    overlap: share of a segment that the next one repeats; None where the file does not say.
    seams: how its reference joins segments.
    normalise: its reference shifts and scales the input by the whole song's mean and deviation.
    warnings: plain sentences on what the file asks for and Stemlift does not do.
    """

    network: Network
    config: Mapping[str, Any]
    tensors: Mapping[str, Stored]
    stems: tuple[str, ...] = ()
    complement: str | None = None
    sample_rate: int | None = None
    segment: int | None = None
    overlap: float | None = None
    seams: Seams = Seams.TRIANGLE
    normalise: bool = False
    warnings: tuple[str, ...] = field(default=())


def with_rest(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint, and where it gives a single stem, the rest of the mix as another.

    One stem alone leaves nothing for a mask to share out, and no sum to hold.
    """
    if len(checkpoint.stems) != 1 or checkpoint.complement is not None:
        return checkpoint
    return replace(checkpoint, complement=rest_of(checkpoint.stems[0]))


def rest_of(stem: str) -> str:
    """The name for all of the mix but `stem`, where a file has none for it."""
    return "rest" if stem == "other" else "other"
