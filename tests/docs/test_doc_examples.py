"""The examples of the README and docs/, run as a reader would run them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from doc_pages import ROOT, Block, all_blocks
from fake_hub import FakeHub
from multitracks import write_multitrack
from real_server import Home, home_in
from signals import song, write
from tiny_demucs import tiny_htdemucs, write_bag
from tiny_open_unmix import write_open_unmix
from tiny_roformer import write_roformer

from stemlift.models.entry import FileEntry, ModelEntry
from stemlift.models.library import Library
from stemlift.models.spec import Network, Origin
from stemlift.paths import paths_under
from stemlift.rpc.model_results import ModelInfo
from stemlift.sessions import load_template
from stemlift.settings import Settings, WatchFolder, load_settings
from stemlift.watch.recipe import Extra, Recipe
from stemlift.watch.recipes import STEM_FOLDERS

SHOWN_JOB = "3f9c2a71"
"""The job that the pages speak of; a real one takes its place."""

RUN = ("console", "python")
LANGUAGES = {*RUN, "bat", "diff", "json", "toml", "text"}

TAKEN_WHOLE = ("adding.md", "training.md")
"""Their blocks belong together: test_adding_page.py and test_training_page.py run them."""


def named(blocks: list[Block]) -> list[Any]:
    return [pytest.param(block, id=block.id) for block in blocks]


def runnable(language: str) -> list[Any]:
    return named(
        [
            block
            for block in all_blocks(language)
            if block.not_run is None and block.page.name not in TAKEN_WHOLE
        ]
    )


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    """A hub with the one model that the pages fetch, its network a tiny one."""
    folder = tmp_path_factory.mktemp("hub")
    with FakeHub() as hub:
        for file in write_bag(folder, "htdemucs", [tiny_htdemucs(1)]):
            hub.put("adefossez/HTDemucs", file.name, file.read_bytes())
        yield hub


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, hub: FakeHub) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    (folder / "settings.toml").write_text(f'hub = "{hub.endpoint}"\n', encoding="utf-8")
    with home_in(folder, HF_HUB_OFFLINE="0") as home:
        home.serve()
        yield home


@pytest.fixture
def home(served: Home) -> Iterator[Home]:
    """Every example finds the models that a fresh installation has."""
    yield served
    with served.client() as client:
        for model in client.models().models:
            if model.origin == "imported" or _was_fetched(model):
                client.remove_model(model.name)


def _was_fetched(model: ModelInfo) -> bool:
    return bool(model.installed_bytes) and not model.sources and not model.built_in


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording")
    return write(folder / "song.wav", song(int(3.6 * 22050), 2, 22050), 22050, "PCM_16")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader may have to import: an Open-Unmix folder, a transformer with its YAML."""
    folder = tmp_path_factory.mktemp("checkpoints")
    write_open_unmix(folder / "my-umx")
    weights, config = write_roformer(folder, "mel", target="vocals")
    weights.rename(folder / "voice.ckpt")
    config.rename(folder / "voice.yaml")
    return folder


@pytest.fixture
def folder(tmp_path: Path, recording: Path, checkpoints: Path) -> Path:
    """Where a reader stands: two songs, one with its stems, an inbox, and checkpoints."""
    shutil.copytree(checkpoints, tmp_path, dirs_exist_ok=True)
    (tmp_path / "song.wav").write_bytes(recording.read_bytes())
    (tmp_path / "groove.wav").write_bytes(recording.read_bytes())
    write_multitrack(tmp_path / "multitracks" / "a song", 0.5)
    (tmp_path / "inbox").mkdir()
    shutil.copy(recording, tmp_path / "inbox")
    return tmp_path


def a_job(home: Home, folder: Path) -> str:
    with home.client() as client:
        job = client.separate(
            folder / "song.wav", stems=["bass"], out=folder / "shown", duration=0.2
        )
        job.result()
    return job.id[: len(SHOWN_JOB)]


@pytest.mark.parametrize("block", runnable("console"))
def test_commands(home: Home, folder: Path, block: Block) -> None:
    shown = a_job(home, folder) if SHOWN_JOB in block.text else SHOWN_JOB
    assert block.commands
    for command in block.commands:
        name, *arguments = shlex.split(command.replace(SHOWN_JOB, shown))
        assert name == "stemlift", f"{block.id}: only stemlift runs here, mark {command!r}"
        done = home.run(*arguments, cwd=folder)
        assert done.returncode == block.exit_code, (command, done.stdout, done.stderr)


@pytest.mark.parametrize("block", runnable("python"))
def test_programs(home: Home, folder: Path, block: Block) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=folder,
        env=home.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def shape(value: Any) -> Any:
    """What keys there are, in their order, without the values."""
    return {key: shape(each) for key, each in value.items()} if isinstance(value, dict) else None


