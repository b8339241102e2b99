"""The service under systemd: what is written, and that nothing is left half done."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_hosts import Systemd

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths, paths_under
from stemlift.system.commands import run_command
from stemlift.watch.service import install_service, remove_service, service_state
from stemlift.watch.service.install import Host
from stemlift.watch.service.program import Program, find_program
from stemlift.watch.service.systemd import unit_text


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "config" / "systemd" / "user"
        self.systemd = Systemd(self.folder)
        self.paths = paths_under(folder / "home")
        env = {"XDG_CONFIG_HOME": str(folder / "config")}
        self.host = Host("linux", self.systemd, env, folder, 1000, "/opt/stem lift/bin/python")

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*")) if self.folder.exists() else []

    @property
    def unit(self) -> Path:
        (only,) = self.files
        return only

    def install(self) -> bool:
        return install_service(self.paths, self.host)

    def fails(self, act: str) -> StemliftError:
        with pytest.raises(StemliftError) as caught:
            {"install": install_service, "remove": remove_service}[act](self.paths, self.host)
        assert caught.value.reason == Reason.SERVICE_FAILED
        assert caught.value.remedy
        return caught.value

    def changes(self) -> list[str]:
        looking = ("show-environment", "is-enabled", "is-active")
        return [argv[2] for argv in self.systemd.changes(lambda argv: argv[2] in looking)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_it_is_installed_enabled_and_started(house: House) -> None:
    assert install_service(house.paths, house.host)
    assert house.changes() == ["daemon-reload", "enable", "restart"]
    text = house.unit.read_text()
    assert 'ExecStart=:"/opt/stem lift/bin/python" "-P" "-m" "stemlift" "serve"\n' in text
    assert f'Environment="STEMLIFT_HOME={house.paths.home}"\n' in text
    assert house.systemd.active == {house.unit.name: text}
    assert house.systemd.enabled == {house.unit.name}
    state = service_state(house.paths, house.host)
    assert state.place == str(house.unit)
    assert (state.installed, state.current, state.running, state.foreign) == (
        True,
        True,
        True,
        False,
    )


def test_a_second_time_changes_nothing(house: House) -> None:
    house.install()
    before = (house.unit.read_bytes(), house.unit.stat().st_mtime_ns)
    house.changes()
    assert not house.install()
    assert house.changes() == []
    assert (house.unit.read_bytes(), house.unit.stat().st_mtime_ns) == before


def test_one_that_was_stopped_or_disabled_is_mended(house: House) -> None:
    house.install()
    house.systemd.active.clear()
    assert not service_state(house.paths, house.host).running
    house.changes()
    assert house.install()
    assert house.changes() == ["daemon-reload", "enable", "start"]
    house.systemd.enabled.clear()
    assert not service_state(house.paths, house.host).current
    assert house.install()
    assert house.systemd.enabled == {house.unit.name}


def test_one_of_an_older_make_is_replaced(house: House) -> None:
    house.install()
    old = house.unit.read_text().replace("RestartSec=10", "RestartSec=7")
    house.unit.write_text(old)
    assert not service_state(house.paths, house.host).current
    assert house.install()
    assert "RestartSec=10" in house.systemd.active[house.unit.name]


def test_it_is_removed_and_nothing_else(house: House) -> None:
    house.install()
    other = house.folder / "other.service"
    other.write_text("[Service]\nExecStart=/bin/true\n")
    assert remove_service(house.paths, house.host)
    assert house.files == [other]
    assert not house.systemd.active
    assert not house.systemd.enabled
    house.changes()
    assert not remove_service(house.paths, house.host)
    assert house.changes() == []
    assert not service_state(house.paths, house.host).installed


def test_what_somebody_else_wrote_stays(house: House) -> None:
    house.install()
    theirs = "[Service]\nExecStart=/usr/bin/stemlift serve\n"
    house.unit.write_text(theirs)
    house.changes()
    for act in ("install", "remove"):
        assert str(house.unit) in house.fails(act).message
        assert house.unit.read_text() == theirs
    assert house.changes() == []
    state = service_state(house.paths, house.host)
    assert state.foreign
    assert not state.installed


@pytest.mark.parametrize("absent", [True, False])
def test_without_systemd_or_a_session_nothing_is_written(house: House, absent: bool) -> None:
    house.systemd.absent, house.systemd.session = absent, absent
    error = house.fails("install")
    assert ("no systemd" in error.message) == absent
    assert ("No medium found" in error.message) != absent
    assert house.files == []
    assert house.changes() == []
    assert not house.folder.exists()


def test_without_a_session_nothing_is_removed(house: House) -> None:
    house.install()
    house.systemd.session = False
    house.fails("remove")
    assert house.unit.exists()


@pytest.mark.parametrize("word", ["daemon-reload", "enable", "restart"])
def test_what_fails_half_way_is_undone(house: House, word: str) -> None:
    house.systemd.broken = {word}
    assert "it did not work" in house.fails("install").message
    assert house.files == []
    assert not house.systemd.enabled
    assert not house.systemd.active


@pytest.mark.parametrize("word", ["daemon-reload", "enable", "restart"])
def test_an_older_one_comes_back(house: House, word: str) -> None:
    house.install()
    old = house.unit.read_text().replace("RestartSec=10", "RestartSec=7")
    house.unit.write_text(old)
    house.systemd.broken = {word}
    house.fails("install")
    assert house.unit.read_text() == old


def test_one_that_cannot_be_ended_is_not_removed(house: House) -> None:
    house.install()
    house.systemd.broken = {"disable"}
    house.fails("remove")
    assert house.unit.exists()


def test_a_folder_that_cannot_be_made(house: House) -> None:
    house.folder.parent.parent.mkdir()
    house.folder.parent.write_text("a file")
    house.fails("install")
    assert house.changes() == []


def test_two_homes_have_two_services(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.install()
    other = paths_under(tmp_path / "other")
    assert install_service(other, house.host)
    assert len(house.files) == 2
    assert remove_service(other, house.host)
    assert service_state(house.paths, house.host).running


def test_without_a_home_of_its_own_it_is_called_stemlift(tmp_path: Path) -> None:
    house = House(tmp_path)
    paths = Paths(*[tmp_path] * 5)
    assert install_service(paths, house.host)
    assert house.unit.name == "stemlift.service"
    assert "STEMLIFT_HOME" not in house.unit.read_text()


@pytest.mark.parametrize("name", ["a\nb", "a\x07b", "a\udcffb"])
def test_paths_that_no_definition_can_carry(tmp_path: Path, name: str) -> None:
    for platform in ("linux", "darwin", "win32"):
        with pytest.raises(StemliftError) as caught:
            find_program(paths_under(tmp_path / name), "/usr/bin/python", platform)
        assert caught.value.reason == Reason.SERVICE_FAILED
        assert caught.value.message.isascii()


def _words(line: str) -> list[str]:
    """What systemd.syntax(7) makes of a line of quoted words."""
    words, text = [], line
    while text:
        assert text[0] == '"'
        word, at = "", 1
        while text[at] != '"':
            if text[at] == "\\":
                at += 1
            elif text[at] == "%":
                assert text[at + 1] == "%"
                at += 1
            word += text[at]
            at += 1
        words.append(word)
        text = text[at + 1 :].removeprefix(" ")
    return words


PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=40
)


@given(PRINTABLE, PRINTABLE)
def test_any_path_comes_through(interpreter: str, home: str) -> None:
    program = Program("stemlift", (f"/{interpreter}", "-m", "x"), Path(f"/{home}"), Path("/log"))
    lines = unit_text(program).splitlines()
    command = next(line for line in lines if line.startswith("ExecStart="))
    words = _words(command.removeprefix("ExecStart=:"))
    if words[0] == "/bin/sh":
        # What the shell makes of it.
        words = words[3:]
    assert words == list(program.argv)
    environment = [line for line in lines if line.startswith("Environment=")]
    assert _words(environment[1].removeprefix("Environment=")) == [f"STEMLIFT_HOME={program.home}"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize("name", ["plain", "a b%h$HOME", """o'br"i\\en=$0 %n"""])
