"""Where things lie, in odd surroundings."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pytest

from stemlift.cli import main as command
from stemlift.errors import Exit, Reason, StemliftError
from stemlift.paths import HOME_VARIABLE, find_paths
from stemlift.system.private import choose_socket_path, short_folder


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the variable is Linux's")
def test_without_a_runtime_folder_nothing_is_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for given in (None, "relative", str(tmp_path / "run")):
            if given is None:
                monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
            else:
                monkeypatch.setenv("XDG_RUNTIME_DIR", given)
            expected = tmp_path / "run" / "stemlift" if given == str(tmp_path / "run") else None
            assert find_paths().runtime == expected


def test_a_server_without_a_runtime_folder_takes_a_short_one(tmp_path: Path) -> None:
    short = short_folder("key", tmp_path)
    assert choose_socket_path(None, "key", tmp_path) == short / "s"
    (tmp_path / "run").write_text("in the way")
    assert choose_socket_path(tmp_path / "run", "key", tmp_path) == short / "s"


def test_a_home_that_leads_nowhere_is_said_plainly(monkeypatch, capsys) -> None:
    monkeypatch.setenv(HOME_VARIABLE, "~no-such-user-here/x")
    with pytest.raises(StemliftError) as caught:
        find_paths()
    assert caught.value.reason is Reason.STATE_UNUSABLE
    assert command.main(["models", "list"]) == Exit.SERVER
    assert "~no-such-user-here" in capsys.readouterr().err


def test_a_fault_is_told_even_where_no_paths_are(monkeypatch, capsys) -> None:
    def fail(**_: object) -> None:
        os.environ[HOME_VARIABLE] = "~no-such-user-here/x"
        raise ZeroDivisionError("by nought")

    monkeypatch.setenv(HOME_VARIABLE, "/nowhere")
    monkeypatch.setattr(command.typer.main, "get_command", lambda _: fail)
    assert command.main(["doctor"]) == Exit.FAULT
    assert "by nought" in capsys.readouterr().err
