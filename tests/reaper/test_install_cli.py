"""`stemlift reaper` as a user calls it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake_server import FakeServer

from stemlift import __version__
from stemlift.cli.main import main
from stemlift.cli.reaper_program import main as helper_main
from stemlift.errors import Exit
from stemlift.paths import HOME_VARIABLE, paths_under
from stemlift.reaper.install.look import look_at
from stemlift.reaper.install.places import Place, find_places
from stemlift.reaper.install.scripts import MAIN, action_id


@pytest.fixture
def reaper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    folder = tmp_path / "REAPER ü…"
    folder.mkdir()
    (folder / "reaper.ini").touch()
    (folder / "reaper-menu.ini").write_text("[Media item context]\nitem_0=40062 Copy\n")
    return folder


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_in_and_out_again(reaper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(reaper)
    assert main(["reaper", "install", "--resource-path", str(reaper)]) == Exit.DONE
    said = capsys.readouterr().err
    assert str(reaper) in said
    assert "Separate to tracks" in said
    assert action_id(MAIN) in (reaper / "reaper-menu.ini").read_text()
    between = files(reaper)
    assert main(["reaper", "install", "--resource-path", str(reaper)]) == Exit.DONE
    assert "already" in capsys.readouterr().err
    assert files(reaper) == between
    assert main(["reaper", "uninstall", "--portable", str(reaper)]) == Exit.DONE
    assert "Removed" in capsys.readouterr().err
    assert files(reaper) == before


def test_for_programs(reaper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (reaper / "reaper-menu.ini").unlink()
    assert main(["reaper", "install", "--resource-path", str(reaper), "--json"]) == Exit.DONE
    (done,) = json.loads(capsys.readouterr().out)["installed"]
    assert (done["resource_path"], done["menu"], done["changed"]) == (str(reaper), "no_menu", True)
    assert "Customize menus" in done["todo"][0]
    assert main(["reaper", "uninstall", "--resource-path", str(reaper), "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == {
        "removed": [{"resource_path": str(reaper), "changed": True}]
    }


def test_no_reaper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    for variable in ("HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert main(["reaper", "install", "--json"]) == Exit.BAD_INPUT
    assert json.loads(capsys.readouterr().out)["error"]["reason"] == "REAPER_NOT_FOUND"


def test_the_doctor_finds_what_is_missing(
    reaper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def checks() -> dict[str, dict[str, object]]:
        code = main(["reaper", "doctor", "--resource-path", str(reaper), "--json"])
        assert code == Exit.DONE
        found = json.loads(capsys.readouterr().out)["checks"]
        return {check["name"]: check for check in found}

    server = FakeServer(paths_under(tmp_path / "home")).start()
    try:
        found = checks()
        assert found["server"]["ok"]
        assert [name for name in ("scripts", "actions", "menu") if found[name]["ok"]] == []
        main(["reaper", "install", "--resource-path", str(reaper)])
        capsys.readouterr()
        found = checks()
        for name in ("REAPER", "scripts", "program", "actions", "menu"):
            assert found[name]["ok"], found[name]
        script = reaper / "Scripts" / "Stemlift" / MAIN
        script.write_text("-- changed\n")
        (reaper / "reaper-menu.ini").unlink()
        record = script.with_name("Stemlift_install.json")
        record.write_text(json.dumps(json.loads(record.read_text()) | {"program": "/gone"}))
        found = checks()
        assert not any(found[name]["ok"] for name in ("scripts", "program", "menu"))
        assert "Customize menus" in str(found["menu"]["remedy"])
        assert main(["reaper", "doctor", "--resource-path", str(reaper)]) == Exit.DONE
        assert "✗ menu" in capsys.readouterr().out
        # As the script Setup asks, which knows in which REAPER it runs.
        answer = tmp_path / "answer"
        asked = ["doctor", "--resource-path", str(reaper), "--output", str(answer)]
        assert helper_main(asked) == Exit.DONE
        assert f"REAPER: {reaper}" in " ".join(answer.read_text("utf-8").split())
    finally:
        server.stop()


@pytest.mark.parametrize("command", ["install", "uninstall", "doctor"])
def test_every_option_is_explained(command: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
    page = page[page.index("## `stemlift reaper`") :]
    done = subprocess.run(
        [sys.executable, "-m", "stemlift", "reaper", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", done.stdout)) - {"--help"}
    assert options
    assert all(f"`{option}" in page for option in options)


def test_nothing_heavy_starts_with_the_helper() -> None:
    code = (
        "import sys; import stemlift.cli.reaper_program, stemlift.reaper.run, stemlift.cli.reaper;"
        " print(sorted({'torch', 'grpc', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform == "win32", reason="programs are no shell scripts there")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/no/such/python\n", "does not start"),
        ("#!/bin/sh\nexit 1\n", "does not start"),
        ("#!/bin/sh\necho hello\n", "does not start"),
        ('#!/bin/sh\necho \'{"version": "0.0.1"}\'\n', "is of version 0.0.1"),
        (f'#!/bin/sh\necho \'{{"version": "{__version__}"}}\'\n', ""),
    ],
)
def test_a_program_of_another_environment_is_asked_its_version(
    reaper: Path, tmp_path: Path, text: str, said: str
) -> None:
    main(["reaper", "install", "--resource-path", str(reaper)])
    program = tmp_path / "stemlift-reaper"
    program.write_text(text)
    program.chmod(0o755)
    record = reaper / "Scripts" / "Stemlift" / "Stemlift_install.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"program": str(program)}))
    (found,) = [each for each in look_at(Place(reaper)) if each.name == "program"]
    assert found.ok == (not said)
    assert said in found.detail
    assert ("stemlift reaper install" in found.remedy) == bool(said)


def test_what_was_done_is_told_though_the_next_reaper_refuses(
    reaper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (tmp_path / "other").write_bytes(b"no folder")
    both = [Place(reaper), Place(tmp_path / "other")]
    monkeypatch.setattr("stemlift.reaper.install.places.find_places", lambda *_: both)
    assert main(["reaper", "install"]) == Exit.BAD_INPUT
    said = capsys.readouterr().err
    assert f"Installed in {reaper}" in said
    assert "other" in said


def test_one_reaper_that_refuses_keeps_none_of_the_others_from_theirs(
    reaper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    broken = tmp_path / "first"
    broken.mkdir()
    (broken / "reaper.ini").touch()
    # A file stands where the folder of the scripts must be.
    (broken / "Scripts").write_text("mine")
    places = [find_places(str(folder), None)[0] for folder in (broken, reaper)]
    monkeypatch.setattr("stemlift.reaper.install.places.find_places", lambda *_: places)
    assert main(["reaper", "install"]) == Exit.BAD_INPUT
    said = capsys.readouterr().err
    assert f"Installed in {reaper}" in said
    assert str(broken) in said
    assert (broken / "Scripts").read_text() == "mine"
    assert action_id(MAIN) in (reaper / "reaper-menu.ini").read_text()
