"""The scripts' JSON against Python's."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MODULE = Path(__file__).parents[2] / "reaper_scripts" / "lib" / "json.lua"

TEXT = st.text(st.characters(codec="utf-8"))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | FINITE
# An object's null is an absent key in Lua, so null is drawn in arrays only.
VALUES = st.recursive(
    st.booleans() | NUMBERS | TEXT,
    lambda inner: (
        st.lists(inner | st.none(), max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)


class LuaJson:
    def __init__(self, lua: str) -> None:
        module = importlib.import_module(f"lupa.{lua}")
        self.runtime = module.LuaRuntime(unpack_returned_tuples=True, encoding="utf-8")
        self.module = self.runtime.execute(MODULE.read_text(encoding="utf-8"))(None)
        self.again = self.runtime.eval(
            "function(json, text) local v, why = json.decode(text)"
            " if v == nil then error(why, 0) end return json.encode(v) end"
        )

    def there_and_back(self, text: str) -> Any:
        return json.loads(self.again(self.module, text))


@pytest.fixture(scope="module")
def both() -> list[LuaJson]:
    return [LuaJson("lua53"), LuaJson("lua54")]


@settings(max_examples=150, deadline=None)
@given(value=VALUES, ascii_only=st.booleans(), indent=st.none() | st.integers(0, 3))
def test_what_python_writes_comes_back(
    both: list[LuaJson], value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    for each in both:
        assert each.there_and_back(text) == value


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from('{}[]",:\\u0123dDaltrsfn-+.eE \n\x7f\x1fé'), max_size=12))
def test_what_is_no_json_is_refused_and_nothing_else(both: list[LuaJson], text: str) -> None:
    def refuse(_: str) -> None:
        raise ValueError

    try:
        # Python also takes NaN, which is no JSON; and huge numbers, which Lua cannot hold.
        value = json.loads(text, parse_constant=refuse)
        good = "Infinity" not in json.dumps(value)
    except ValueError:
        good = False
    for each in both:
        found = each.module.decode(text)
        accepted = not (isinstance(found, tuple) and found[0] is None)
        assert accepted == good, text


@pytest.mark.parametrize("text", ["[" * 500 + "]" * 500, '{"a":' * 500 + "1" + "}" * 500])
def test_deep_nesting_is_refused_and_not_followed(both: list[LuaJson], text: str) -> None:
    for each in both:
        assert "deeply" in each.module.decode(text)[1]


def test_escapes_become_utf8(both: list[LuaJson]) -> None:
    text = r'"\u00e9 \ud83c\udfb5 \/ \ud800 \t"'
    for each in both:
        assert each.module.decode(text) == "é 🎵 / � \t"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_number_is_refused(both: list[LuaJson], number: float) -> None:
    for each in both:
        tried = each.runtime.eval("function(json, n) return pcall(json.encode, {n}) end")
        assert tried(each.module, number)[0] is False


def test_an_empty_array_stays_one(both: list[LuaJson]) -> None:
    for each in both:
        assert each.there_and_back('{"a": [], "b": {}, "c": null}') == {"a": [], "b": {}}


def test_the_same_table_gives_the_same_text(both: list[LuaJson]) -> None:
    for each in both:
        text = each.runtime.eval("function(json) return json.encode({b=1, a=1.5, ['é']='x'}) end")
        assert text(each.module) == '{"a":1.5,"b":1,"é":"x"}'
