"""State chunks: every byte survives; values are read and written by REAPER's rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reaper_chunks import guid, item_chunk, source_block, take_lines

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.chunk import Block, ChunkError, Line, entry, number, parse
from stemlift.reaper.item_chunk import parse_item
from stemlift.reaper.trim import Window, trimmed

FX = """<TAKEFX
WNDRECT 0 0 0 0
<VST "VST: ReaDelay (Cockos)" readelay.dll 0 "" 1919247468<5653547265646C72656164656C617900> ""
bGRlcu5e7f4CAAAAAQAAAAAAAAACAAAAAAAAAAIAAAABAAAAAAAAAAIAAAAAAAAA
AAAQAAAA
>
FXID {92D48D1B-0000-0000-0000-000000000000}
>
"""
NOTES = "<NOTES\n  |one > two\n  |<not a block\n>\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_chunk_with_effects_notes_and_takes_keeps_its_bytes(ending: str) -> None:
    text = item_chunk(after=FX, more=take_lines()).replace("NAME", NOTES + "NAME", 1)
    text = text.replace("\n", ending)
    assert parse(text).raw == text
    assert parse_item(text).raw == text
    assert len(parse_item(text).takes) == 2


def test_code_in_notes_and_effects_opens_no_block() -> None:
    block = parse(item_chunk(after=FX).replace("NAME", NOTES + "NAME", 1))
    notes = block.block("NOTES")
    assert notes is not None
    assert len(notes.children) == 2


@pytest.mark.parametrize(
    ("raw", "tokens"),
    [
        ('  NAME "a b"\n', ("NAME", "a b")),
        ("NAME 'say \"hi\"'\r\n", ("NAME", 'say "hi"')),
        ('NAME `it\'s "so"`\n', ("NAME", 'it\'s "so"')),
        ('NAME ""\n', ("NAME", "")),
        ("NAME it's\n", ("NAME", "it's")),
        ('FILE "open', ("FILE", "open")),
        ("\n", ()),
    ],
)
def test_values_are_read_in_all_three_quotes(raw: str, tokens: tuple[str, ...]) -> None:
    assert Line(raw).tokens == tokens


_WORDS = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=12
) | st.text(" abc\"'\t#;|<>", max_size=8)


@given(_WORDS)
def test_what_is_written_is_read_again(value: str) -> None:
    if all(quote in value for quote in "\"'`"):
        return
    assert entry("FILE", value, "1").tokens == ("FILE", value, "1")


def test_a_path_with_all_quotes_is_refused_with_a_reason() -> None:
    with pytest.raises(StemliftError) as caught:
        entry("FILE", "a\"b'c`d e")
    assert caught.value.reason is Reason.PATH_UNSUPPORTED


_LINES = st.text(st.characters(blacklist_characters="\n<>", blacklist_categories=["Cs"]))


@st.composite
def _blocks(draw: st.DrawFn, depth: int = 0) -> str:
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    inner = st.one_of(_LINES.map(lambda text: text + ending), _blocks(depth + 1))
    body = draw(st.lists(inner if depth < 3 else _LINES.map(lambda t: t + ending), max_size=4))
    indent = " " * draw(st.integers(0, 4))
    return f"{indent}<B {depth}{ending}{''.join(body)}{indent}>{ending}"


@given(_blocks())
def test_every_chunk_keeps_its_bytes(text: str) -> None:
    assert parse(text).raw == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "POSITION 1\n", "<ITEM\nPOSITION 1\n", "<ITEM\n>\n<ITEM\n>\n", ">\n"),
        pytest.param("<ITEM\n" * 5000 + ">\n" * 5000, id="deep"),
    ],
)
def test_a_text_that_is_no_chunk_is_refused(text: str) -> None:
    with pytest.raises(ChunkError):
        parse(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "x", ""])
def test_what_is_no_number_counts_as_left_out(text: str) -> None:
    assert Line(f"LENGTH {text}\n").number(0, 7.0) == 7.0


def test_a_changed_value_leaves_indent_line_end_and_the_rest() -> None:
    line = Line('   VOLPAN 1 0 "0.5" -1\r\n')
    assert line.having(1, "0.25").raw == "   VOLPAN 1 0.25 0.5 -1\r\n"
    assert Line("SOFFS\n").having(0, "2").raw == "SOFFS 2\n"


@given(st.floats(-1e6, 1e6))
def test_numbers_have_no_exponent_and_fourteen_digits(value: float) -> None:
    text = number(value)
    assert "e" not in text.lower()
    assert float(text) == pytest.approx(value, abs=1e-14, rel=1e-15)


def test_takes_are_told_apart() -> None:
    text = item_chunk(more=take_lines(header="TAKE NULL SEL", source="") + take_lines())
    found = parse_item(text)
    assert [take.source is not None for take in found.takes] == [True, False, True]
    assert found.active(None) == 1
    assert found.active(2) == 2
    assert found.active(7) == 1
    assert found.takes[0].volume == ("-0.25", "-0.8", "-1")
    assert found.takes[2].volume == ("0.1", "0.7", "-1")
    assert found.volume == "0.5"


def test_an_empty_item_has_no_takes_and_an_empty_first_take_counts() -> None:
    bare = f"<ITEM\nPOSITION 1\nLENGTH 2\nIGUID {guid(1)}\n>\n"
    assert parse_item(bare).takes == ()
    first_empty = bare.replace(">", f"TAKE\nNAME x\n{source_block()}>")
    found = parse_item(first_empty)
    assert [take.name for take in found.takes] == ["", "x"]
    assert found.raw == first_empty


def test_only_items_are_items() -> None:
    with pytest.raises(ChunkError):
        parse_item("<TRACK\n>\n")
    assert isinstance(parse("<TRACK\n>\n"), Block)


def test_an_entry_that_a_cut_adds_ends_as_the_others_do() -> None:
    text = "<ITEM\nPOSITION 0\nLENGTH 10\nNAME x\n<SOURCE WAVE\nFILE a.wav\n>\n>\n"
    part = trimmed(parse_item(text.replace("\n", "\r\n")), Window(2, 5), {}).raw
    assert "SOFFS 2\r\n" in part
    assert part.count("\n") == part.count("\r\n")
