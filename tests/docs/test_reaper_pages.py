"""What docs/reaper.md and docs/reaper-plan.md say, held against the program and the scripts."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from doc_pages import ROOT, blocks
from pydantic import BaseModel

from stemlift.errors import StemliftError
from stemlift.reaper import bundle, chanmodes, facts, forgetting, naming, plan, ranges
from stemlift.reaper.install import menu, sandbox, scripts

DOCS = ROOT / "docs"
PAGE = (DOCS / "reaper.md").read_text(encoding="utf-8")
PLAN_PAGE = (DOCS / "reaper-plan.md").read_text(encoding="utf-8")
LUA = "".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "reaper_scripts").rglob("*.lua"))
)
PROGRAM = "import sys; from stemlift.cli.reaper_program import main; sys.exit(main())"


def stemlift_reaper(*arguments: str, given: str = "") -> str:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout


def test_the_request_of_the_page_gives_the_plan_of_the_page(tmp_path: Path) -> None:
    request, shown = [each for each in blocks(DOCS / "reaper-plan.md") if each.language == "json"]
    file = tmp_path / "request.json"
    file.write_text(request.text, encoding="utf-8")
    assert json.loads(stemlift_reaper("plan", str(file))) == json.loads(shown.text)
    output = tmp_path / "plan.json"
    stemlift_reaper("plan", "-", "--output", str(output), given=request.text)
    assert json.loads(output.read_text(encoding="utf-8")) == json.loads(shown.text)


PARTS = [
    value
    for module in (facts, plan)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, BaseModel) and value is not facts.Facts
]


@pytest.mark.parametrize("part", dict.fromkeys(PARTS), ids=lambda part: part.__name__)
def test_every_field_of_the_schema_is_explained(part: type[BaseModel]) -> None:
    missing = [name for name in part.model_fields if f"`{name}`" not in PLAN_PAGE]
    assert not missing


def test_the_choices_have_the_defaults_that_the_page_shows() -> None:
    table = PLAN_PAGE.partition("### `choices`")[2].partition("## The plan")[0]
    shown = {
        name: json.loads(value)
        for name, value in re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, re.MULTILINE)
    }
    assert shown == facts.Choices().model_dump(mode="json")


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DOCS / "images")
    monkeypatch.setattr(sys, "argv", ["make_reaper_pictures.py", "--check"])
    return importlib.import_module("make_reaper_pictures")


def test_the_pictures_are_those_that_are_drawn(
    drawing: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert drawing.main() == 0
    for name in drawing.PICTURES:
        assert f"(images/{name})" in PAGE
    monkeypatch.setattr(drawing, "FOLDER", tmp_path)
    assert drawing.main() == 1


def test_the_windows_are_drawn_with_the_words_of_the_scripts(drawing: ModuleType) -> None:
    for word in ("The stems are in the project", "Cancel", "Close", "MIDI", "offline"):
        assert word in drawing.progress()
        assert f'"{word}"' in LUA
    for word in ("Media item context", "Select", "Save", scripts.MAIN):
        assert word in drawing.customize()
        assert word in PAGE
        assert word in LUA
    assert menu.LABEL in drawing.menu()


def test_the_four_clicks_are_the_same_everywhere() -> None:
    page = PAGE.replace("*", "")
    joined = re.sub(r'"\s*\.\.\s*"', "", LUA.replace('" .. setup.MAIN .. "', scripts.MAIN))
    for said in (page, joined, menu.by_hand()):
        places = [said.index(each) for each in (*menu.CLICKS, menu.RENAME)]
        assert places == sorted(places)
    for name in ("Stemlift_Setup", "Right-click menu…", "Customize menus/toolbars"):
        assert name in menu.by_hand()


def test_the_oldest_reaper_is_the_one_that_the_scripts_ask_for() -> None:
    match = re.search(r"OLDEST_REAPER = ([\d.]+)", LUA)
    assert match
    for page in (PAGE, (ROOT / "reaper_scripts" / "README.md").read_text(encoding="utf-8")):
        assert f"REAPER {match[1]} or newer" in page


def test_every_action_is_in_the_table() -> None:
    table = PAGE.partition("| action | does |")[2].partition("\n\n")[0]
    actions = [each.name for each in scripts.shipped_scripts() if each.is_action]
    assert len(actions) == 10
    assert "ten scripts" in PAGE
    for name in actions:
        assert f"*{name.removeprefix(scripts.ENTRY).removesuffix('.lua')}*" in table


def test_the_messages_that_are_quoted_are_said() -> None:
    rows = PAGE.partition("## Troubleshooting")[2].partition("### Two REAPERs")[0]
    quoted = re.findall(r"^\| [^|]*“([^”|]+)”", rows, flags=re.MULTILINE)
    assert len(quoted) >= 6
    said = LUA.replace("%.2f", "6.44").replace("%d", "15")
    said += (ROOT / "server/stemlift/reaper/importing.py").read_text(encoding="utf-8")
    with pytest.raises(StemliftError) as caught:
        naming.check_length("C:\\" + "m" * 300)
    said += caught.value.message
    assert [each for each in quoted if each.rstrip(" …") not in said] == []


def test_the_buttons_that_are_named_are_there() -> None:
    for name in ("Right-click menu…", "Toolbar or shortcut…", "Register the actions"):
        assert f"*{name}*" in PAGE
        assert f'"{name}"' in LUA
    for name in (
        "Import now",
        "Try again",
        "Show folder",
        "Support bundle…",
        "Forget",
        "Leave them alone",
        "Give them the stems too",
    ):
        assert f"*{name}*" in PAGE
        assert f'"{name}"' in LUA


def test_the_figures_are_those_of_the_program() -> None:
    assert f"the last {ranges.END_SLACK} s" in PAGE
    assert f"at least {ranges.LEAST_HANDLE} s" in PAGE
    assert f"({facts.Choices().handles:g} s unless chosen otherwise" in PAGE
    assert f"go after {forgetting.KEPT_SECONDS / 86400:.0f} days" in PAGE
    assert f"the last {bundle.MOST_JOBS} jobs" in PAGE
    assert f"$ {sandbox.ALLOW}\n" in PAGE


def test_the_channel_modes_are_those_of_the_planner() -> None:
    assert "one channel (modes 3–66 and 131–194) or a pair (67–130 and 195–257)" in PAGE
    kinds = {mode: chanmodes.from_mode(mode, 128).mode for mode in range(258)}
    assert {mode for mode, kind in kinds.items() if kind == "mono"} == {
        *range(3, 67),
        *range(131, 195),
    }
    assert {mode for mode, kind in kinds.items() if kind == "pair"} == {
        *range(67, 131),
        *range(195, 258),
    }
    assert chanmodes.from_mode(1, 6).stays == 1
    assert chanmodes.from_mode(1, 2).mode == "swap"


@pytest.mark.parametrize(
    "command", ["run", "forget", "models", "doctor", "bundle", "plan", "connect", "check"]
)
def test_every_option_of_the_helper_is_explained(command: str) -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8").partition("## `stemlift-reaper`")[2]
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", stemlift_reaper(command, "--help")))
    assert not {each for each in options - {"--help"} if f"`{each}" not in page}
    assert f"`{command}" in page
