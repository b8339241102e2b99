"""The pages on training and on the rights of its data, taken by their word."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_pages import ROOT, Block, blocks
from pydantic import BaseModel
from real_server import Home, home_in
from signals import song, write
from training_songs import easy_stems, write_songs

from stemlift.cli.main import main
from stemlift.errors import StemliftError
from stemlift.networks.compact import BANDS, CompactConfig
from stemlift.training import state
from stemlift.training.recipe import Recipe, load_recipe, recipe_names
from stemlift.training.songs import rendering, rights, voice_bank, voices
from stemlift.training.songs.mixing import RATE, STEMS

DOCS = ROOT / "docs"
PAGE = (DOCS / "training.md").read_text(encoding="utf-8")
PROVENANCE = (DOCS / "provenance.md").read_text(encoding="utf-8")
BLOCKS = list(blocks(DOCS / "training.md"))
RUN = [block for block in BLOCKS if block.language == "console" and block.not_run is None]
RECIPES = {
    match[1]: block.text
    for block in BLOCKS
    if block.language == "toml"
    and (
        match := re.search(r"as `(\w+\.toml)`", PAGE.partition(block.text)[0].rsplit("\n\n", 2)[-2])
    )
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home")) as home:
        home.serve()
        yield home


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader stands: a song, the recipes of the page, and multitracks of their own."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "song.wav", song(RATE, 2, RATE), RATE, "PCM_16")
    for name, text in RECIPES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    layout = next(b.text for b in BLOCKS if b.text.startswith("multitracks/"))
    at = tmp_path
    for line in layout.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        at = tmp_path.joinpath(*at.relative_to(tmp_path).parts[:depth], line.strip())
        if line.endswith("/"):
            at.mkdir()
        else:
            stems = easy_stems(3.0, 7) / 32768.0
            write(at, stems[STEMS.index(at.stem)].T, RATE, "PCM_16")
    return tmp_path


def test_the_page_can_be_followed_from_songs_to_stems(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for block in RUN:
        for command in block.commands:
            name, *arguments = shlex.split(command)
            assert name == "stemlift"
            if arguments[:2] == ["train", "songs"]:
                _songs(arguments, folder, monkeypatch)
            elif arguments[0] == "train":
                assert main(arguments) == 0, capsys.readouterr().err
            else:
                done = home.run(*arguments, cwd=folder)
                assert done.returncode == 0, (command, done.stderr)
    assert {path.name for path in (folder / "by-first").iterdir()} == {
        f"song - {stem}.wav" for stem in STEMS
    }
    kept = {path.name for path in (folder / "run").iterdir()}
    told = PAGE.partition("| file | what |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", told, re.MULTILINE)) == kept
    card = (folder / "mine.md").read_text(encoding="utf-8")
    assert "not for others" in card
    assert "Multitracks of the person who trained it" in card
    assert str(folder) not in card


def _songs(arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own voices alone sing: to let all others speak takes minutes.

    Without what it needs, other songs take the place of those that it makes.
    """
    try:
        rendering.require(("train", "valid"), folder)
    except StemliftError:
        write_songs(folder / "songs", "train", 4, 4.0)
        write_songs(folder / "songs", "valid", 1, 4.0)
        return
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(folder / "nothing"))
        assert main(arguments) == 0
    made = sorted(path.stem for path in (folder / "songs").glob("*.npy"))
    assert made == [*(f"train-1-{index:06d}" for index in range(4)), "valid-1-000000"]


def test_the_lines_that_are_shown_are_such_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    from stemlift.cli.train import _in_words

    shown = next(b.text for b in BLOCKS if b.text.startswith("step 1:")).splitlines()
    line: dict[str, object] = {"step": 3, "loss": 0.35486, "seconds": 0.2362}
    assert _in_words(line) == shown[2]
    figures = {"drums": 2.17, "bass": -1.72, "vocals": 1.53}
    assert _in_words({"step": 3, "sdr": figures, "best_step": 3}) == shown[3]
    assert _in_words({"step": 3, "sdr": {}, "best_step": 3}) == "step 3: not measured"


