"""What one item sounds like: the source read at the take's times, then gains.

All of it is linear in the samples of the source, apart from take effects that say otherwise, and
at one time depends on the source only near the take's time. So an item and its stems null.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reaper_sim.chunks import Block, fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reaper_sim.items import Item, Take

Array = npt.NDArray[np.float64]


def is_heard(item: Item) -> bool:
    """Whether it plays by itself: not muted, and on a lane that plays."""
    if item.get("B_MUTE"):
        return False
    return item.track.get("I_FREEMODE") != 2 or item.get("C_LANEPLAYS") > 0


def render_item(item: Item, frames: int, rate: int) -> Array:
    """(frames, 2) at the project's rate, from the project's start."""
    out = np.zeros((frames, 2))
    start, length = item.get("D_POSITION"), item.get("D_LENGTH")
    first = max(0, int(np.ceil(start * rate - 1e-6)))
    last = min(frames, int(np.ceil((start + length) * rate - 1e-6)))
    if not is_heard(item) or last <= first:
        return out
    times = np.arange(first, last) / rate - start
    takes: Sequence[Take | None] = (
        item.takes if item.get("B_ALLTAKESPLAY") else [item.active] if item.active else []
    )
    sound = np.zeros((len(times), 2))
    for take in takes:
        if take is not None:
            sound += render_take(take, times)
    sound *= (fade(item, "IN", times) * fade(item, "OUT", length - times) * item.volume)[:, None]
    out[first:last] = sound
    return out


def fade(item: Item, side: str, distance: Array) -> Array:
    """Gain by the distance from the item's edge, in seconds."""
    length, auto = item.get(f"D_FADE{side}LEN"), item.get(f"D_FADE{side}LEN_AUTO")
    length = auto if auto > 0 else length
    if length <= 0:
        return np.ones(len(distance))
    x = np.clip(distance / length, 0.0, 1.0)
    shape = int(item.get(f"C_FADE{side}SHAPE"))
    curves = {
        0: x,
        1: np.sin(x * np.pi / 2),
        2: 1 - np.cos(x * np.pi / 2),
        3: 1 - (1 - x) ** 4,
        4: x**4,
        5: (1 - np.cos(x * np.pi)) / 2,
        6: np.where(x < 0.5, 4 * x**3, 1 - 4 * (1 - x) ** 3),
    }
    curve: Array = curves.get(shape, x) ** (2.0 ** item.get(f"D_FADE{side}DIR"))
    return curve


def take_times(take: Take, times: Array) -> Array:
    """Times in the source for times in the item.

    Stretch markers map times of the take (item times multiplied by the rate) to times of the
    source, linear between markers but for their slopes. Pitch and preserved pitch move the
    reading point a little to and fro with the project's time, so that a plan that loses these
    keys is heard, while the sound stays linear in the source as a stretcher's is.
    """
    rate = take.get("D_PLAYRATE")
    inside = times * rate
    markers = take.stretch_markers()
    place = _stretched(inside, markers) if markers else inside + take.get("D_STARTOFFS")
    amount = take.get("D_PITCH") + (rate - 1) * 2 * take.get("B_PPITCH")
    amount *= 1 + (int(take.get("I_PITCHMODE")) % 7) / 10
    return place + 1e-4 * amount * np.sin(11.0 * (times + take.item.get("D_POSITION")))


def _stretched(inside: Array, markers: list[tuple[float, float, float]]) -> Array:
    place = inside - markers[0][0] + markers[0][1]
    for (pos, src, slope), (end, src_end, _) in itertools.pairwise(markers):
        x = (inside - pos) / max(end - pos, 1e-12)
        bent = src + (src_end - src) * (x * (1 - slope) + slope * x * x)
        place = np.where(inside >= pos, bent, place)
    last = markers[-1]
    return np.where(inside >= last[0], inside - last[0] + last[1], place)


