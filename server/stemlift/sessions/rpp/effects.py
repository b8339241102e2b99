"""Effects as REAPER's own plug-ins: an equalizer is a ReaEQ, a compressor a ReaComp.

A plug-in's state stands in its block as three parts in base64: how its pins are wired and how
long the state is, the state, and the name of its program. Cockos documents neither state. The
layouts here follow projects that REAPER 7 saved and that are public: all bytes of a ReaEQ
(7.65) and of a ReaComp with its defaults are reproduced (the tests hold their checksums), and
the scales of ReaComp's parameters are those measured by setting each one in REAPER.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Iterator

from stemlift.reaper.chunk import Block, Line
from stemlift.reaper.clone import Guids
from stemlift.sessions.rpp.lines import block, label, line
from stemlift.sessions.timeline import (
    Band,
    BandKind,
    Compressor,
    Effect,
    Equalizer,
    OtherEffect,
)

_KINDS = {
    BandKind.LOW_SHELF: 0,
    BandKind.HIGH_SHELF: 1,
    BandKind.HIGH_CUT: 3,
    BandKind.LOW_CUT: 4,
    BandKind.NOTCH: 6,
    BandKind.BELL: 8,
}
_OF_CODE = {code: kind for kind, code in _KINDS.items()}
_BAND = struct.Struct("<iidddB")
_EQ_ID, _COMP_ID = 1919247729, 1919247213
# Size and open tab of the plug-in's window.
_EQ_WINDOW = struct.pack("<IIII", 0, 509, 348, 2)
_COMP_MAGIC = bytes.fromhex("efbeadde0df0adde")
# ReaComp's 21 parameters as a new instance has them.
_COMP_DEFAULTS = (
    *(1.0, 3 / 99, 0.006, 0.02, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
    *(10 ** (-150 / 20), 1.0, 0.0, 0.05, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0),
)
_THRESHOLD, _RATIO, _ATTACK, _RELEASE, _WET = 0, 1, 2, 3, 11
_LOUDEST = 2.0
_ON_LINE = 96
_DEFAULT_NAMES = {Equalizer: "EQ", Compressor: "Compressor"}
_PLUGINS = ("VST", "AU", "JS", "DX", "LV2", "CLAP", "VIDEO_EFFECT", "CONTAINER")


def chain_lines(effects: tuple[Effect, ...], guids: Guids) -> list[str]:
    """The FXCHAIN of a track; nothing for no effects."""
    if not effects:
        return []
    plugins = [part for effect in effects for part in _plugin_lines(effect, guids)]
    return block("FXCHAIN", ["SHOW 0", "LASTSEL 0", "DOCKED 0"], plugins)


def _plugin_lines(effect: Effect, guids: Guids) -> list[str]:
    match effect:
        case Equalizer():
            state = equalizer_state(effect)
            plugin = ("ReaEQ", "reaeq", _EQ_ID, b"reeq")
            parts = [_wiring(b"reeq", state, ins=2, opaque=True), state]
            parts.append(b"\0Program 1\0\x10\0\0\0")
        case Compressor():
            state = compressor_state(effect)
            plugin = ("ReaComp", "reacomp", _COMP_ID, b"recm")
            parts = [_wiring(b"recm", state, ins=4, opaque=False), state, b"\0\0\x10\0\0\0"]
        case OtherEffect(name=name):
            raise ValueError(f"{name} is no effect that can be written")
    title, file, number, code = plugin
    own = "" if effect.name == _DEFAULT_NAMES[type(effect)] else label(effect.name)
    unique = (b"VST" + code + file.encode()).ljust(16, b"\0").hex().upper()
    identity = f"{number}<{unique}>"
    head = line("VST", f"VST: {title} (Cockos)", f"{file}.dll", 0, own, identity, "")
    return [
        line("BYPASS", int(not effect.enabled), 0, 0),
        *block(head, (text for part in parts for text in _base64(part))),
        "FLOATPOS 0 0 0 0",
        f"FXID {guids()}",
        "WAK 0 0",
    ]


def equalizer_state(effect: Equalizer) -> bytes:
    """ReaEQ's state: a version, the bands, the gain of all, and its window."""
    state = struct.pack("<ii", 33, len(effect.bands))
    for band in effect.bands:
        cut = band.kind in (BandKind.LOW_CUT, BandKind.HIGH_CUT, BandKind.NOTCH)
        gain = 1.0 if cut else 10 ** (band.gain_db / 20)
        width = octaves(band.q)
        state += _BAND.pack(_KINDS[band.kind], 1, band.frequency, gain, width, 1)
    return state + struct.pack("<iid", 1, 1, 1.0) + _EQ_WINDOW


