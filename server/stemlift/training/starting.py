"""The weights that a training begins with: a file, or a model that ships with Stemlift."""

from __future__ import annotations

from pathlib import Path

from stemlift.models.catalogue import Catalogue, load_catalogue


def starting_weights(told: Path, beside: Path, catalogue: Catalogue | None = None) -> Path:
    """The file that `told` means.

    Args:
        told: a path, or the name of a built-in model, such as `compact`.
        beside: where relative paths begin.
        catalogue: that of Stemlift, unless another is given.
    """
    models = (catalogue or load_catalogue()).models
    named = next((each for each in models if each.built_in and each.name == str(told)), None)
    if named is None or named.folder is None or (beside / told).exists():
        return beside / told
    return named.folder / named.files[0].name
