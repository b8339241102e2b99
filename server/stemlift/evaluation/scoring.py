"""The figures of a song's stems against the true ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from stemlift.errors import Reason, StemliftError
from stemlift.evaluation.pairing import Pair, pairs
from stemlift.evaluation.recordings import Audio, Recording
from stemlift.quality.bss_eval import bss_eval
from stemlift.quality.sdr import LIMIT_DB, sdr, si_sdr

SILENT = 1e-6
"""A stem with less than this share of the mix's energy, −60 dB, has no SDR. Neither has one
that all others together are so far below: there is nothing to separate it from."""


_UNANSWERED = "\0"
"""No stem's name."""


class Metric(StrEnum):
    """SDR: SDR and SI-SDR of the whole song. BSS: BSS Eval v4, medians over seconds."""

    SDR = "sdr"
    BSS = "bss"

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures, the leading one first."""
        return ("sdr", "si_sdr") if self is Metric.SDR else ("sdr", "isr", "sir", "sar")


@dataclass(frozen=True, slots=True)
class StemScore:
    """Figures of one stem of a song in dB, by name; None where there is none.

    frames: of BSS Eval, the figures of each second.
    """

    stem: str
    values: dict[str, float | None]
    frames: dict[str, tuple[float | None, ...]] = field(default_factory=dict)


def score(
    metric: Metric,
    truth: Recording,
    estimates: Mapping[str, Audio],
    check: Callable[[], None] = lambda: None,
) -> tuple[StemScore, ...]:
    """Compare estimates with the stems of a song, as `pairing` pairs them.

    Args:
        estimates: by the names that the model gives, of the shape of the song.
        check: called now and then; what it raises ends it.

    Raises:
        StemliftError: ARGUMENT_INVALID where no name is common.
    """
    compared = pairs(tuple(truth.stems), tuple(estimates))
    if not compared:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The model gives {', '.join(estimates)}, the song has {', '.join(truth.stems)}.",
            "Name the files of the song as the model names its stems.",
        )
    if metric is Metric.SDR:
        return _global(truth, estimates, compared, check)
    return _bss(truth, estimates, compared, check)


def _global(
    truth: Recording,
    estimates: Mapping[str, Audio],
    compared: Sequence[Pair],
    check: Callable[[], None],
) -> tuple[StemScore, ...]:
    least = SILENT * _energy(truth.mixture)
    whole = _sum(truth.stems, tuple(truth.stems))
    scores = []
    for pair in compared:
        check()
        reference = _sum(truth.stems, pair.references)
        values: dict[str, float | None] = dict.fromkeys(Metric.SDR.figures)
        if _energy(reference) > least and _energy(whole - reference) > least:
            estimate = _sum(estimates, pair.estimates)
            for name, measure in (("sdr", sdr), ("si_sdr", si_sdr)):
                found = measure(reference, estimate)
                # One that is exact would outweigh all others in a mean.
                values[name] = found if abs(found) < LIMIT_DB else None
        scores.append(StemScore(pair.label, values))
    return tuple(scores)


def _bss(
    truth: Recording,
    estimates: Mapping[str, Audio],
    compared: Sequence[Pair],
    check: Callable[[], None],
) -> tuple[StemScore, ...]:
    references = {pair.label: _sum(truth.stems, pair.references) for pair in compared}
    guesses = {pair.label: _sum(estimates, pair.estimates) for pair in compared}
    labels = tuple(references)
    answered = {name for pair in compared for name in pair.references}
    unanswered = tuple(name for name in truth.stems if name not in answered)
    if unanswered:
        # What comes from them is interference, too, though the model gives nothing for them.
        references[_UNANSWERED] = _sum(truth.stems, unanswered)
        guesses[_UNANSWERED] = truth.mixture - _sum(estimates, tuple(estimates))
    # A stem that is silent throughout would leave no second of any stem to be measured.
    sounding = {name: sound for name, sound in references.items() if sound.any()}
    given = {name: guesses[name] for name in sounding}
    found = bss_eval(sounding, given, truth.rate, check) if sounding else {}
    scores = []
    for name in labels:
        values: dict[str, float | None] = dict.fromkeys(Metric.BSS.figures)
        frames: dict[str, tuple[float | None, ...]] = {}
        if name in found:
            median = found[name].median()
            for figure in Metric.BSS.figures:
                values[figure] = _told(getattr(median, figure))
                frames[figure] = tuple(map(_told, getattr(found[name], figure)))
        scores.append(StemScore(name, values, frames))
    return tuple(scores)


def _sum(sounds: Mapping[str, Audio], names: Sequence[str]) -> Audio:
    if len(names) == 1:
        return sounds[names[0]]
    total: Audio = np.sum(np.stack([sounds[name] for name in names]), axis=0)
    return total


def _energy(sound: Audio) -> float:
    return float(np.sum(np.square(sound, dtype=np.float64)))


def _told(value: float) -> float | None:
    """JSON has neither infinity nor NaN."""
    return float(value) if math.isfinite(value) else None
