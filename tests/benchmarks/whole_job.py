"""A file in, files out: Stemlift against its peers, on the same weights and the same song.

    python -m tests.benchmarks.whole_job [--quick]

Every program is timed as its user sees it, from the start of its command to its end, each with
its defaults; the peers also with one pass over the song, the work that ours does. `warm`: the
server runs and has the model in memory. `cold`: the command starts the server first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from . import peers
from .agreement import agreement
from .house import House, house
from .model import chosen
from .processes import run
from .results import in_turn, order, spread, write
from .song import song

SONG, QUICK_SONG = 120, 12
COMPARED, QUICK_COMPARED = 30, 12
"""Seconds."""


def main(argv: Sequence[str] | None = None) -> None:
    asked = order("whole_job", __doc__ or "", 3, argv)
    peers.check()
    seconds = QUICK_SONG if asked.quick else SONG
    mix = song(seconds)
    model = chosen(asked.quick)
    with house(model) as home:

        def ours(*arguments: str) -> Callable[[], float]:
            def measure() -> float:
                home.warm(song(1), *arguments)
                home.clear()
                return run(home.command(mix, *arguments), home.environment).seconds

            return measure

        def cold() -> float:
            home.stop()
            home.clear()
            return run(home.command(mix), home.environment).seconds

        def theirs(peer: peers.Peer, *arguments: str) -> Callable[[], float]:
            def measure() -> float:
                # An idle server takes no time, but memory.
                home.stop()
                command = peer.command(model, mix, *arguments)
                return run(command, peers.environment(model)).seconds

            return measure

        variants = {
            "warm": ours(),
            "warm, fp32": ours("--precision", "fp32"),
            "cold": cold,
            **{peer.name: theirs(peer) for peer in peers.PEERS},
            **{f"{peer.name}, same work": theirs(peer, *peer.same_work) for peer in peers.PEERS},
        }
        found = in_turn(asked.runs, variants, asked.name)
        times = {name: spread(values) for name, values in found.items()}
        medians = {name: times[name]["median"] for name in times}
        ratios = {
            mine: {peer: round(medians[peer] / medians[mine], 3) for peer in list(variants)[3:]}
            for mine in ("warm", "warm, fp32", "cold")
        }
        compared = _compare(home, song(QUICK_COMPARED if asked.quick else COMPARED, "FLOAT"))
    setting = model.told() | {"song_seconds": seconds, "peers": peers.versions()}
    figures = {"seconds": times, "times_faster": ratios, "agreement": compared}
    write(asked, setting, figures)


def _compare(home: House, mix: Path) -> dict[str, object]:
    """Our bare output, in each precision, against that of each peer."""
    told: dict[str, object] = {}
    theirs = {}
    for peer in peers.PEERS:
        run(peer.command(home.model, mix, *peer.bare), peers.environment(home.model))
        theirs[peer.name] = peer.stems(home.model, mix)
    for precision in ("fp32", "bf16", "auto"):
        home.clear()
        with_options = ("--remainder", "off", "--precision", precision)
        run(home.command(mix, *with_options), home.environment)
        mine = {file.stem.removeprefix(f"{mix.stem} - "): file for file in home.stems.glob("*.wav")}
        told[precision] = {name: agreement(stems, mine) for name, stems in theirs.items()}
    return told


if __name__ == "__main__":
    main()
