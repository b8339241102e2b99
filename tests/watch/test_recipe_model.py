"""A recipe by itself: what it accepts, and which of its keys change the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stemlift.rpc.requests import build_request
from stemlift.separation.naming import stem_file
from stemlift.watch.recipe import Recipe

TEMPLATES = ["{song} - {stem}", "{stem}", "{stem} of {song}", "{song}.{stem}", "x {stem} y"]


def test_a_recipe_of_nothing_is_what_the_server_does_by_itself() -> None:
    plain, asked = build_request("/a.wav"), build_request("/a.wav", **Recipe().options())
    plain.spec.name_template = "{song} - {stem}"
    plain.request_id = asked.request_id = ""
    assert asked == plain


def test_every_key_arrives_in_the_request() -> None:
    recipe = Recipe.model_validate(
        {
            "model": "htdemucs_6s",
            "stems": ["vocals", "guitar"],
            "format": "flac",
            "name": "{stem}",
            "remainder": "separate",
            "mask": "ratio",
            "precision": "fp32",
            "channels": [0, 1],
        }
    )
    spec = build_request("/a.wav", **recipe.options()).spec
    wanted = build_request(
        "/a.wav",
        model="htdemucs_6s",
        stems=["vocals", "guitar"],
        format="flac",
        name_template="{stem}",
        remainder="separate",
        mask="ratio",
        precision="fp32",
        channels=(0, 1),
    ).spec
    assert spec == wanted


@pytest.mark.parametrize(
    "change",
    [
        *({"model": "spectral"}, {"stems": ("vocals",)}, {"format": "flac"}, {"name": "{stem}"}),
        *({"also": ("rpp",)}, {"remainder": "off"}, {"mask": "binary"}, {"precision": "bf16"}),
        *({"channels": 0}, {"channels": "swap"}),
    ],
)
def test_what_changes_the_result_changes_the_digest(change: dict[str, Any]) -> None:
    assert Recipe(**change).digest() != Recipe().digest()


def test_what_changes_nothing_in_the_result_keeps_the_digest() -> None:
    one = Recipe(stems=("vocals", "drums"), also=("flac", "rpp"), original="done")
    two = Recipe(stems=("drums", "vocals", "drums"), also=("rpp", "flac"))
    assert one.digest() == two.digest()
    assert len(one.digest()) == 64


def test_the_digest_stays_the_same_from_one_version_to_the_next() -> None:
    """Ledgers keep it for months: a change here separates everything anew."""
    assert Recipe().digest() == ("07c46c39b09571a5f4babdcb805f25eb20d903bb031425b68915825f3096ac95")


@pytest.mark.parametrize(
    "template",
    [
        *("{song}", "", "../{stem}", "a/{stem}", "a\\{stem}", "/{stem}", "C:{stem}", "{stem}:x"),
        *("{stem}.", ".{stem}", "{stem} ", " {stem}", "{stem}\n", "{stem}?", "x" * 200 + "{stem}"),
        *("CON.{stem}", "nul .{stem}", "{title} - {stem}", "{}{stem}"),
    ],
)
def test_no_template_leaves_its_folder(template: str) -> None:
    with pytest.raises(ValidationError):
        Recipe(name=template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_server_takes_every_template_that_a_recipe_takes(template: str) -> None:
    name = stem_file(Path("out"), Path("s" * 200), "vocals", "wav", Recipe(name=template).name)
    assert name.parent == Path("out")


@pytest.mark.parametrize(
    "change",
    [
        *({"modell": "x"}, {"model": 3}, {"model": "../x"}, {"stems": "vocals"}, {"stems": [1]}),
        *({"stems": ["a/b"]}, {"format": "mp3"}, {"also": ["zip"]}, {"channels": True}),
        *({"channels": [0, 1, 2]}, {"channels": -1}, {"mask": "soft"}, {"original": "move"}),
    ],
)
def test_wrong_keys_and_values_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(change)
