"""Effects as the built-in devices of the format: Equalizer and Compressor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement

from stemlift.sessions.dawproject.markup import Node
from stemlift.sessions.dawproject.parameters import Ids, boolean, real
from stemlift.sessions.levels import decibels
from stemlift.sessions.timeline import (
    Band,
    BandKind,
    Compressor,
    Effect,
    Equalizer,
    OtherEffect,
)

_KINDS = {
    BandKind.LOW_CUT: "highPass",
    BandKind.HIGH_CUT: "lowPass",
    BandKind.LOW_SHELF: "lowShelf",
    BandKind.HIGH_SHELF: "highShelf",
    BandKind.BELL: "bell",
    BandKind.NOTCH: "notch",
}
_OF_NAME = {name: kind for kind, name in _KINDS.items()}
_DIGITS = 9


def device(effect: Effect, ids: Ids) -> Element:
    """The device of an effect, its children in the order of the schema."""
    match effect:
        case Equalizer():
            element = _head("Equalizer", effect, ids)
            for order, band in enumerate(effect.bands):
                inner = SubElement(element, "Band", type=_KINDS[band.kind], order=str(order))
                inner.append(real("Freq", band.frequency, "hertz", ids))
                inner.append(real("Gain", band.gain_db, "decibel", ids))
                inner.append(real("Q", band.q, "linear", ids))
                inner.append(boolean("Enabled", True, ids))
            return element
        case Compressor():
            element = _head("Compressor", effect, ids)
            element.append(real("Attack", effect.attack, "seconds", ids))
            element.append(boolean("AutoMakeup", False, ids))
            element.append(real("OutputGain", effect.makeup_db, "decibel", ids))
            # "In percent": 0 leaves the level, 100 holds it at the threshold.
            element.append(real("Ratio", 100 * (1 - 1 / effect.ratio), "percent", ids))
            element.append(real("Release", effect.release, "seconds", ids))
            element.append(real("Threshold", effect.threshold_db, "decibel", ids))
            return element
        case OtherEffect(name=name):
            raise ValueError(f"{name} is no effect that can be written")


def _head(tag: str, effect: Equalizer | Compressor, ids: Ids) -> Element:
    element = Element(
        tag, deviceName=tag, deviceRole="audioFX", loaded="true", id=ids(), name=effect.name
    )
    element.append(boolean("Enabled", effect.enabled, ids))
    return element


def read_devices(devices: Node) -> Iterator[Effect]:
    """The effects of a channel; those of other kinds by name alone."""
    for node in devices.children:
        enabled = node.child("Enabled")
        on = enabled is None or enabled.get("value", "true") in ("true", "1")
        name = node.get("name") or node.get("deviceName") or node.tag
        match node.tag:
            case "Equalizer":
                yield Equalizer(tuple(_bands(node)), on, name)
            case "Compressor":
                yield _compressor(node, on, name)
            case _:
                yield OtherEffect(name, on)


def _bands(node: Node) -> Iterator[Band]:
    for band in node.children:
        kind = _OF_NAME.get(band.get("type"))
        enabled = band.child("Enabled")
        off = enabled is not None and enabled.get("value") in ("false", "0")
        if band.tag == "Band" and kind is not None and not off:
            yield Band(kind, _value(band, "Freq"), _value(band, "Gain"), _value(band, "Q", 0.707))


def _compressor(node: Node, enabled: bool, name: str) -> Compressor:
    return Compressor(
        threshold_db=_value(node, "Threshold"),
        ratio=_ratio(node),
        attack=_value(node, "Attack", 0.01),
        release=_value(node, "Release", 0.1),
        makeup_db=_value(node, "OutputGain"),
        enabled=enabled,
        name=name,
    )


def _ratio(node: Node) -> float:
    value = _value(node, "Ratio", 0.0)
    inner = node.child("Ratio")
    if inner is None:
        return 1.0
    if inner.get("unit") == "linear":
        return max(value, 1.0)
    share = value if inner.get("unit") == "normalized" else value / 100
    return round(1 / (1 - share), _DIGITS) if share < 1 else math.inf


def _value(node: Node, tag: str, default: float = 0.0) -> float:
    inner = node.child(tag)
    if inner is None:
        return default
    value = inner.number("value", default)
    if inner.get("unit") == "linear" and tag in ("Gain", "OutputGain", "Threshold"):
        return decibels(value)
    return value
