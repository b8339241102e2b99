"""YAML that is meant to harm, through every reader of a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.models.formats.safe_yaml import read_yaml
from stemlift.models.formats.tensors import InvalidCheckpointError


def bomb_of_lists() -> str:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    return "\n".join(lines)


def bomb_of_merges() -> str:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 60)]
    return "\n".join(lines)


HARMFUL = {
    "lists": bomb_of_lists(),
    "merges": bomb_of_merges(),
    "cycle": "a: &a [*a]",
    "deep": "a: " + "[" * 50 + "]" * 50,
    "deeper": "a: " + "[" * 100_000,
    "blocks": "\n".join(" " * n + "a:" for n in range(400)),
    "long": "a: " + "x" * 300_000,
    "cut": "a: [1, 2",
    "date": "a: 2024-99-99",
    "digits": "a: " + "9" * 10_000,
    "key": "? [1, 2]\n: 3",
    "list": "- just\n- a list",
    "empty": "",
    "binary": "\x00\x01",
    "two": "a: 1\n---\nb: 2",
}


@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)
def test_yaml_that_is_none_or_a_bomb_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidCheckpointError):
        read_yaml(path)


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.mkdir ['{mark}']",
        "!!python/object/new:os.mkdir ['{mark}']",
        "!!python/name:os.mkdir",
        "!!python/module:os",
        "!!python/tuple {{a: 1}}",
        "!!python/tuple 3",
    ],
)
def test_yaml_that_asks_for_objects_is_refused(value: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"feature_dim: {value.format(mark=tmp_path / 'ran')}\n", encoding="utf-8")
    with pytest.raises(InvalidCheckpointError, match="asks for more than plain values"):
        read_yaml(path)
    assert not (tmp_path / "ran").exists()


def test_plain_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "hop: &hop 64\nagain: *hop\nsizes: !!python/tuple [1, 2]\nbase: &base {a: 1}\n"
        "more:\n  <<: *base\n  eps: 1e-7\n  day: 2024-02-29\n",
        encoding="utf-8",
    )
    values = read_yaml(path)
    assert (values["again"], values["sizes"]) == (64, [1, 2])
    assert values["more"]["a"] == 1
    assert values["more"]["eps"] == "1e-7"


def test_json_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"feature_dim": 8, "targets": ["vocals"], "stereo": null}', encoding="utf-8")
    assert read_yaml(path) == {"feature_dim": 8, "targets": ["vocals"], "stereo": None}


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "none.yaml")
