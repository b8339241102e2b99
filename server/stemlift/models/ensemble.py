"""Several models as one: the weighted mean of their stems, wave by wave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import ModelSpec


def combine(spec: ModelSpec, parts: Mapping[str, LoadedModel]) -> LoadedModel:
    """The ensemble `spec` of loaded models, whose networks it shares.

    A bag's own mean counts as one part: its members have between them the weight that the
    ensemble gives to the bag.

    Args:
        parts: by name, all that `spec.part_names` says.
    """
    members: list[Member] = []
    for name in spec.part_names:
        model = parts[name]
        totals = _totals(model)
        for member in model.members:
            shares = dict(zip(model.spec.stems, member.weights, strict=True))
            weights = tuple(
                weight * shares[stem] / totals[stem] if (weight := _weight(spec, stem, name)) else 0
                for stem in spec.stems
            )
            if any(weights):
                members.append(replace(member, weights=weights))
    return LoadedModel(spec, tuple(members))


def _weight(spec: ModelSpec, stem: str, model: str) -> float:
    parts = dict(spec.sources)[stem]
    return sum(part.weight for part in parts if part.model == model)


def _totals(model: LoadedModel) -> dict[str, float]:
    columns = zip(*(member.weights for member in model.members), strict=True)
    return {stem: sum(column) for stem, column in zip(model.spec.stems, columns, strict=True)}
