"""Flatpak's key files, read as `flatpak override` writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.paths import paths_under
from stemlift.reaper.install import look, steps
from stemlift.reaper.install.places import FLATPAK, Place
from stemlift.reaper.install.sandbox import ALLOW, may_leave

TALK = "[Context]\nfilesystems=home;\n\n[Session Bus Policy]\norg.freedesktop.Flatpak=talk\n"
NONE = TALK.replace("=talk", "=none")


def say(folder: Path, text: str, name: str = FLATPAK) -> None:
    file = folder / "overrides" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("text", ["", "no key file", NONE, TALK.replace("[Session", "[System")])
def test_without_the_right_word_it_may_not(tmp_path: Path, text: str) -> None:
    assert not may_leave({}, tmp_path, tmp_path / "system")
    say(tmp_path / ".local/share/flatpak", text)
    assert not may_leave({}, tmp_path, tmp_path / "system")


@pytest.mark.parametrize("name", [FLATPAK, "global"])
def test_it_may_by_the_users_word_or_the_administrators(tmp_path: Path, name: str) -> None:
    say(tmp_path / ".local/share/flatpak", TALK, name)
    assert may_leave({}, tmp_path, tmp_path / "none")
    assert may_leave({}, tmp_path / "other", tmp_path / ".local/share/flatpak")
    assert may_leave({"XDG_DATA_HOME": str(tmp_path / ".local/share")}, tmp_path / "other")
    moved = {"FLATPAK_USER_DIR": str(tmp_path / ".local/share/flatpak")}
    assert may_leave(moved, tmp_path / "other")


def test_the_nearer_word_counts(tmp_path: Path) -> None:
    user, system = tmp_path / ".local/share/flatpak", tmp_path / "system"
    say(system, TALK)
    say(user, NONE)
    assert not may_leave({}, tmp_path, system)
    say(user, TALK)
    say(user, NONE, "global")
    assert may_leave({}, tmp_path, system)


def test_doctor_and_install_ask_for_it_until_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("XDG_DATA_HOME", "FLATPAK_USER_DIR"):
        monkeypatch.delenv(name, raising=False)
    place = Place(tmp_path / "REAPER", flatpak=True)
    place.folder.mkdir()
    (place.folder / "reaper.ini").touch()

    def install() -> tuple[str, ...]:
        return steps.install(place, paths_under(tmp_path / "s"), running=lambda _: None).todo

    def sandbox() -> look.Finding:
        found = look.look_at(place, running=lambda _: None)
        return next(each for each in found if each.name == "sandbox")

    assert any(ALLOW in each for each in install())
    assert not sandbox().ok
    assert ALLOW in sandbox().remedy
    say(tmp_path / ".local/share/flatpak", TALK)
    assert not any(ALLOW in each for each in install())
    assert sandbox().ok
    assert sandbox().remedy == ""