def render_take(take: Take, times: Array) -> Array:
    source = take.source
    if source is None:
        return np.zeros((len(times), 2))
    raw = source.read(take_times(take, times), bool(take.item.get("B_LOOPSRC")))
    sound = channels(raw, int(take.get("I_CHANMODE")))
    sound = apply_effects(take.lines.blocks("TAKEFX"), sound)
    inside = times * take.get("D_PLAYRATE")
    gain = take.get("D_VOL") * np.ones(len(times))
    volume, mute, pan = (take.envelope(key) for key in ("VOLENV", "MUTEENV", "PANENV"))
    if volume is not None:
        gain *= envelope(volume, inside, 1.0)
    if mute is not None:
        gain *= envelope(mute, inside, 1.0) >= 0.5
    panned = take.get("D_PAN") * np.ones(len(times))
    if pan is not None:
        # REAPER's pan envelopes are positive to the left.
        panned = np.clip(panned - envelope(pan, inside, 0.0), -1, 1)
    return sound * gain[:, None] * balance(panned, 1.0)


def channels(raw: Array, mode: int) -> Array:
    """I_CHANMODE; what is not there is silent."""
    count = raw.shape[1]

    def pair(left: int, right: int) -> Array:
        silent = np.zeros(len(raw))
        got = [raw[:, n] if n < count else silent for n in (left, right)]
        return np.stack(got, axis=1)

    if mode in (0, 1) and count == 1:
        return pair(0, 0)
    if mode == 0:
        return pair(0, 1)
    if mode == 1:
        return pair(1, 0)
    if mode == 2:
        return np.repeat(raw.mean(axis=1, keepdims=True), 2, axis=1)
    if mode in (3, 4):
        only = min(mode - 3, count - 1)
        return pair(only, only)
    if mode <= 66:
        return pair(mode - 3, mode - 3)
    if mode <= 130:
        return pair(mode - 67, mode - 66)
    if mode <= 194:
        return pair(mode - 67, mode - 67)
    return pair(mode - 131, mode - 130)


def balance(pan: Array | float, law: float) -> Array:
    """Gains (…, 2) of a stereo balance: `law` in the middle, 1 at the louder side of a full pan."""
    pan = np.asarray(pan, np.float64)
    louder = law + (1 - law) * np.abs(pan)
    quieter = law * (1 - np.abs(pan))
    return np.stack(
        [np.where(pan > 0, quieter, louder), np.where(pan < 0, quieter, louder)], axis=-1
    )


def envelope(block: Block, times: Array, default: float) -> Array:
    """An envelope's values: linear, or square by the points' shape; constant outside."""
    active = block.line("ACT")
    points = sorted(
        ((*tuple(float(v) for v in fields(c)[1:4]), 0.0))[:3]
        for c in block.children
        if isinstance(c, str) and c.startswith("PT ")
    )
    if not points or (active and active[0] == "0"):
        return np.full(len(times), default)
    value = np.full(len(times), points[0][1])
    for (begin, low, shape), (end, high, _) in itertools.pairwise(points):
        x = np.clip((times - begin) / max(end - begin, 1e-12), 0, 1)
        if int(shape) == 1:
            x = np.zeros(len(times))
        elif int(shape) == 2:
            x = (1 - np.cos(np.pi * x)) / 2
        value = np.where(times >= begin, low + (high - low) * x, value)
    return np.where(times >= points[-1][0], points[-1][1], value)


def apply_effects(chains: list[Block], sound: Array) -> Array:
    """sim/tanh (not linear), sim/lowpass and sim/gain (linear); others do nothing."""
    for chain in chains:
        bypassed = False
        for child in chain.children:
            if isinstance(child, str):
                words = fields(child)
                if words[0] == "BYPASS":
                    bypassed = words[1] == "1"
                continue
            name = fields(child.header)[1] if len(fields(child.header)) > 1 else ""
            if bypassed:
                continue
            if name == "sim/tanh":
                sound = np.tanh(3.0 * sound) / 3.0
            elif name == "sim/gain":
                sound = sound * 0.5
            elif name == "sim/lowpass":
                before = np.concatenate([np.zeros((1, 2)), sound[:-1]])
                sound = (sound + before) / 2
    return sound