def test_systemd_takes_the_unit_and_the_odd_paths_in_it(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    program = folder / "python"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "stemlift.service"
    unit.write_text(unit_text(find_program(paths_under(folder), str(program), "linux")))
    assert "stemlift.service" not in _verified(unit)
    # It does look.
    unit.write_text(unit.read_text().replace("ExecStart=:", "ExecStart=:/none/"))
    assert "stemlift.service" in _verified(unit)


def _verified(unit: Path) -> str:
    folder = str(unit.parent)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", unit],
        capture_output=True,
        text=True,
        env={"XDG_RUNTIME_DIR": folder, "HOME": folder, "PATH": "/usr/bin:/bin"},
        check=False,
    )
    return done.stderr


def test_the_shell_gives_an_odd_program_its_arguments(tmp_path: Path) -> None:
    program = tmp_path / """o'br"i\\en=$0"""
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    made = Program("stemlift", (str(program), "$HOME", "a b", "%n"), None, tmp_path)
    line = next(line for line in unit_text(made).splitlines() if line.startswith("ExecStart=:"))
    assert run_command(_words(line.removeprefix("ExecStart=:"))).output == "$HOME|a b|%n|"


def test_the_programs_of_the_system_are_run_as_they_are() -> None:
    assert run_command(["sh", "-c", "echo out; echo err >&2; exit 3"]).code == 3
    assert run_command(["echo", "$HOME; `x`"]).output.strip() == "$HOME; `x`"
    assert run_command(["no-such-program-here"]).code == 127
    assert run_command(["sleep", "60"], limit=0.05).code == 124
