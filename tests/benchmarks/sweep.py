"""Every precision with every batch, through the network alone.

    python -m tests.benchmarks.sweep [--quick]

On the device that the server would take: on a machine with a graphics card, the card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .bare import bare
from .house import house
from .model import chosen
from .results import in_turn, order, spread, write

PRECISIONS = ("fp32", "bf16")
BATCHES, QUICK_BATCHES = (1, 2, 4, 8), (1, 2)
CARD_BATCHES = (1, 2, 4, 8, 16, 32)
SONG, CARD_SONG, QUICK_SONG = 60, 600, 12
"""Seconds."""


def main(argv: Sequence[str] | None = None) -> None:
    asked = order("sweep", __doc__ or "", 3, argv)
    model = chosen(asked.quick)
    with house(model) as home:
        home.serve()
        with home.client() as client:
            device = client.server_info().device
        home.stop()
        card = device != "cpu"
        batches = QUICK_BATCHES if asked.quick else CARD_BATCHES if card else BATCHES
        seconds = QUICK_SONG if asked.quick else CARD_SONG if card else SONG
        variants: dict[str, Callable[[], dict[str, Any]]] = {
            f"{precision} {batch}": partial(bare, home, seconds, precision, batch)
            for precision in PRECISIONS
            for batch in batches
        }
        found = in_turn(asked.runs, variants, asked.name)
    rates = {
        precision: {
            str(batch): spread(
                [seconds / each["seconds"] for each in found[f"{precision} {batch}"]]
            )
            for batch in batches
        }
        for precision in PRECISIONS
    }
    figures = {"device": device, "audio_seconds_per_second": rates}
    write(asked, model.told() | {"song_seconds": seconds}, figures)


if __name__ == "__main__":
    main()
