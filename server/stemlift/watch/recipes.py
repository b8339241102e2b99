"""Which recipe a song has, by the folders that it lies in."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from stemlift.watch.recipe import Recipe

RECIPE_FILE = "stemlift.toml"


class Recipes:
    """The recipes of one inbox; files that change are read again.

    base: from the settings or the command line.
    models: names that make a folder mean a model.
    allow_delete: whether a recipe may delete originals; only the user's settings say so.

    Raises:
        StemliftError: ARGUMENT_INVALID where `base` deletes and `allow_delete` is not set.
    """

    def __init__(
        self, inbox: Path, base: Recipe, *, models: Collection[str], allow_delete: bool = False
    ) -> None:
        self._inbox = inbox
        self._base = base
        self.models = frozenset(models)
        self._allow_delete = allow_delete

    def of(self, relative: str) -> Recipe:
        """The recipe of a file, whose path is as `Seen.relative` gives it.

        Raises:
            StemliftError: RECIPE_INVALID, naming the file and the field.
        """
        raise NotImplementedError
