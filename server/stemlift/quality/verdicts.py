"""What measurements mean, in plain words, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from stemlift.quality.decibels import FLOOR_DB, power_db
from stemlift.quality.measure import Measurements, Sound

Level = Literal["good", "fair", "poor"]

NULL_GOOD, NULL_FAIR = -90.0, -60.0
"""Below the steps of 16 bits nothing is heard of what is left, at any level of listening; 60 dB
down it hides under the quietest passages of most mixes."""

BALANCE_GOOD, BALANCE_FAIR = 0.1, 1.0
"""A tenth of a decibel is what a fader shows, one is what people hear of a level in a mix."""

EXCESS_GOOD = 1.5
"""Half of the 3 dB by which two equal halves of a mix fall short of it."""

BLEED_GOOD, BLEED_FAIR = -25.0, -15.0
"""At 25 dB below it a stem mostly covers what leaks into it; 15 dB below, the leak is plainly
heard as soon as the stem is alone."""

RIPPLE_GOOD, RIPPLE_FAIR = 0.5, 1.5
"""About a decibel over broad bands is where listeners begin to notice coloration."""

MONO_GOOD, MONO_FAIR = -4.0, -6.0
"""Channels that have nothing to do with each other lose 3 dB, so that much is no fault; 6 dB
are a quarter of the power left: more cancels than stays."""

HIGHS_GOOD, HIGHS_FAIR = -1.0, -6.0
"""Dull by one decibel is hardly heard up there; by six, air and cymbals are."""

SMEAR_GOOD, SMEAR_FAIR = 1.0, 6.0
"""What comes before an attack is masked by it only partly and for a few milliseconds; when it
has four times the energy that the mix has there, an attack is a swell."""

CLOSED = 0.0
"""dBTP: above it a converter may clip between samples."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """stem: "" for all of them together. value: the figure with its unit. advice: "" where
    nothing is to be done."""

    metric: str
    stem: str
    level: Level
    value: str
    sentence: str
    advice: str = ""


def verdicts(found: Measurements, *, whole: bool = True) -> tuple[Verdict, ...]:
    """Of the whole first, then of each stem in its order.

    Args:
        whole: whether the stems are meant to be the mix together; else nothing is said of how
            their sum stands against it.
    """
    summed = found if whole else replace(found, with_mix=False, null=None)
    out = [*_null(summed), *_balance(summed), *_highs(summed)]
    for name, sound in found.stems.items():
        if sound.peak_dbfs <= FLOOR_DB:
            out.append(_silent(name))
            continue
        out += [
            _bleed(found, name),
            _phase(found, name),
            *_mono(name, sound),
            *_smear(found, name),
            *_cut(name, sound),
            _clipping(found, name, sound),
            _loudness(name, sound),
        ]
    return tuple(out)


def worst(levels: Iterable[Level]) -> Level:
    """The worst of them; good where there are none."""
    order: tuple[Level, ...] = ("good", "fair", "poor")
    return max(levels, key=order.index, default="good")


def decibels(value: float, digits: int = 1) -> str:
    """A figure in dB; none at all where it is the floor."""
    if value <= FLOOR_DB:
        return "none"
    text = f"{value:.{digits}f}".replace("-", "−")
    return f"{text.removeprefix('−') if round(value, digits) == 0 else text} dB"


def total_bleed_db(found: Measurements, stem: str) -> float:
    """All that is found of other stems in one, relative to its level."""
    total = sum(10.0 ** (leak.in_stem_db / 10.0) for leak in found.leaks_into(stem))
    return power_db(total) if total > 10.0 ** (FLOOR_DB / 10.0) * 100 else FLOOR_DB


def _grade(value: float, good: float, fair: float) -> Level:
    """Where less is better."""
    return "good" if value <= good else "fair" if value <= fair else "poor"


def _null(found: Measurements) -> Iterator[Verdict]:
    if found.null is None:
        return
    depth = found.null.peak_db
    level = _grade(depth, NULL_GOOD, NULL_FAIR)
    value = "exact" if depth <= FLOOR_DB else decibels(depth)
    if level == "good":
        told = "The stems add up to the mix" + (", to the last bit." if value == "exact" else ".")
        yield Verdict("null", "", level, value, told)
        return
    yield Verdict(
        "null",
        "",
        level,
        value,
        "The stems do not quite add up to the mix."
        if level == "fair"
        else "The stems do not add up to the mix: a part of it is in none of them, or in several,"
        " or a stem was changed.",
        "Write all stems, with `--remainder other` or `separate`, if you want to play them"
        " together.",
    )


def _balance(found: Measurements) -> Iterator[Verdict]:
    shift, excess = found.balance.sum_db, found.balance.excess_db
    if found.with_mix and shift > FLOOR_DB:
        level = _grade(abs(shift), BALANCE_GOOD, BALANCE_FAIR)
        told = (
            "Together the stems are as loud as the mix."
            if level == "good"
            else f"Together the stems are {'louder' if shift > 0 else 'quieter'} than the mix."
        )
        advice = "" if level == "good" else "Look at the null: a stem is missing, or was changed."
        yield Verdict("level balance", "", level, decibels(shift), told, advice)
    if abs(excess) > EXCESS_GOOD:
        told = (
            "Stems cancel each other when they are played together: alone they are louder than"
            " they ought to be."
            if excess > 0
            else "Stems share sound: a part of it is in more than one of them."
        )
        yield Verdict(
            "shared sound",
            "",
            "fair" if abs(excess) <= 2 * EXCESS_GOOD else "poor",
            decibels(excess) if excess < -FLOOR_DB else "all of it",
            told,
            "Take a better model; until then, process stems that share sound as a group.",
        )


def _highs(found: Measurements) -> Iterator[Verdict]:
    if found.high_loss_db is None or not found.with_mix:
        return
    # Stems that are quieter as a whole are not dull, too: the level balance tells that.
    loss = found.high_loss_db - max(found.balance.sum_db, FLOOR_DB / 2)
    level = _grade(-loss, -HIGHS_GOOD, -HIGHS_FAIR)
    if level == "good":
        yield Verdict("highs", "", level, decibels(loss), "The top end is all there.")
        return
    yield Verdict(
        "highs",
        "",
        level,
        decibels(loss),
        "Together the stems are duller than the mix above 16 kHz.",
        "Separate again with `--remainder other`, which keeps what lies above the model's band;"
        " or layer the mix, high-passed at 16 kHz, under the stems.",
    )


def _silent(name: str) -> Verdict:
    return Verdict(
        "loudness",
        name,
        "fair",
        "silent",
        "There is nothing in this stem.",
        "Either the song has no such part, or the model does not know it: listen to the others.",
    )


def _bleed(found: Measurements, name: str) -> Verdict:
    total = total_bleed_db(found, name)
    level = _grade(total, BLEED_GOOD, BLEED_FAIR)
    heard = [leak for leak in found.leaks_into(name) if leak.in_stem_db > FLOOR_DB]
    if level == "good" or not heard:
        return Verdict("bleed", name, level, decibels(total), "Next to nothing of other stems.")
    source = heard[0].source
    return Verdict(
        "bleed",
        name,
        level,
        decibels(total),
        f"It holds {'some' if level == 'fair' else 'a lot'} of the stem {source}.",
        f"Cut gently by EQ where {source} is loudest rather than gating, which makes the bleed"
        " come and go."
        if level == "fair"
        else f"Take a better model, or an ensemble; a gate will not help while {source} plays.",
    )


def _phase(found: Measurements, name: str) -> Verdict:
    value = found.ripple.shifted_db[name]
    level = _grade(value, RIPPLE_GOOD, RIPPLE_FAIR)
    if level == "good":
        told, advice = "It can be processed by itself without the mix going hollow.", ""
    else:
        told = (
            "Processed by itself it may colour the mix a little."
            if level == "fair"
            else "Processed by itself it makes the mix sound hollow: other stems hold its sound."
        )
        advice = (
            "Keep plug-in delay compensation on and use the same latency on all stems; EQ with"
            " gentle slopes rather than steep ones, or process it as a group with the stems it"
            " shares sound with."
        )
    return Verdict("phase", name, level, decibels(value, 2), told, advice)


def _mono(name: str, sound: Sound) -> Iterator[Verdict]:
    # What is too short or too quiet to have a loudness is not heard in mono either.
    if sound.stereo is None or sound.loudness.integrated_lufs is None:
        return
    change = sound.stereo.mono_change_db
    level = _grade(-change, -MONO_GOOD, -MONO_FAIR)
    if level == "good":
        yield Verdict("mono", name, level, decibels(change), "It keeps its level in mono.")
        return
    yield Verdict(
        "mono",
        name,
        level,
        decibels(change),
        "It loses level in mono: much of it is in opposite phase."
        if level == "poor"
        else "It is wide, and loses some level in mono.",
        "Check your mix in mono; narrow this stem, below 200 Hz first.",
    )


def _smear(found: Measurements, name: str) -> Iterator[Verdict]:
    smear = found.smears.get(name)
    if smear is None:
        return
    level = _grade(smear.loss_db, SMEAR_GOOD, SMEAR_FAIR)
    if level == "good":
        told, advice = "Its attacks are as sharp as in the mix.", ""
    else:
        told = "Its attacks are softer than in the mix: there is sound before them."
        advice = (
            "Layer a sample or the mix's own attack under it, or sharpen it with a transient"
            " shaper; a model of waveforms, such as htdemucs, smears less than one of"
            " spectrograms."
        )
    yield Verdict("attacks", name, level, decibels(smear.loss_db), told, advice)


def _cut(name: str, sound: Sound) -> Iterator[Verdict]:
    if sound.cutoff_hz is None:
        return
    yield Verdict(
        "highs",
        name,
        "fair",
        f"up to {sound.cutoff_hz / 1000:.1f} kHz",
        f"It ends at {sound.cutoff_hz / 1000:.1f} kHz, and the mix does not.",
        "What is above is in the stem that takes the remainder. Layer a little of it,"
        " high-passed there, or let an exciter make new highs.",
    )


def _clipping(found: Measurements, name: str, sound: Sound) -> Verdict:
    runs = sound.clipping.runs
    value = f"{runs} place{'s' * (runs != 1)}" if runs else "none"
    if not runs:
        return Verdict("clipping", name, "good", value, "Nothing is cut off at full scale.")
    if runs <= found.mix.clipping.runs or sound.clipping.over:
        told = (
            "It goes beyond full scale, which its float file keeps."
            if sound.clipping.over
            else "It touches full scale where the mix does."
        )
        return Verdict("clipping", name, "fair", value, told, "Turn it down before any plug-in.")
    return Verdict(
        "clipping",
        name,
        "poor",
        value,
        "It was cut off at full scale.",
        "Separate again to 32-bit float, or turn the song down by 3 dB first.",
    )


def _loudness(name: str, sound: Sound) -> Verdict:
    lufs = sound.loudness.integrated_lufs
    value = "below −70 LUFS" if lufs is None else f"{lufs:.1f} LUFS".replace("-", "−")
    if sound.loudness.true_peak_dbtp > CLOSED and not math.isinf(sound.loudness.true_peak_dbtp):
        return Verdict(
            "loudness",
            name,
            "fair",
            value,
            "Its true peaks pass full scale.",
            "Leave a decibel of headroom before you export it to a lossy format.",
        )
    return Verdict("loudness", name, "good", value, "Its peaks have room.")
