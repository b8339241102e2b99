"""What all benchmarks share: their options, their runs, and the file that each writes."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from . import machine
from .places import QUICK, RESULTS

_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for.

    quick: short songs and few runs: to see that it works; its figures are not kept.
    runs: of everything, one after the other in turn.
    file: for the result.
    busy: share of the machine that others took before, 0 to 1.
    """

    name: str
    quick: bool
    runs: int
    file: Path
    busy: float


def order(name: str, about: str, runs: int, argv: Sequence[str] | None = None) -> Order:
    """The options of the benchmark `name`; ends the program where the machine is not quiet."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks.{name}", description=about)
    parser.add_argument("--quick", action="store_true", help="short: only to see that it works")
    parser.add_argument("--runs", type=int, default=0, help=f"of everything; default {runs}")
    parser.add_argument("--out", type=Path, help="file for the result")
    given = parser.parse_args(argv)
    busy = machine.others_share()
    if busy > machine.BUSY and not given.quick and given.out is None:
        parser.error(
            f"other programs take {busy:.0%} of this machine, so its figures would mean nothing. "
            "Wait for them, or try --quick."
        )
    count = given.runs or (1 if given.quick else runs)
    file = given.out or (QUICK if given.quick else RESULTS) / f"{name}.json"
    return Order(name, given.quick, count, file, busy)


def in_turn(runs: int, variants: Mapping[str, Callable[[], _V]], name: str) -> dict[str, list[_V]]:
    """Every variant `runs` times, interleaved, each round beginning with another one.

    What slows the machine down for a while then slows all of them.
    """
    names = list(variants)
    found: dict[str, list[_V]] = {each: [] for each in names}
    for number in range(runs):
        first = number % len(names)
        for each in names[first:] + names[:first]:
            say(f"{name}: run {number + 1} of {runs}: {each}")
            found[each].append(variants[each]())
    return found


def spread(values: Sequence[float]) -> dict[str, Any]:
    """All values and their median."""
    return {"median": statistics.median(values), "all": [round(each, 4) for each in values]}


def write(order: Order, setting: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    """Write the result, with the machine and the date."""
    told = {
        "benchmark": order.name,
        "date": datetime.now(UTC).date().isoformat(),
        "quick": order.quick,
        "runs": order.runs,
        "others_share_before": round(order.busy, 3),
        "machine": machine.as_json(machine.describe()),
        "setting": dict(setting),
        "figures": dict(figures),
    }
    order.file.parent.mkdir(parents=True, exist_ok=True)
    part = order.file.with_suffix(".part")
    part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8", newline="\n")
    part.replace(order.file)
    say(f"{order.name}: written to {order.file}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