def compressor_state(effect: Compressor) -> bytes:
    """ReaComp's state: a mark and its parameters, 32-bit floats.

    Threshold and gain are linear and end at 2, the ratio is 1 + 99 v, the attack 0.5 v and the
    release 5 v seconds. What lies outside is set to the end of the range.
    """
    values = list(_COMP_DEFAULTS)
    values[_THRESHOLD] = min(10 ** (effect.threshold_db / 20), _LOUDEST)
    values[_RATIO] = min((effect.ratio - 1) / 99, 1.0)
    values[_ATTACK] = min(effect.attack / 0.5, 1.0)
    values[_RELEASE] = min(effect.release / 5, 1.0)
    values[_WET] = min(10 ** (effect.makeup_db / 20), _LOUDEST)
    return _COMP_MAGIC + struct.pack(f"<{len(values)}f", *values)


def octaves(q: float) -> float:
    """The width of a band between its points of half gain, from its quality.

    Source: R. Bristow-Johnson, "Cookbook formulae for audio EQ". ReaEQ takes 0.01 to 4.
    """
    return min(max(2 / math.log(2) * math.asinh(1 / (2 * q)), 0.01), 4.0)


def quality(width: float) -> float:
    """The inverse of `octaves`."""
    return 1 / (2 * math.sinh(math.log(2) / 2 * max(width, 0.01)))


def read_chain(chain: Block) -> Iterator[Effect]:
    """The effects of an FXCHAIN; those that are neither ReaEQ nor ReaComp by name alone."""
    enabled = True
    for node in chain.children:
        if isinstance(node, Line):
            if node.key == "BYPASS":
                enabled = node.number(0) == 0
        elif node.key in _PLUGINS:
            yield _read_plugin(node, enabled)
            enabled = True


def _read_plugin(plugin: Block, enabled: bool) -> Effect:
    values = plugin.head.values
    name = values[0] if values else plugin.key
    if plugin.key == "VST" and len(values) > 4:
        own = values[3]
        parts = _parts(plugin)
        try:
            if values[4].startswith(f"{_EQ_ID}<"):
                return Equalizer(_read_bands(parts), enabled, own or _DEFAULT_NAMES[Equalizer])
            if values[4].startswith(f"{_COMP_ID}<"):
                return _read_compressor(parts, enabled, own or _DEFAULT_NAMES[Compressor])
        except (struct.error, ValueError, OverflowError):
            # Of another version, or edited by hand: it stays what it is, a plug-in with a name.
            pass
    return OtherEffect(name, enabled)


def _parts(plugin: Block) -> bytes:
    """All that the block holds behind the wiring, which ends with the state's length."""
    lines = [node.raw.strip() for node in plugin.children if isinstance(node, Line)]
    try:
        return b"".join(base64.b64decode(text, validate=True) for text in lines[1:])
    except binascii.Error:
        return b""


def _read_bands(state: bytes) -> tuple[Band, ...]:
    version, count = struct.unpack_from("<ii", state)
    if version != 33 or not 0 <= count <= 1000:
        raise ValueError("an unknown state")
    bands = []
    for index in range(count):
        code, on, frequency, gain, width, _ = _BAND.unpack_from(state, 8 + index * _BAND.size)
        if on and code in _OF_CODE:
            gain_db = round(20 * math.log10(gain), 9) if gain > 0 else -math.inf
            bands.append(Band(_OF_CODE[code], frequency, gain_db, round(quality(width), 9)))
    return tuple(bands)


def _read_compressor(state: bytes, enabled: bool, name: str) -> Compressor:
    if not state.startswith(_COMP_MAGIC):
        raise ValueError("an unknown state")
    values = struct.unpack_from(f"<{len(_COMP_DEFAULTS)}f", state, len(_COMP_MAGIC))
    return Compressor(
        threshold_db=round(20 * math.log10(values[_THRESHOLD]), 5),
        ratio=round(1 + 99 * values[_RATIO], 5),
        attack=round(0.5 * values[_ATTACK], 7),
        release=round(5 * values[_RELEASE], 6),
        makeup_db=round(20 * math.log10(values[_WET]), 5),
        enabled=enabled,
        name=name,
    )


def _wiring(code: bytes, state: bytes, *, ins: int, opaque: bool) -> bytes:
    """Which of the track's channels feed which pin, straight through; then the state's length.

    opaque: the plug-in wrote its state itself; else it is a list of parameters.
    """
    head = code[::-1] + struct.pack("<I", 0xFEED5EEE if opaque else 0xFEED5EEF)
    for pins in (ins, 2):
        head += struct.pack("<I", pins) + b"".join(
            struct.pack("<Q", 1 << pin) for pin in range(pins)
        )
    return head + struct.pack("<III", len(state), int(opaque), 0x100000)


def _base64(part: bytes) -> list[str]:
    pieces = (part[at : at + _ON_LINE] for at in range(0, len(part), _ON_LINE))
    return [base64.b64encode(piece).decode() for piece in pieces]
