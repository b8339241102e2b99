"""Which stems of a model answer which true stems.

Models differ in what they name: one gives vocals and all the rest as `other`, another guitar
and piano beside `other`. Stems of one name are compared; `other` means something else in each,
so what is left of the model's stems is compared, as a sum, with what is left of the true ones.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_WITHOUT_MEANING = frozenset({"other", "remainder"})
INSTRUMENTAL = "instrumental"
REST = "rest"


@dataclass(frozen=True, slots=True)
class Pair:
    """label: what the figure is called. The stems whose sums are compared."""

    label: str
    references: tuple[str, ...]
    estimates: tuple[str, ...]


def pairs(references: Collection[str], estimates: Collection[str]) -> tuple[Pair, ...]:
    """What is compared, in the order of `references`; empty where nothing can be."""
    common = [name for name in references if name in estimates and name not in _WITHOUT_MEANING]
    true = tuple(name for name in references if name not in common)
    given = tuple(name for name in estimates if name not in common)
    found = {name: Pair(name, (name,), (name,)) for name in common}
    # Without a common stem, the sums of all would be compared: the mix with itself.
    if true and given and common:
        label = true[0] if len(true) == 1 else INSTRUMENTAL if common == ["vocals"] else REST
        found[true[0]] = Pair(label, true, given)
    return tuple(found[name] for name in references if name in found)
