"""Equalizers and compressors as REAPER's own plug-ins, byte for byte as REAPER saves them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemlift.reaper.chunk import Block, parse
from stemlift.sessions.rpp.effects import chain_lines, octaves, quality, read_chain
from stemlift.sessions.timeline import (
    Band,
    BandKind,
    Compressor,
    Effect,
    Equalizer,
    OtherEffect,
)

# Of the lines within the block of a plug-in, as REAPER 7 saved it: a new ReaComp, and a ReaEQ
# with the five bands that it starts with, all of them on.
REACOMP = "e52033498b685c3b626c765e6c5e61323893a4a703d20108eb71012b3dbee1c5"
REAEQ_OF_7_65 = "fa7f74825de504cbebb8af5f3a6816ff1e4e4ff9071b9b7c6579c5a586b5340f"
FACTORY = (
    (BandKind.LOW_CUT, 100.41747866600939, 2.0),
    (BandKind.LOW_SHELF, 200.3077623397404, 2.0),
    (BandKind.BELL, 801.9398157380639, 1.0),
    (BandKind.BELL, 2996.2342070275295, 1.0),
    (BandKind.HIGH_SHELF, 8016.061124722856, 2.0),
)


def chain(*effects: Effect) -> Block:
    lines = chain_lines(effects, lambda: "{00000000-0000-4000-8000-000000000001}")
    return parse("\n".join(lines))


def state_lines(block: Block) -> list[str]:
    plugin = block.block("VST")
    assert plugin is not None
    return [node.raw.strip() for node in plugin.children]


def checksum(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_a_compressor_with_reacomps_defaults_is_a_new_reacomp() -> None:
    block = chain(Compressor(threshold_db=0.0, ratio=4.0, attack=0.003, release=0.1))
    assert checksum(state_lines(block)) == REACOMP


def test_an_equalizer_with_reaeqs_bands_is_the_one_that_reaper_saved() -> None:
    import base64

    bands = tuple(Band(kind, hertz, q=quality(width)) for kind, hertz, width in FACTORY)
    wiring, *lines, program = state_lines(chain(Equalizer(bands)))
    state = bytearray(b"".join(base64.b64decode(line) for line in lines))
    # In the one that was saved only the first band is on; ours leaves out what is off.
    for index in range(1, 5):
        state[8 + 33 * index + 4] = 0
    again = [base64.b64encode(state[at : at + 96]).decode() for at in range(0, len(state), 96)]
    assert checksum([wiring, *again, program]) == REAEQ_OF_7_65


def test_a_chain_names_the_plugins_as_reaper_does() -> None:
    block = chain(Equalizer((), name="Low cut"), Compressor(-20, 2, enabled=False))
    heads = [node.head.raw.strip() for node in block.children if isinstance(node, Block)]
    eq, comp = "56535472656571726561657100000000", "5653547265636D726561636F6D700000"
    assert heads == [
        f'<VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "Low cut" 1919247729<{eq}> ""',
        f'<VST "VST: ReaComp (Cockos)" reacomp.dll 0 "" 1919247213<{comp}> ""',
    ]
    bypass = [node.raw.strip() for node in block.children if node.key == "BYPASS"]
    assert bypass == ["BYPASS 0 0 0", "BYPASS 1 0 0"]


def test_no_effects_make_no_chain() -> None:
    assert chain_lines((), lambda: "{}") == []


levels = st.floats(-60, 24).map(lambda x: round(x, 2))
bands = st.builds(
    Band,
    st.sampled_from([BandKind.BELL, BandKind.LOW_SHELF, BandKind.HIGH_SHELF]),
    st.floats(20, 20_000),
    levels,
    st.floats(0.3, 20).map(lambda x: round(x, 3)),
) | st.builds(
    Band,
    st.sampled_from([BandKind.LOW_CUT, BandKind.HIGH_CUT, BandKind.NOTCH]),
    st.floats(20, 20_000),
    st.just(0.0),
    st.floats(0.3, 20).map(lambda x: round(x, 3)),
)


@given(st.lists(bands, max_size=8), st.booleans())
def test_an_equalizer_is_read_back(of: list[Band], enabled: bool) -> None:
    effect = Equalizer(tuple(of), enabled=enabled)
    (back,) = read_chain(chain(effect))
    assert isinstance(back, Equalizer)
    assert back.enabled == enabled
    for mine, theirs in zip(of, back.bands, strict=True):
        assert (mine.kind, mine.frequency) == (theirs.kind, theirs.frequency)
        assert theirs.gain_db == pytest.approx(mine.gain_db, abs=1e-6)
        assert theirs.q == pytest.approx(mine.q, rel=1e-6)


@given(
    st.builds(
        Compressor,
        threshold_db=st.floats(-60, 6).map(lambda x: round(x, 1)),
        ratio=st.floats(1, 100).map(lambda x: round(x, 1)),
        attack=st.floats(0, 0.5).map(lambda x: round(x, 4)),
        release=st.floats(0, 5).map(lambda x: round(x, 3)),
        makeup_db=st.floats(-40, 6).map(lambda x: round(x, 1)),
        enabled=st.booleans(),
        name=st.sampled_from(["Compressor", "Glue 'em"]),
    )
)
def test_a_compressor_is_read_back(effect: Compressor) -> None:
    (back,) = read_chain(chain(effect))
    assert isinstance(back, Compressor)
    assert (back.enabled, back.name) == (effect.enabled, effect.name)
    for key in ("threshold_db", "ratio", "attack", "release", "makeup_db"):
        assert getattr(back, key) == pytest.approx(getattr(effect, key), rel=1e-5, abs=1e-4)


def test_what_is_outside_of_reacomps_ranges_is_set_to_their_ends() -> None:
    (back,) = read_chain(chain(Compressor(20.0, 500.0, 2.0, 20.0, 40.0)))
    assert back == Compressor(6.0206, 100.0, 0.5, 5.0, 6.0206)


@pytest.mark.parametrize(("q", "width"), [(2**0.5, 1.0), (1 / 2**0.5, 1.8999686)])
def test_the_width_of_a_band_follows_from_its_quality(q: float, width: float) -> None:
    assert octaves(q) == pytest.approx(width, rel=1e-3)
    assert quality(octaves(q)) == pytest.approx(q)


def test_other_plugins_are_told_by_name_whatever_is_in_them() -> None:
    text = """<FXCHAIN
  BYPASS 1 0 0
  <JS loser/3BandEQ ""
    0.000000 200.000000 - - - -
  >
  BYPASS 0 0 0
  <VST "VST3: Pro-Q 3 (FabFilter)" "FabFilter Pro-Q 3.vst3" 0 "" 756089518{72C4DB717A4D459AB97E5} ""
    rniuLe5e7f4EAAAA
  >
  <VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "" 1919247729<00> ""
    not-base64!
    AAAA
  >
  <VST "VST: ReaComp (Cockos)" reacomp.dll 0 Mine 1919247213<00> ""
  >
  <CONTAINER Container "Bus" ""
    <JS utility/volume ""
    >
  >
>"""
    assert list(read_chain(parse(text))) == [
        OtherEffect("loser/3BandEQ", enabled=False),
        OtherEffect("VST3: Pro-Q 3 (FabFilter)"),
        OtherEffect("VST: ReaEQ (Cockos)"),
        OtherEffect("VST: ReaComp (Cockos)"),
        OtherEffect("Container"),
    ]
