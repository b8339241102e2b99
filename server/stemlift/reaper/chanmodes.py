"""REAPER's channel modes of a take (I_CHANMODE, CHANMODE), as channel maps of the API.

0 normal, 1 reverse stereo, 2 mono of left and right, 3 left, 4 right; 5 to 66 one channel, the
third to the 64th; 67 to 130 a pair, 1/2 to 64/65; 131 to 194 one channel, 65 to 128; 195 to 257
a pair, 65/66 to 127/128. Source: ReaTeam/Doc, "State Chunk Definitions", entry CHANMODE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ChannelMode = Literal["all", "mono", "pair", "swap", "downmix"]


@dataclass(frozen=True, slots=True)
class Channels:
    """mode, first, second: as in `ChannelMap` of the API, channels from 0.

    stays: the CHANMODE that the stems still need; 0 once the map has done its work.
    """

    mode: ChannelMode = "all"
    first: int = 0
    second: int = 1
    stays: int = 0

    def count(self, channels: int) -> int:
        """Channels of the stems of a file with so many."""
        if self.mode in ("downmix", "mono"):
            return 1
        return channels if self.mode == "all" else 2


def from_mode(mode: int, channels: int) -> Channels:
    """The map for a take with CHANMODE `mode` of a source with so many channels.

    Where the map would not do the same as REAPER (more than two channels swapped or mixed
    down, a channel that the file lacks), all channels are separated and the mode stays on the
    stems: REAPER then does to each of them what it did to the mix.
    """
    if mode == 0 or (channels == 1 and mode in (1, 2, 3)):
        return Channels()
    if mode in (1, 2):
        kind: ChannelMode = "swap" if mode == 1 else "downmix"
        return Channels(kind) if channels == 2 else Channels(stays=mode)
    chosen = _chosen(mode)
    if not chosen or max(chosen) >= channels:
        return Channels(stays=mode)
    if len(chosen) == 1:
        return Channels("mono", chosen[0])
    return Channels("pair", chosen[0], chosen[1])


def _chosen(mode: int) -> tuple[int, ...]:
    if 3 <= mode <= 66:
        return (mode - 3,)
    if 67 <= mode <= 130:
        return (mode - 67, mode - 66)
    if 131 <= mode <= 194:
        return (mode - 131 + 64,)
    if 195 <= mode <= 257:
        return (mode - 195 + 64, mode - 194 + 64)
    return ()
