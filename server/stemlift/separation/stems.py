"""Which stems are computed, which are written, and which of them sum to the mix. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from stemlift.errors import Reason, StemliftError
from stemlift.separation.options import RemainderPolicy

INSTRUMENTAL = "instrumental"
REMAINDER = "remainder"
OTHER = "other"
VOCALS = "vocals"


@dataclass(frozen=True, slots=True)
class StemPlan:
    """The stems of one separation.

    model_stems: all stems of the model, in its order.
    written: names to write, in order.
    needed: model stems that must be computed.
    carrier: the model stem that takes what the model cannot place; it becomes
        mix - sum of all other model stems. None when nothing takes it.
    subtracted: stems whose sum is taken from the mix to make `remainder`: the model's stems
        that are written, all of them where none is.
    summing: written stems that are meant to sum to the mix; empty when none are.
    """

    model_stems: tuple[str, ...]
    written: tuple[str, ...]
    needed: tuple[str, ...]
    carrier: str | None
    subtracted: tuple[str, ...]
    summing: tuple[str, ...]


def available_stems(model_stems: tuple[str, ...]) -> tuple[str, ...]:
    """Every name that may be asked of a model with these stems."""
    derived = [REMAINDER]
    if VOCALS in model_stems and INSTRUMENTAL not in model_stems:
        derived.insert(0, INSTRUMENTAL)
    return (*model_stems, *derived)


def plan_stems(
    model_stems: tuple[str, ...], asked: tuple[str, ...], policy: RemainderPolicy, model: str
) -> StemPlan:
    """Settle what is computed and written.

    Args:
        asked: names to write; empty means every stem of the model.

    Raises:
        StemliftError: STEM_UNKNOWN, or ARGUMENT_INVALID where the names contradict the
            policy.
    """
    available = available_stems(model_stems)
    for name in asked:
        if name not in available:
            raise StemliftError(
                Reason.STEM_UNKNOWN,
                f"The model {model} gives no stem named {name!r}.",
                f"Choose from: {', '.join(available)}.",
            )
    written = list(dict.fromkeys(asked or model_stems))
    if REMAINDER in written and policy is RemainderPolicy.OTHER:
        # Who names it wants it by itself, not inside another stem.
        policy = RemainderPolicy.SEPARATE
    if REMAINDER in written and policy is RemainderPolicy.OFF:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            "The stem 'remainder' was asked for while the remainder is off.",
            "Use the remainder policy 'separate', or leave 'remainder' out of the stems.",
        )
    carrier = OTHER if policy is RemainderPolicy.OTHER and OTHER in model_stems else None
    own = tuple(name for name in written if name in model_stems)
    whole = len(own) == len(model_stems)
    wants_remainder = policy is RemainderPolicy.SEPARATE or (
        policy is RemainderPolicy.OTHER and carrier is None and whole
    )
    if wants_remainder and REMAINDER not in written:
        written.append(REMAINDER)

    derives_instrumental = INSTRUMENTAL in written and INSTRUMENTAL not in model_stems
    subtracted: tuple[str, ...] = ()
    if REMAINDER in written:
        subtracted = own or ((INSTRUMENTAL,) if derives_instrumental else model_stems)
    needed = set(own) | (set(subtracted) & set(model_stems))
    if derives_instrumental:
        needed.add(VOCALS)
    if carrier in needed:
        needed = set(model_stems)

    if REMAINDER in written:
        summing = (*subtracted, REMAINDER) if set(subtracted) <= set(written) else ()
    elif whole:
        summing = model_stems
    elif derives_instrumental and VOCALS in written:
        summing = (VOCALS, INSTRUMENTAL)
    else:
        summing = ()
    return StemPlan(
        model_stems=model_stems,
        written=tuple(written),
        needed=tuple(name for name in model_stems if name in needed),
        carrier=carrier if carrier in needed else None,
        subtracted=subtracted,
        summing=summing,
    )
