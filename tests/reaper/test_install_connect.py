"""Scripts that came without the installer learn where the program is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stemlift.cli.reaper_program import main
from stemlift.errors import Exit
from stemlift.reaper.install.scripts import RECORD, find_program


@pytest.fixture
def resource_path(tmp_path: Path) -> Path:
    folder = tmp_path / "REAPER"
    folder.mkdir()
    (folder / "reaper.ini").write_bytes(b"[REAPER]\n")
    (folder / "reaper-kb.ini").write_bytes(b"KEY 9 65 40340 0\n")
    return folder


def connect(resource_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    # The option sets it for good, as a process of its own may.
    monkeypatch.setenv("STEMLIFT_HOME", str(home))
    answer = home.parent / "answer"
    words = ["--resource-path", str(resource_path), "--output", str(answer)]
    assert main(["connect", *words, "--home", str(home)]) == Exit.DONE
    return json.loads(answer.read_bytes())


def test_only_the_record_is_written(
    resource_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    record = resource_path / "Scripts" / "Stemlift" / RECORD
    assert connect(resource_path, home, monkeypatch) == {"connected": [str(record)]}
    written = json.loads(record.read_bytes())
    assert written["program"] == str(find_program())
    assert written["home"] == str(home)
    assert written["files"] == []
    there = {path for path in resource_path.rglob("*") if path.is_file()}
    assert there == {resource_path / "reaper.ini", resource_path / "reaper-kb.ini", record}
    assert (resource_path / "reaper-kb.ini").read_bytes() == b"KEY 9 65 40340 0\n"


def test_what_the_installer_copied_stays_known(
    resource_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = resource_path / "Scripts" / "Stemlift" / RECORD
    record.parent.mkdir(parents=True)
    record.write_text('{"program": "/gone", "files": ["lib/json.lua", "../out.lua"]}')
    connect(resource_path, tmp_path / "home", monkeypatch)
    assert json.loads(record.read_bytes())["files"] == ["lib/json.lua"]
