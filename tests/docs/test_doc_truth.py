"""What the pages say of the code, held against the code."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import PAGES, ROOT, all_blocks, anchors, prose

from stemlift.errors import OUTCOMES, Reason
from stemlift.models.catalogue import load_catalogue
from stemlift.rpc.client import Client
from stemlift.rpc.gen import separation_pb2
from stemlift.rpc.model_requests import ImportOptions
from stemlift.rpc.requests import SeparateOptions

DOCS = ROOT / "docs"
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_page_and_a_row(reason: Reason) -> None:
    outcome = OUTCOMES[reason]
    lines = read(f"errors/{reason}.md").splitlines()
    assert lines[0] == f"# {reason}"
    assert f"Exit code {outcome.exit_code}, gRPC code `{outcome.grpc_code}`." in lines[2]
    assert {"## Why it happens", "## What to do"} <= set(lines)
    rows = [line for line in read("errors.md").splitlines() if line.startswith(f"| [{reason}](")]
    assert len(rows) == 1
    link, _, exit_code, grpc_code = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert link == f"[{reason}](errors/{reason}.md)"
    assert exit_code == str(outcome.exit_code)
    assert grpc_code == f"`{outcome.grpc_code}`"


def test_no_page_is_left_of_a_reason_that_is_gone() -> None:
    assert {page.stem for page in (DOCS / "errors").glob("*.md")} == set(Reason)


MODELS = ("list", "info", "pull", "import", "verify", "remove")
REAPER = ("install", "uninstall", "doctor")
SESSION = ("new", "add", "mashup", "samples", "show", "templates")
TRAIN = ("songs", "run", "export")
WATCH = ("status", "retry", "install-service", "uninstall-service")


@pytest.mark.parametrize(
    "command",
    [
        *(
            "separate",
            "serve",
            "jobs",
            "models",
            "reaper",
            "session",
            "watch",
            "doctor",
            "bench",
            "evaluate",
            "report",
        ),
        *(f"models {each}" for each in MODELS),
        *(f"reaper {each}" for each in REAPER),
        *(f"session {each}" for each in SESSION),
        *(f"train {each}" for each in TRAIN),
        *(f"watch {each}" for each in WATCH),
    ],
)
def test_every_option_is_explained(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stemlift", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", done.stdout))
    assert "--help" in options
    page = read("cli.md")
    missing = {each for each in options if not re.search(rf"`{each}[ `]", page)}
    assert not missing


@pytest.mark.parametrize("options", [SeparateOptions, ImportOptions])
def test_every_argument_is_explained(options: type) -> None:
    table = read("python.md")
    missing = [name for name in options.__annotations__ if f"`{name}`" not in table]
    assert not missing


def test_every_call_of_the_clients_is_explained() -> None:
    page = read("python.md")
    public = [name for name in vars(Client) if name[0] != "_"]
    missing = [name for name in public if not re.search(rf"(client\.|`){name}\b", page)]
    assert not missing


def test_every_call_is_explained() -> None:
    service = separation_pb2.DESCRIPTOR.services_by_name["SeparationService"]
    rows = re.findall(r"^\| `(\w+)` \|", read("grpc.md"), flags=re.MULTILINE)
    assert [method.name for method in service.methods] == [row for row in rows if row[0].isupper()]


def test_the_table_of_models_is_in_step_with_the_catalogue() -> None:
    done = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = read("models.md")
    for model in load_catalogue().models:
        assert f"| `{model.name}` |" in page


def test_a_table_behind_the_catalogue_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(DOCS)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    generate = importlib.import_module("generate")
    page = tmp_path / "models.md"
    behind = read("models.md").replace("| `htdemucs` | `demucs` |", "| `htdemux` | `demucs` |")
    page.write_text(behind, encoding="utf-8")
    monkeypatch.setattr(generate, "PAGE", page)
    assert generate.main() == 1
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert page.read_text(encoding="utf-8") == read("models.md")


def test_the_models_that_the_readme_names_are_what_it_says() -> None:
    """Its table has a few of them, the sizes and the licences included."""
    rows = re.findall(
        r"^\| `([\w.]+)` \| ([^|]+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    models = {model.name: model for model in load_catalogue().models}
    assert {"spectral", "htdemucs"} <= {name for name, _ in rows}
    for name, weights in rows:
        model = models[name]
        size = (
            f"{(model.download_bytes or sum(file.size or 0 for file in model.files)) / 1e6:.0f} MB"
        )
        if model.built_in:
            size += ", built in"
        assert weights == (size if model.has_weights else "none, always there")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_images_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(there), target


def test_the_layout_is_that_of_the_house() -> None:
    block = next(each for each in all_blocks("text") if each.page == DOCS / "architecture.md")
    named: set[str] = set()
    parent = ""
    for line in block.text.splitlines():
        name = line.split()[0]
        if line.startswith(" "):
            name = parent + name
        elif name == "server/stemlift/":
            parent = name
        path = ROOT / name
        assert path.is_dir() if name.endswith("/") else path.is_file(), name
        named.add(name)
    packages = {
        f"server/stemlift/{folder.name}/"
        for folder in (ROOT / "server" / "stemlift").iterdir()
        if (folder / "__init__.py").exists()
    }
    assert packages <= named
    tops = {"proto/stemlift/v1/", "reaper_scripts/", "tests/", "docs/"}
    assert tops <= named


def test_files_named_in_the_architecture_exist() -> None:
    page = read("architecture.md")
    stream = page.partition("## The stream")[2].partition("## Models")[0]
    for name in re.findall(r"`(\w+\.py)`", stream):
        assert (ROOT / "server/stemlift/separation" / name).is_file(), name
    for name in re.findall(r"`((?:server|tests|proto)/[\w/.-]+)`", page):
        assert (ROOT / name).exists(), name
    packages = {path.parent.name for path in (ROOT / "server/stemlift").glob("*/__init__.py")}
    named = [
        name for name in re.findall(r"`(\w+/[\w/.-]+)`", page) if name.split("/")[0] in packages
    ]
    assert {name.split("/")[0] for name in named} >= {"reaper", "models", "training", "quality"}
    for name in named:
        assert (ROOT / "server/stemlift" / name).exists(), name
