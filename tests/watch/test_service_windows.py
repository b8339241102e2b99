"""The service under Windows: what is written, and that nothing is left half done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from service_hosts import Scheduler

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths, paths_under
from stemlift.watch.service import install_service, remove_service, service_state
from stemlift.watch.service.install import Host
from stemlift.watch.service.program import Program
from stemlift.watch.service.windows_task import read_task, task_of, task_text

SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
ENV = {"USERDOMAIN": "STUDIO", "USERNAME": "Zoë & <Co>"}


class House:
    def __init__(self, folder: Path) -> None:
        self.scheduler = Scheduler()
        self.paths = Paths(*[folder] * 5)
        python = "/C/Program Files/Stem & lift/python.exe"
        self.host = Host("win32", self.scheduler, ENV, folder, 0, python)

    @property
    def xml(self) -> str:
        (only,) = self.scheduler.tasks.values()
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
        looking = ("/Query", "-NoProfile")
        return [argv[1] for argv in self.scheduler.changes(lambda argv: argv[1] in looking)]

    def make_older(self) -> str:
        older = self.xml.replace("<Version>1<", "<Version>0<")
        self.scheduler.tasks["Stemlift\\stemlift"] = older
        return older


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_it_is_installed_and_started(house: House) -> None:
    assert house.install()
    assert house.changes() == ["/Create", "/Run"]
    assert list(house.scheduler.tasks) == ["Stemlift\\stemlift"]
    root = ElementTree.fromstring(house.xml[house.xml.index("<Task") :])

    def said(path: str) -> str | None:
        text = root.findtext("/".join(SPACE + name for name in path.split("/")))
        return None if text is None else text.strip()

    # The interpreter that opens no window.
    assert said("Actions/Exec/Command") == "/C/Program Files/Stem & lift/pythonw.exe"
    assert said("Actions/Exec/Arguments") == "-P -m stemlift serve"
    assert said("Triggers/LogonTrigger/UserId") == "STUDIO\\Zoë & <Co>"
    assert said("Principals/Principal/UserId") == "STUDIO\\Zoë & <Co>"
    assert said("Principals/Principal/LogonType") == "InteractiveToken"
    # For ever, on batteries, once.
    assert said("Settings/ExecutionTimeLimit") == "PT0S"
    assert said("Settings/StopIfGoingOnBatteries") == "false"
    assert said("Settings/MultipleInstancesPolicy") == "IgnoreNew"
    state = service_state(house.paths, house.host)
    assert (state.installed, state.current, state.running, state.foreign) == (
        True,
        True,
        True,
        False,
    )


def test_a_second_time_changes_nothing(house: House) -> None:
    house.install()
    house.changes()
    assert not house.install()
    assert house.changes() == []


def test_one_that_was_stopped_is_started(house: House) -> None:
    house.install()
    house.scheduler.running.clear()
    house.changes()
    assert not service_state(house.paths, house.host).running
    house.changes()
    assert house.install()
    assert house.changes() == ["/Run"]


def test_one_of_an_older_make_is_replaced_and_started_anew(house: House) -> None:
    house.install()
    house.make_older()
    house.changes()
    assert house.install()
    assert house.changes() == ["/Create", "/End", "/Run"]
    assert service_state(house.paths, house.host).current


def test_it_is_removed_and_nothing_else(house: House) -> None:
    house.install()
    house.scheduler.tasks["Other\\task"] = "<Task/>"
    assert remove_service(house.paths, house.host)
    assert list(house.scheduler.tasks) == ["Other\\task"]
    house.changes()
    assert not remove_service(house.paths, house.host)
    assert house.changes() == []


@pytest.mark.parametrize("theirs", ["<Task/>", "", "<Task", f'<Task xmlns="{SPACE[1:-1]}"/>'])
def test_what_somebody_else_made_stays(house: House, theirs: str) -> None:
    house.scheduler.tasks["Stemlift\\stemlift"] = theirs
    for act in ("install", "remove"):
        assert "Stemlift\\stemlift" in house.fails(act).message
    assert house.xml == theirs
    assert house.changes() == []


def test_without_a_scheduler(house: House) -> None:
    house.scheduler.absent = True
    assert "no schtasks" in house.fails("install").message


@pytest.mark.parametrize("word", ["/Create", "/Run"])
def test_what_fails_half_way_is_undone(house: House, word: str) -> None:
    house.scheduler.broken = {word}
    assert "it did not work" in house.fails("install").message
    assert not house.scheduler.tasks


@pytest.mark.parametrize("word", ["/Create", "/Run"])
def test_an_older_one_comes_back(house: House, word: str) -> None:
    house.install()
    older = house.make_older()
    house.scheduler.broken = {word}
    house.fails("install")
    # The stand-in lays text out anew each time.
    assert read_task(house.xml) == read_task(older)


def test_one_that_cannot_be_deleted_stays(house: House) -> None:
    house.install()
    house.scheduler.broken = {"/Delete"}
    house.fails("remove")
    assert service_state(house.paths, house.host).installed


def test_the_text_is_what_schtasks_reads() -> None:
    program = Program("stemlift", ("C:\\py thon\\pythonw.exe", "-m", "x"), None, Path("log"))
    data = task_text(program, "A\\b")
    assert data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16")
    assert text.startswith("<?xml version='1.0' encoding='utf-16'?>")
    assert read_task(text) == task_of(program)


def test_a_percent_sign_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path)
    with pytest.raises(StemliftError) as caught:
        install_service(paths_under(tmp_path / "a%TEMP%"), house.host)
    assert caught.value.reason == Reason.SERVICE_FAILED
    assert not house.scheduler.asked


def test_a_home_of_its_own_reaches_the_program(tmp_path: Path) -> None:
    """The command line, as Windows would cut it, run by this Python."""
    home = tmp_path / """o'brien "söhne" \u97f3 $x"""
    (tmp_path / "stemlift.py").write_text(
        "import os, sys\n"
        "assert __name__ == '__main__'\n"
        "print(ascii(os.environ['STEMLIFT_HOME']), sys.argv[1:])\n"
    )
    program = Program("s", (sys.executable, "-P", "-m", "stemlift", "serve"), home, tmp_path)
    arguments = task_of(program).arguments
    assert arguments.isascii()
    assert "%" not in arguments
    done = subprocess.run(
        [sys.executable, *_cut(arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout.strip() == f"{str(home)!a} ['serve']", done.stderr


def _cut(line: str) -> list[str]:
    """The rules of Microsoft's C runtime for arguments."""
    words, word, quoted, inside = [], "", False, False
    slashes = 0
    for sign in line + " ":
        if sign == "\\":
            slashes += 1
            continue
        if sign == '"':
            word += "\\" * (slashes // 2)
            inside = True
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            slashes = 0
            continue
        word += "\\" * slashes
        slashes = 0
        if sign == " " and not quoted:
            if word or inside:
                words.append(word)
            word, inside = "", False
        else:
            word += sign
            inside = True
    return words
