"""Weights that a training begins with."""

from __future__ import annotations

from pathlib import Path

from stemlift.models.catalogue import parse_catalogue
from stemlift.training.starting import starting_weights

CATALOGUE = """
[[models]]
name = "small"
network = "compact"
stems = ["drums", "bass", "other", "vocals"]
rank = 1
built_in = true
files = [{ name = "small-1.safetensors", size = 3, sha256 = "SUM" }]
""".replace("SUM", "0" * 64)


def test_a_model_that_ships_is_meant_by_its_name(tmp_path: Path) -> None:
    catalogue = parse_catalogue(CATALOGUE, tmp_path / "built")

    named = starting_weights(Path("small"), tmp_path, catalogue)

    assert named == tmp_path / "built" / "small-1.safetensors"


def test_a_file_of_that_name_comes_first(tmp_path: Path) -> None:
    catalogue = parse_catalogue(CATALOGUE, tmp_path / "built")
    (tmp_path / "small").write_bytes(b"mine")

    assert starting_weights(Path("small"), tmp_path, catalogue) == tmp_path / "small"


def test_other_words_are_paths(tmp_path: Path) -> None:
    catalogue = parse_catalogue(CATALOGUE, tmp_path / "built")

    found = starting_weights(Path("first.safetensors"), tmp_path, catalogue)

    assert found == tmp_path / "first.safetensors"
    assert starting_weights(tmp_path / "small", Path("elsewhere"), catalogue) == tmp_path / "small"