def test_the_files_that_a_training_leaves_are_named() -> None:
    for name in (state.STATE, state.LOG, state.BEST, state.RECIPE):
        assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipes_of_the_page_are_recipes(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(RECIPES[name], encoding="utf-8")
    assert load_recipe(str(path)).name == Path(name).stem
    assert set(tomllib.loads(RECIPES[name])) <= set(Recipe.model_fields)


def _shown(heading: str) -> dict[str, str]:
    table = PAGE.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", table, re.MULTILINE)
    return {field: default.strip() for field, default in rows}


def test_both_recipes_were_found() -> None:
    assert set(RECIPES) == {"first.toml", "mine.toml"}


TABLES = {
    name: field.annotation
    for name, field in Recipe.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}


@pytest.mark.parametrize("name", TABLES)
def test_every_field_of_a_table_is_explained_with_its_default(name: str) -> None:
    annotation = TABLES[name]
    assert annotation is not None
    shown = _shown(f"`[{name}]`")
    assert list(shown) == list(annotation.model_fields)
    defaults = json.loads(annotation().model_dump_json())
    if name == "network":
        defaults = json.loads(json.dumps(dataclasses.asdict(CompactConfig())))
        assert shown.pop("bands") == f"{len(BANDS)} bands"
    for field, cell in shown.items():
        assert cell == ("" if defaults[field] is None else f"`{json.dumps(defaults[field])}`")


def test_every_field_at_the_top_is_explained_with_its_default() -> None:
    shown = _shown("At the top")
    assert list(shown) == [name for name in Recipe.model_fields if name not in TABLES]
    plain = Recipe(name="any")
    assert shown["licence"] == f"`{json.dumps(plain.licence)}`"
    assert shown["about"] == f"`{json.dumps(plain.about)}`"
    (required,) = [name for name, field in Recipe.model_fields.items() if field.is_required()]
    assert shown[required] == ""


def test_all_packages_that_songs_need_are_installed_by_the_page() -> None:
    (block,) = [block for block in BLOCKS if "apt-get" in block.text]
    lines = [command.split() for command in block.commands if "apt-get" in command]
    named = [word for line in lines for word in line[line.index("install") + 2 :]]
    assert sorted(named) == list(rights.packages("train", "valid", "test"))
    played, sung, *measured = [set(line[line.index("install") + 2 :]) for line in lines]
    fonts = {font.package for font in rights.SOUNDFONTS}
    assert played == {*fonts, "libfluidsynth3"}
    assert sung == set(rights.packages("train")) - played
    assert set().union(*measured).isdisjoint(rights.packages("train"))
    assert all(recipe in PAGE for recipe in recipe_names())


def test_songs_and_room_are_those_of_the_recipe() -> None:
    songs = load_recipe("compact").songs
    count = songs.train + songs.valid + songs.test
    size = songs.seconds * RATE * 2 * 2 * len(STEMS)
    assert f"asks for {count:,} of them, {count * size / 1e9:.0f} GB" in PAGE
    assert f"{songs.seconds:.0f} seconds take {size / 1e6:.0f} MB" in PAGE
    settings = load_recipe("compact").training
    assert (settings.batch, settings.segment) == (2, 6.0)
    assert "A step of `compact` hears two examples of 6 s" in PAGE
    assert f"and {settings.steps:,} of them" in PAGE


# Where the weights come from


def test_the_ingredients_are_those_of_the_list() -> None:
    done = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for entry in (*rights.SOUNDFONTS, *rights.VOICES, *rights.OWN, *rights.TOOLS):
        assert f"| **{entry.name}** | {entry.licence} |" in PROVENANCE


def test_a_list_that_has_changed_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    monkeypatch.syspath_prepend(DOCS)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    generate = importlib.import_module("generate")
    page = tmp_path / "provenance.md"
    page.write_text(PROVENANCE.replace("| **flite** | MIT-Festival |", "| **flite** | MIT |"))
    monkeypatch.setattr(generate, "PROVENANCE", page)
    assert generate.main() == 1
    assert "provenance.md" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert page.read_text(encoding="utf-8") == PROVENANCE


def test_the_recipe_and_the_licence_are_those_of_the_page() -> None:
    named = re.findall(r"`(server/[\w/]+\.toml)`", PROVENANCE)
    assert tuple(Path(each).stem for each in named) == recipe_names()
    assert all((ROOT / each).is_file() for each in named)
    assert "**The licence of the weights is MIT**" in PROVENANCE
    for recipe in map(load_recipe, recipe_names()):
        assert recipe.licence == "MIT"
        assert not recipe.data.multitracks
        assert recipe.training.start is None
        assert recipe.network == load_recipe("compact").network


def test_what_is_kept_of_a_voice_is_what_the_page_says() -> None:
    each_second = round(1 / voice_bank.FRAME_S)
    assert f"WORLD measures it, {each_second} times a second" in PROVENANCE
    assert f"in {voice_bank.BANDS} bands" in PROVENANCE
    assert f"in {voice_bank.BREATHS} wider ones" in PROVENANCE


def test_throats_that_learn_and_measure_are_named() -> None:
    throats: dict[str, set[str]] = {}
    for voice in voices.catalogue():
        if voice.engine == "espeak":
            throats.setdefault(voice.split, set()).add(voice.say.split("+")[1])
    measuring = throats["valid"] | throats["test"]
    named = PROVENANCE.partition("variants that measure, ")[2].partition(", speak another")[0]
    assert set(re.findall(r"`(\w+)`", named)) == throats["train"] & measuring
    assert f"of the {len(measuring)} variants that measure" in PROVENANCE


def _console(page: str) -> list[Block]:
    return [block for block in blocks(DOCS / page) if block.language == "console"]


def test_the_commands_that_take_hours_are_commands(capsys: pytest.CaptureFixture[str]) -> None:
    for block in (*_console("training.md"), *_console("provenance.md")):
        for command in block.commands:
            name, *arguments = shlex.split(command)
            if name != "stemlift" or block in RUN:
                continue
            assert main([*arguments[:2], "--help"]) == 0
            said = capsys.readouterr().out
            for option in (word for word in arguments if word.startswith("--")):
                assert option in said, command
