"""Memory against the length of the song.

    python -m tests.benchmarks.memory [--quick]

Peak resident memory of the server, and of each peer with all that it starts, looked at twenty
times a second. Every length has a server of its own, as a peak never falls. The peers separate
ten minutes, with one pass over the song.
"""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from . import peers
from .house import House, house
from .model import chosen
from .processes import run, watched
from .results import order, say, write
from .song import song

LENGTHS, QUICK_LENGTHS = (60, 600, 3600), (6, 12, 30)
"""Seconds."""


def main(argv: Sequence[str] | None = None) -> None:
    asked = order("memory", __doc__ or "", 1, argv)
    peers.check()
    lengths = QUICK_LENGTHS if asked.quick else LENGTHS
    model = chosen(asked.quick)
    ours, theirs = {}, {}
    with house(model) as home:
        for seconds in lengths:
            say(f"memory: {seconds} s of song")
            ours[str(seconds)] = _ours(home, seconds)
            home.clear()
    for peer in peers.PEERS:
        say(f"memory: {peer.name}")
        command = peer.command(model, song(lengths[1]), *peer.same_work)
        theirs[peer.name] = run(command, peers.environment(model), memory=True).peak_bytes
    setting = model.told() | {"song_seconds": lengths, "peers": peers.versions()}
    figures = {
        "server_peak_bytes": ours,
        "peer_peak_bytes": theirs,
        "peers_song_seconds": lengths[1],
        "longest_to_middle": round(ours[str(lengths[2])] / ours[str(lengths[1])], 3),
        "to_peer": {name: round(ours[str(lengths[1])] / peak, 3) for name, peak in theirs.items()},
    }
    write(asked, setting, figures)


def _ours(home: House, seconds: int) -> int:
    home.stop()
    server: psutil.Process = home.serve()
    with watched(server.pid) as watch:
        run(home.command(song(seconds)), home.environment)
    home.stop()
    return watch.peak_bytes


if __name__ == "__main__":
    main()
