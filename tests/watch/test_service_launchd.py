"""The service under launchd: what is written, and that nothing is left half done."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest
from service_hosts import Launchd

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths, paths_under
from stemlift.watch.service import install_service, remove_service, service_state
from stemlift.watch.service.install import Host

ODD = """/Users/o'brien & söhne <x>/"%n"/$HOME/python"""


class House:
    def __init__(self, folder: Path) -> None:
        self.launchd = Launchd()
        self.folder = folder / "Library" / "LaunchAgents"
        self.paths = paths_under(folder / "home & <more>")
        self.waited: list[float] = []
        self.host = Host("darwin", self.launchd, {}, folder, 501, ODD, self.waited.append)

    @property
    def file(self) -> Path:
        (only,) = self.folder.iterdir()
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
        return [argv[1] for argv in self.launchd.changes(lambda argv: argv[1] == "print")]

    def make_older(self) -> bytes:
        agent = plistlib.loads(self.file.read_bytes())
        agent["ThrottleInterval"] = 7
        data = plistlib.dumps(agent)
        self.file.write_bytes(data)
        return data


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_it_is_installed_and_loaded(house: House) -> None:
    assert house.install()
    assert house.changes() == ["enable", "bootstrap"]
    agent = plistlib.loads(house.file.read_bytes())
    assert agent["ProgramArguments"] == [ODD, "-P", "-m", "stemlift", "serve"]
    assert agent["EnvironmentVariables"]["STEMLIFT_HOME"] == str(house.paths.home)
    assert agent["RunAtLoad"]
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["Label"] == house.file.stem
    assert Path(agent["StandardErrorPath"]).parent.is_dir()
    # launchd takes no agent that others may write.
    assert house.file.stat().st_mode & 0o022 == 0
    assert house.launchd.agents == {f"gui/501/{agent['Label']}": house.file.read_bytes()}
    state = service_state(house.paths, house.host)
    assert (state.place, state.installed, state.current, state.running, state.foreign) == (
        str(house.file),
        True,
        True,
        True,
        False,
    )


def test_a_second_time_changes_nothing(house: House) -> None:
    house.install()
    before = house.file.stat().st_mtime_ns
    house.changes()
    assert not house.install()
    assert house.changes() == []
    assert house.file.stat().st_mtime_ns == before


def test_one_that_was_unloaded_or_disabled_is_loaded(house: House) -> None:
    house.install()
    house.launchd.disabled = set(house.launchd.agents)
    house.launchd.agents.clear()
    assert not service_state(house.paths, house.host).running
    assert house.install()
    assert service_state(house.paths, house.host).running


def test_one_of_an_older_make_is_replaced_once_it_is_gone(house: House) -> None:
    house.install()
    house.make_older()
    assert not service_state(house.paths, house.host).current
    house.changes()
    assert house.install()
    assert house.changes() == ["bootout", "enable", "bootstrap"]
    # It takes its time to end.
    assert house.waited == [0.5, 0.5]
    assert list(house.launchd.agents.values()) == [house.file.read_bytes()]


def test_it_is_removed_and_nothing_else(house: House) -> None:
    house.install()
    other = house.folder / "other.plist"
    other.write_bytes(plistlib.dumps({"Label": "other"}))
    assert remove_service(house.paths, house.host)
    assert house.file == other
    assert not house.launchd.agents
    house.changes()
    assert not remove_service(house.paths, house.host)
    assert house.changes() == []


@pytest.mark.parametrize(
    "theirs",
    [plistlib.dumps({"Label": "x"}), plistlib.dumps([1]), b"", b"<plist", b"bplist00", b"hello"],
)
def test_what_somebody_else_wrote_stays(house: House, theirs: bytes) -> None:
    house.install()
    house.file.write_bytes(theirs)
    house.changes()
    for act in ("install", "remove"):
        assert str(house.file) in house.fails(act).message
        assert house.file.read_bytes() == theirs
    assert house.changes() == []
    assert service_state(house.paths, house.host).foreign


@pytest.mark.parametrize("absent", [True, False])
def test_without_launchd_or_a_desktop_nothing_is_written(house: House, absent: bool) -> None:
    house.launchd.absent, house.launchd.session = absent, absent
    error = house.fails("install")
    assert ("no launchctl" in error.message) == absent
    assert not house.folder.exists()


def test_what_fails_half_way_is_undone(house: House) -> None:
    house.launchd.broken = {"bootstrap"}
    assert "it did not work" in house.fails("install").message
    assert list(house.folder.iterdir()) == []


def test_an_older_one_comes_back(house: House) -> None:
    house.install()
    old = house.make_older()
    house.launchd.broken = {"bootstrap"}
    house.fails("install")
    assert house.file.read_bytes() == old


def test_one_that_does_not_end_stays(house: House) -> None:
    house.install()
    house.launchd.broken = {"bootout"}
    assert "it did not work" in house.fails("remove").message
    assert house.file.exists()
    assert sum(house.waited) == pytest.approx(70)


def test_without_a_home_of_its_own(tmp_path: Path) -> None:
    house = House(tmp_path)
    assert install_service(Paths(*[tmp_path] * 5), house.host)
    assert house.file.name == "io.github.stemlift.plist"
    assert "STEMLIFT_HOME" not in plistlib.loads(house.file.read_bytes())["EnvironmentVariables"]