def test_json_lines_have_the_keys_that_the_page_shows(home: Home, folder: Path) -> None:
    page = [block for block in all_blocks() if block.page.name == "cli.md"]
    pairs = [
        (block, after)
        for block, after in pairwise(page)
        if block.language == "console" and after.language == "json"
    ]
    assert len(pairs) == 4
    for block, after in pairs:
        command = block.commands[-1]
        done = home.run(*shlex.split(command)[1:], cwd=folder)
        (line,) = done.stdout.splitlines()
        said, example = json.loads(line), json.loads(after.text)
        assert json.dumps(shape(said)) == json.dumps(shape(example))
        if "error" in said:
            assert said["error"]["reason"] == example["error"]["reason"]
            assert said["error"]["remedy"] == example["error"]["remedy"]


def test_what_is_shown_of_a_model_is_what_is_said(home: Home) -> None:
    page = [block for block in all_blocks() if block.page.name == "cli.md"]
    shown = {block.text: after.text for block, after in pairwise(page) if after.language == "text"}
    info = shown["$ stemlift models info mel_band_roformer_kim"]
    said = home.run("models", "info", "mel_band_roformer_kim").stdout.splitlines()
    assert info.splitlines() == said[: len(info.splitlines())]
    (head, *rows) = shown["$ stemlift models list\n$ stemlift models list --json"].splitlines()
    table = home.run("models", "list").stdout.splitlines()
    # Away from a terminal there is room for the licence, too.
    assert table[0].split() == [*head.split(), "licence"]
    for row in rows:
        (real,) = [line for line in table if line.split()[0] == row.split()[0]]
        words = _words(row)
        assert _words(real)[: len(words)] == words


def _words(row: str) -> list[str]:
    """A row of the table; whether its model is here, and who takes it, is the reader's own."""
    return [word for word in row.split() if word not in ("yes", "no", "loaded", "(auto)")]


def test_the_settings_that_are_shown_are_the_defaults(tmp_path: Path) -> None:
    others = ("models.md", "watched-folder.md", "sessions.md", "training.md")
    (block,) = [block for block in all_blocks("toml") if block.page.name not in others]
    file = tmp_path / "settings.toml"
    file.write_text(block.text, encoding="utf-8")
    assert load_settings(file) == Settings()
    assert list(tomllib.loads(block.text)) == list(Settings.model_fields)


def test_the_recipe_and_the_watched_folders_that_are_shown_are_such(tmp_path: Path) -> None:
    shown = [block for block in all_blocks("toml") if block.page.name == "watched-folder.md"]
    recipe, settings = (tomllib.loads(block.text) for block in shown)
    assert set(Recipe.model_validate(recipe).model_dump(exclude_defaults=True)) == set(recipe)
    file = tmp_path / "settings.toml"
    file.write_text(shown[1].text, encoding="utf-8")
    assert len(load_settings(file).watch) == len(settings["watch"])
    page = (ROOT / "docs" / "watched-folder.md").read_text(encoding="utf-8")
    for field in (*Recipe.model_fields, *WatchFolder.model_fields):
        assert f"`{field}`" in page, field
    for name in (*get_args(Extra), *STEM_FOLDERS):
        assert re.search(rf"`[^`]*{re.escape(name)}[^`]*`", page), name


def test_the_template_that_is_shown_is_one(tmp_path: Path) -> None:
    (block,) = [block for block in all_blocks("toml") if block.page.name == "sessions.md"]
    file = tmp_path / "fills.toml"
    file.write_text(block.text, encoding="utf-8")
    assert [track.stem for track in load_template(file).track] == ["drums", None, "*"]


ENTRIES = [block for block in all_blocks("toml") if block.page.name == "models.md"]


@pytest.mark.parametrize("block", named(ENTRIES))
def test_the_entries_that_are_shown_are_models(tmp_path: Path, block: Block) -> None:
    paths = paths_under(tmp_path)
    paths.models_file.write_text(block.text, encoding="utf-8")
    catalogue = Library(paths).catalogue()
    shown = [entry["name"] for entry in tomllib.loads(block.text)["models"]]
    own = [spec for spec in catalogue.models if spec.origin is Origin.USER]
    assert sorted(spec.name for spec in own) == sorted(shown)
    for spec in own:
        assert catalogue.parts(spec)


def test_an_entry_of_every_network_is_shown_and_every_field_explained() -> None:
    entries = [entry for block in ENTRIES for entry in tomllib.loads(block.text)["models"]]
    assert {entry["network"] for entry in entries} == set(Network)
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    for field in (*ModelEntry.model_fields, *FileEntry.model_fields):
        assert f"`{field}`" in page, field


@pytest.mark.parametrize("block", named(all_blocks("json")))
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


def test_every_block_runs_or_says_why_not() -> None:
    for block in all_blocks():
        assert block.language in LANGUAGES, block.id
        if block.language == "bat":
            assert block.not_run, f"{block.id}: it cannot run here, and must say why"
        if block.comment:
            assert block.not_run or block.exit_code, f"{block.id}: {block.comment!r}"
        if block.not_run is not None:
            assert len(block.not_run) > 5, f"{block.id}: why is it not run?"
    assert all_blocks(*RUN)


def test_the_readme_names_the_two_commands() -> None:
    readme = [block for block in all_blocks("console") if block.page == ROOT / "README.md"]
    assert ["make demo", "make test"] in [block.commands for block in readme]
