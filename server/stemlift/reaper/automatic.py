"""Which model `auto` means where stems are asked for that its choice does not give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.plan import Plan
from stemlift.rpc.model_results import ModelInfo

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Choice:
    """said: a sentence for the user; "" where the usual choice will do."""

    model: str
    said: str = ""


def choose(models: Sequence[ModelInfo], stems: Sequence[str]) -> Choice:
    """The model to ask for, so that it gives all of `stems`. Never one that must be fetched.

    Args:
        models: of the server, the best first.

    Raises:
        StemliftError: MODEL_NOT_INSTALLED where only models that are not here give them,
            STEM_UNKNOWN where none does.
    """
    able = [model for model in models if _gives(model, stems)]
    usual = next((model for model in models if model.auto_choice), None)
    # A server that names no choice says itself what is wrong.
    if usual is None or usual in able:
        return Choice(AUTO)
    here = next((model for model in able if model.installed), None)
    lacking = _listed([stem for stem in stems if not _gives(usual, [stem])])
    if here is not None:
        return Choice(
            here.name,
            f"{usual.name}, the automatic model, gives no {lacking}: {here.name} was taken.",
        )
    if able:
        raise StemliftError(
            Reason.MODEL_NOT_INSTALLED,
            f"No model that is installed gives {_listed(stems, ' and ')}.",
            f"Fetch one that does: `stemlift models pull {able[0].name} --yes`, then try again.",
        )
    raise StemliftError(
        Reason.STEM_UNKNOWN,
        f"No model gives {_listed(stems, ' and ')}.",
        f"Choose from those of {usual.name}: {', '.join(_offered(usual))}.",
    )


def with_model(plan: Plan, choice: Choice) -> Plan:
    """The plan with that model in its automatic jobs. Their keys, and so their names, stay."""
    jobs = tuple(
        job.model_copy(update={"model": choice.model}) if job.model == AUTO else job
        for job in plan.jobs
    )
    notices = dict.fromkeys((*plan.notices, choice.said))
    return plan.model_copy(update={"jobs": jobs, "notices": tuple(notices)})


def _gives(model: ModelInfo, stems: Sequence[str]) -> bool:
    return set(stems) <= set(_offered(model))


def _offered(model: ModelInfo) -> tuple[str, ...]:
    """Its stems, and what the server makes of them: any model leaves a remainder."""
    derived = ["instrumental"] if "vocals" in model.stems else []
    return tuple(dict.fromkeys((*model.stems, *derived, "remainder")))


def _listed(stems: Sequence[str], joint: str = " or ") -> str:
    return joint.join(stems)
