"""Finding REAPER's resource path on three systems, and the ids that REAPER gives to scripts."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from real_server import wait_for

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.install.places import Place, find_places, running_on
from stemlift.reaper.install.scripts import MAIN, action_id


def reaper_in(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "reaper.ini").touch()
    return folder


def found(home: Path, platform: str, **environment: str) -> list[Place]:
    return find_places(platform=platform, environment=environment, home=home)


def test_linux(tmp_path: Path) -> None:
    native = reaper_in(tmp_path / ".config" / "REAPER")
    assert found(tmp_path, "linux") == [Place(native)]
    sandbox = reaper_in(tmp_path / ".var/app/fm.reaper.Reaper/config/REAPER")
    assert found(tmp_path, "linux") == [Place(native), Place(sandbox, flatpak=True)]
    moved = reaper_in(tmp_path / "elsewhere" / "REAPER")
    given = found(tmp_path, "linux", XDG_CONFIG_HOME=str(tmp_path / "elsewhere"))
    assert given == [Place(moved), Place(sandbox, flatpak=True)]


def test_macos(tmp_path: Path) -> None:
    folder = reaper_in(tmp_path / "Library" / "Application Support" / "REAPER")
    assert found(tmp_path, "darwin") == [Place(folder)]


def test_windows(tmp_path: Path) -> None:
    folder = reaper_in(tmp_path / "Röaming" / "REAPER")
    (folder / "reaper.ini").rename(folder / "REAPER.ini")
    assert found(tmp_path, "win32", APPDATA=str(tmp_path / "Röaming")) == [Place(folder)]
    usual = reaper_in(tmp_path / "AppData" / "Roaming" / "REAPER")
    assert found(tmp_path, "win32") == [Place(usual)]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_no_reaper_is_an_error_that_names_where_was_looked(tmp_path: Path, platform: str) -> None:
    with pytest.raises(StemliftError) as caught:
        found(tmp_path, platform)
    assert caught.value.reason is Reason.REAPER_NOT_FOUND
    assert str(tmp_path) in caught.value.message
    assert "--portable" in caught.value.remedy


@pytest.mark.parametrize("name", ["REAPER", "with space", "Ünï…", "qu'ote\"s", "-dash", "a&b;$x"])
def test_a_named_folder_may_have_any_name(tmp_path: Path, name: str, monkeypatch) -> None:
    folder = reaper_in(tmp_path / name)
    assert find_places(str(folder)) == [Place(folder)]
    assert find_places(portable=str(folder)) == [Place(folder)]
    monkeypatch.chdir(tmp_path)
    assert find_places(name) == [Place(folder)]


def test_a_portable_reaper_that_was_not_started_yet_has_its_program(tmp_path: Path) -> None:
    (tmp_path / "reaper.exe").touch()
    assert find_places(portable=str(tmp_path)) == [Place(tmp_path)]
    with pytest.raises(StemliftError, match=r"no reaper\.ini"):
        find_places(str(tmp_path))


@pytest.mark.parametrize("text", ["missing", "~nobody-of-this-name/x"])
def test_a_folder_that_is_none_is_said(tmp_path: Path, text: str, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StemliftError) as caught:
        find_places(text)
    assert caught.value.reason is Reason.REAPER_NOT_FOUND


@pytest.mark.parametrize("texts", [("a", "b"), ("", None), (None, "x\0y")])
def test_nonsense_is_an_argument(texts: tuple[str | None, str | None]) -> None:
    with pytest.raises(StemliftError) as caught:
        find_places(*texts)
    assert caught.value.reason is Reason.ARGUMENT_INVALID


@contextmanager
def started(program: Path, *arguments: str, **environment: str) -> Iterator[psutil.Process]:
    """A process that REAPER's looks like from outside."""
    shutil.copy(shutil.which("sleep") or "sleep", program)
    process = subprocess.Popen([program, "600", *arguments], env=environment)
    try:
        running = psutil.Process(process.pid)
        # Right after its start the system does not know it yet.
        wait_for(lambda: running.cmdline() and len(running.environ()) >= len(environment), "it")
        yield running
    finally:
        process.kill()
        process.wait()


class Named(psutil.Process):
    """Any process, by the name of REAPER's."""

    def name(self) -> str:
        return "reaper"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no sleep")
def test_a_reaper_that_runs_is_told_by_its_resource_path(tmp_path: Path) -> None:
    mine = Place(reaper_in(tmp_path / "home" / ".config" / "REAPER"))
    other = Place(reaper_in(tmp_path / "other"))
    program = tmp_path / "bin" / "reaper"
    program.parent.mkdir()
    with started(program, HOME=str(tmp_path / "home")) as process:
        assert running_on(mine, [process], "linux") == process.pid
        assert running_on(other, [process], "linux") is None
        assert running_on(mine) == process.pid
    with started(other.folder / "reaper", HOME=str(tmp_path / "home")) as process:
        # Portable: its settings lie beside it.
        assert running_on(other, [process], "linux") == process.pid
        assert running_on(mine, [process], "linux") is None
    # It cannot be told, so it may be any: under its real name, the other tests of this machine
    # would take it for theirs.
    with started(program.with_name("sleeper")) as process:
        reaper = Named(process.pid)
        assert running_on(mine, [reaper], "linux") == process.pid
    assert running_on(mine, [reaper], "linux") is None


def test_a_process_of_somebody_else_counts(tmp_path: Path) -> None:
    class Hidden:
        pid = 7

        def name(self) -> str:
            return "REAPER.exe"

        def status(self) -> str:
            return psutil.STATUS_RUNNING

        def cmdline(self) -> list[str]:
            raise psutil.AccessDenied(7)

    class Configured(Hidden):
        def cmdline(self) -> list[str]:
            return ["reaper.exe", "-cfgfile", str(tmp_path / "reaper.ini")]

    assert running_on(Place(tmp_path / "x"), [Hidden()]) == 7
    assert running_on(Place(tmp_path / "x"), [Configured()]) is None
    assert running_on(Place(tmp_path), [Configured()]) == 7


# Ids that other projects rely on: Reaticulate's own start, two scripts of the ReaTeam repository
# in routing tools, ReaClassical's crossfade editor. Each stands for one path below Scripts.
KNOWN = {
    "Reaticulate/Actions/Reaticulate_Main.lua": "be259504561f6a52557d2d1c64e52ef13527bf17",
    "ReaTeam Scripts/Tracks Properties/cfillion_Select source tracks of selected tracks receives"
    " recursively.lua": "07454ab62d927454fdbf507028b3e5299d3619dd",
    "ReaTeam Scripts/Tracks Properties/cfillion_Select destination tracks of selected tracks sends"
    " recursively.lua": "442c61972c3d71aaa886a5a47d809df69645bffa",
    "chmaha Scripts/ReaClassical/ReaClassical_Classical Crossfade Editor.lua": (
        "cc8cfd9f58e03fed9f8f467b7dae42089b826067"
    ),
}


@pytest.mark.parametrize(("path", "digits"), KNOWN.items(), ids=range(len(KNOWN)))
def test_ids_are_made_as_reaper_makes_them(path: str, digits: str) -> None:
    # `action_id` puts our own folder before the name; so does this, with theirs.
    assert hashlib.sha1(path.upper().encode()).hexdigest() == digits
    ours = f"Stemlift/{MAIN}".upper().encode()
    assert action_id(MAIN) == "RS" + hashlib.sha1(ours).hexdigest()
