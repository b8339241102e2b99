"""An ensemble's members have the shares that its entry says."""

from __future__ import annotations

import pytest
from torch import nn

from stemlift.models.ensemble import combine
from stemlift.models.entry import ModelEntry
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import ModelSpec, Network, Origin

FOUR = ("drums", "bass", "other", "vocals")


def spec(name: str, stems: tuple[str, ...] = FOUR) -> ModelSpec:
    entry = ModelEntry(
        name=name, network=Network.DEMUCS, stems=stems, files=({"name": "a.safetensors"},)
    )
    return entry.spec(Origin.USER)


def loaded(model: ModelSpec, *rows: tuple[float, ...]) -> LoadedModel:
    members = (
        Member(nn.Identity(), model.stems, 10, 5, lambda length: length, row) for row in rows
    )
    return LoadedModel(model, tuple(members))


def ensemble(sources: dict[str, object], stems: tuple[str, ...] = FOUR) -> ModelSpec:
    entry = ModelEntry.model_validate(
        {"name": "both", "network": "ensemble", "stems": stems, "sources": sources}
    )
    return entry.spec(Origin.USER)


def test_one_stem_from_one_model_and_the_rest_from_another() -> None:
    parts = {
        "a": loaded(spec("a", ("vocals", "other")), (1.0, 1.0)),
        "b": loaded(spec("b"), (1.0,) * 4),
    }
    model = combine(ensemble({"vocals": "a", "rest": "b"}), parts)
    assert [member.weights for member in model.members] == [(1, 1, 1, 0), (0, 0, 0, 1)]
    assert [member.stems for member in model.members] == [FOUR, ("vocals", "other")]


def test_a_bag_has_its_share_between_its_members() -> None:
    identity = tuple(tuple(float(row == column) for column in range(4)) for row in range(4))
    parts = {
        "a": loaded(spec("a"), (1.0,) * 4, (3.0,) * 4),
        "b": loaded(spec("b"), *identity),
    }
    model = combine(ensemble({"rest": {"a": 1.0, "b": 2.0}}), parts)
    assert [member.weights for member in model.members] == [
        (0.25,) * 4,
        (0.75,) * 4,
        (2, 0, 0, 0),
        (0, 2, 0, 0),
        (0, 0, 2, 0),
        (0, 0, 0, 2),
    ]


def test_a_member_that_gives_nothing_is_left_out() -> None:
    parts = {
        "a": loaded(spec("a"), (1.0, 0, 0, 0), (0, 0, 0, 1.0)),
        "b": loaded(spec("b"), (1.0,) * 4),
    }
    model = combine(ensemble({"vocals": "a", "rest": "b"}), parts)
    assert [member.weights for member in model.members] == [(1, 1, 1, 0), (0, 0, 0, 1)]
    assert model.members[1].network is parts["a"].members[1].network


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"vocals": "a"}, "no model for the stem “drums”"),
        ({"guitar": "a", "rest": "b"}, "“guitar” is not among the stems"),
        ({"rest": {}}, "no model for the stem “rest”"),
        ({"rest": {"a": 0}}, "greater than 0"),
        ({}, "sources belong to an ensemble"),
    ],
)
def test_wrong_sources_are_refused(sources: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ensemble(sources)
