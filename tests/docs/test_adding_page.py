"""The page on adding a network, taken by its word on a copy of the package."""

from __future__ import annotations

import ast
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_pages import ROOT, blocks
from real_server import Home, home_in
from signals import song, write

PAGE = list(blocks(ROOT / "docs" / "adding.md"))
PYTHON = [block.text for block in PAGE if block.language == "python"]
CHANGES = [block.text for block in PAGE if block.language == "diff"]


def apply(change: str, root: Path) -> None:
    """Put each added line after the line above it, which must stand in the file once."""
    name, *lines = change.splitlines()
    path = root / name.removeprefix("+++ ")
    text = path.read_text(encoding="utf-8")
    above = ""
    for line in lines:
        if line.startswith("+"):
            assert text.count(f"{above}\n") == 1, (path, above)
            text = text.replace(f"{above}\n", f"{above}\n{line[1:]}\n")
        above = line[1:]
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with the network of the page in it."""
    root = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "server", root / "server", ignore=ignored)
    networks = root / "server" / "stemlift" / "networks"
    (networks / "bin_gains.py").write_text(PYTHON[0], encoding="utf-8")
    for change in CHANGES:
        apply(change, root)
    return root / "server"


@pytest.fixture(scope="module")
def home(changed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home"), PYTHONPATH=str(changed)) as home:
        yield home


def test_it_is_twenty_lines() -> None:
    module = ast.parse(PYTHON[0])
    imports = (ast.Import, ast.ImportFrom)
    kept = [node for node in module.body[1:] if not isinstance(node, imports)]
    text = "\n".join(ast.unparse(node) for node in kept)
    code = [line for line in text.splitlines() if line.strip()]
    added = [line for change in CHANGES for line in change.splitlines()[1:] if line[0] == "+"]
    assert len(code) + len(added) <= 20


def test_it_becomes_a_model_like_any_other(home: Home, tmp_path: Path) -> None:
    write(tmp_path / "song.wav", song(22050, 2, 44100), 44100, "PCM_16")
    made = subprocess.run(
        [sys.executable, "-c", PYTHON[1]], cwd=tmp_path, env=home.environment, check=False
    )
    assert made.returncode == 0
    (commands,) = [block.commands for block in PAGE if block.language == "console"]
    for command in commands:
        done = home.run(*shlex.split(command)[1:], cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)
    done = home.run(
        "separate", "song.wav", "--model", "crossover", "--out", "binary", "--mask", "binary",
        "--json", cwd=tmp_path,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert said["null_dbfs"] == -300
    assert list(said["stems"]) == ["bass", "other"]
    # The masks are not alike, so that each was really made of what the network gave.
    heard = {
        (tmp_path / mask / "song - bass.wav").read_bytes()
        for mask in ("ratio", "complex", "binary")
    }
    assert len(heard) == 3
