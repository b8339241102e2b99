"""What installing and removing leaves in REAPER's files, byte for byte."""

from __future__ import annotations

import errno
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths, paths_under
from stemlift.reaper.facts import VERSION
from stemlift.reaper.install import lines, steps
from stemlift.reaper.install.menu import CLICKS, Entry
from stemlift.reaper.install.places import Place
from stemlift.reaper.install.scripts import MAIN, RECORD, Script, action_id

CHOOSE = "Stemlift_Separate… (choose).lua"
SHIPPED = [
    Script(MAIN, b"-- main\n"),
    Script(CHOOSE, "-- wählen\n".encode()),
    Script("lib/json.lua", b"return {}\n"),
]

KEYMAP = (
    b'ACT 0 0 "4f1c" "Custom: Bounce" 40340 _SWS_ABOUT\r\n'
    b'SCR 4 0 RS0123456789012345678901234567890123456789 "Custom: other.lua" other.lua\r\n'
    b'SCR 4 32060 RS7d3c_01 "Custom: m\xe4rz.lua" "M\xe4rz/m\xe4rz.lua"\r\n'
    b"KEY 9 65 40340 0\t\t # Main : Cmd+A\r\n"
)
MENU = (
    b"[Main file]\r\nitem_0=40001 New\r\n"
    b"[Media item context]\r\nitem_0=40062 Copy\r\nitem_1=-1\r\nitem_2=-2 &More\r\n"
    b"item_3=40209 Gr\xc3\xbc\xc3\x9fe\r\nitem_4=-3\r\n\r\n"
    b"[Ruler/arrange context]\r\nitem_0=40020 Clear\r\n"
)


def reaper(folder: Path, keys: bytes | None = KEYMAP, menus: bytes | None = MENU) -> Place:
    folder.mkdir(parents=True)
    (folder / "reaper.ini").write_bytes(b"[REAPER]\n")
    for name, data in (("reaper-kb.ini", keys), ("reaper-menu.ini", menus)):
        if data is not None:
            (folder / name).write_bytes(data)
    return Place(folder)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return reaper(tmp_path / "Ré 'aper' \"q\" & co")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return paths_under(tmp_path / "home")


def install(place: Place, paths: Paths, **options) -> steps.Installed:
    given = {"running": lambda _: None, "scripts": SHIPPED, "platform": "linux"} | options
    return steps.install(place, paths, **given)


def uninstall(place: Place, **options) -> bool:
    return steps.uninstall(place, **({"running": lambda _: None, "scripts": SHIPPED} | options))


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {name: data for name, (data, _) in tree(folder).items()}


def test_the_scripts_are_copied_and_told_where_the_program_is(place: Place, paths: Paths) -> None:
    done = install(place, paths)
    assert done.changed
    assert done.actions == 2
    for script in SHIPPED:
        assert (place.scripts / script.name).read_bytes() == script.data
    record = json.loads((place.scripts / RECORD).read_bytes())
    assert Path(record["program"]).is_absolute()
    assert Path(record["program"]).is_file()
    assert Path(record["windowless"]).is_file()
    assert record["jobs_folder"] == str(paths.state / "reaper")
    assert record["home"] == str(paths.home)
    assert record["launcher"] == []


def test_actions_stand_after_the_scripts_that_are_there(place: Place, paths: Paths) -> None:
    install(place, paths)
    before = KEYMAP.splitlines(keepends=True)
    added = [
        f'SCR 4 0 {action_id(name)} "Custom: {name}" "Stemlift/{name}"\r\n'.encode()
        for name in (MAIN, CHOOSE)
    ]
    # Only lines of the arrange window's section count; the other bytes stay as they were.
    assert place.keymap.read_bytes() == b"".join([*before[:2], *added, *before[2:]])


def test_windows_has_its_own_separator(place: Place, paths: Paths) -> None:
    install(place, paths, platform="win32")
    assert f'"Stemlift\\{MAIN}"\r\n'.encode() in place.keymap.read_bytes()


def test_the_menu_gets_one_entry_with_the_next_number(place: Place, paths: Paths) -> None:
    done = install(place, paths)
    assert done.menu is Entry.THERE
    entry = f"item_5=_{action_id(MAIN)} Separate to tracks\r\n".encode()
    assert place.menu.read_bytes() == MENU.replace(b"item_4=-3\r\n", b"item_4=-3\r\n" + entry, 1)
    kept = place.menu.with_name("reaper-menu.ini.stemlift-backup")
    assert kept in done.backups
    assert kept.read_bytes() == MENU
    assert done.todo == ()


@pytest.mark.parametrize("menus", [None, b"", b"[Main file]\nitem_0=40001 New\n"])
def test_without_the_menu_nothing_is_written_and_the_clicks_are_said(
    tmp_path: Path, paths: Paths, menus: bytes | None
) -> None:
    place = reaper(tmp_path / "REAPER", menus=menus)
    done = install(place, paths)
    assert done.menu is Entry.NO_MENU
    assert (place.menu.read_bytes() if place.menu.exists() else None) == menus
    assert all(click in done.todo[0] for click in CLICKS)


def test_twice_changes_nothing(place: Place, paths: Paths) -> None:
    install(place, paths)
    before = tree(place.folder)
    done = install(place, paths)
    assert not done.changed
    assert done.backups == ()
    assert tree(place.folder) == before


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_removing_restores_every_byte(tmp_path: Path, paths: Paths, end: bytes, bom: bytes) -> None:
    menus = bom + b"[Media item context]\nitem_0=40062 Copy\nitem_1=-1" + end
    keys = bom + b'SCR 4 0 RS01 "Custom: other.lua" other.lua' + end
    place = reaper(tmp_path / "REAPER", keys, menus)
    before = contents(place.folder)
    install(place, paths)
    assert contents(place.folder) != before
    assert uninstall(place)
    assert contents(place.folder) == before
    assert not place.scripts.exists()
    assert not uninstall(place)
    assert contents(place.folder) == before


def test_files_that_were_not_there_go_again(tmp_path: Path, paths: Paths) -> None:
    place = reaper(tmp_path / "REAPER", None, None)
    install(place, paths)
    assert place.keymap.read_bytes().count(b"\n") == 2
    uninstall(place)
    assert sorted(contents(place.folder)) == ["reaper.ini"]


def test_what_the_user_changed_since_stays(place: Place, paths: Paths) -> None:
    install(place, paths)
    ours = f"_{action_id(MAIN)}".encode()
    menus = place.menu.read_bytes().replace(
        b"\r\n\r\n[Ruler", b"\r\nitem_6=40001 Later\r\nicon_6=a.png\r\n\r\n[Ruler"
    )
    place.menu.write_bytes(menus.replace(b"item_0=40001 New", b"item_0=" + ours + b" Mine"))
    keys = place.keymap.read_bytes() + b"KEY 1 66 " + ours + b" 0\r\n"
    place.keymap.write_bytes(keys)
    (place.scripts / "mine.lua").write_bytes(b"--")
    assert uninstall(place)
    # Later entries move up, since a menu ends at the first gap; other menus are the user's.
    assert place.menu.read_bytes() == MENU.replace(
        b"item_4=-3\r\n", b"item_4=-3\r\nitem_5=40001 Later\r\nicon_5=a.png\r\n"
    ).replace(b"item_0=40001 New", b"item_0=" + ours + b" Mine")
    assert place.keymap.read_bytes() == KEYMAP + b"KEY 1 66 " + ours + b" 0\r\n"
    assert contents(place.scripts) == {"mine.lua": b"--"}
    # What it was before is kept, since this is something else.
    assert place.menu.with_name("reaper-menu.ini.stemlift-backup").read_bytes() == MENU


def test_an_update_takes_scripts_away_that_are_gone(place: Place, paths: Paths) -> None:
    install(place, paths)
    done = install(place, paths, scripts=[Script(MAIN, b"-- newer\n")])
    assert done.changed
    assert sorted(contents(place.scripts)) == sorted([MAIN, RECORD])
    assert (place.scripts / MAIN).read_bytes() == b"-- newer\n"
    assert action_id(CHOOSE).encode() not in place.keymap.read_bytes()
    assert action_id(MAIN).encode() in place.keymap.read_bytes()


@pytest.mark.parametrize("name", ["../../reaper.ini", "/etc/passwd", "lib/../../x", "C:\\x", 7])
def test_a_record_leads_to_nothing_outside_our_folder(
    place: Place, paths: Paths, name: object
) -> None:
    install(place, paths)
    file = place.scripts / RECORD
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"files": [name]}))
    uninstall(place)
    assert place.folder.joinpath("reaper.ini").exists()
    assert not place.scripts.exists()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"files": ["lib"]}', "\0", "[]"])
def test_a_record_that_is_damaged_is_written_anew(place: Place, paths: Paths, text: str) -> None:
    install(place, paths)
    whole = contents(place.scripts)
    (place.scripts / RECORD).write_text(text)
    assert install(place, paths).changed
    assert contents(place.scripts) == whole
    (place.scripts / RECORD).write_text(text)
    uninstall(place)
    assert not place.scripts.exists()


def test_a_running_reaper_is_left_alone(place: Place, paths: Paths) -> None:
    before = tree(place.folder)
    for step in (
        lambda: install(place, paths, running=lambda _: 4711),
        lambda: uninstall(place, running=lambda _: 4711),
    ):
        with pytest.raises(StemliftError, match="4711") as caught:
            step()
        assert caught.value.reason is Reason.REAPER_RUNNING
    assert tree(place.folder) == before
    assert install(place, paths, running=lambda _: 4711, force=True).changed


def test_a_read_only_file_is_the_users_word(place: Place, paths: Paths) -> None:
    place.menu.chmod(0o444)
    with pytest.raises(StemliftError, match="reaper-menu") as caught:
        install(place, paths)
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    assert place.menu.read_bytes() == MENU
    place.menu.chmod(0o644)
    assert install(place, paths).menu is Entry.THERE


def test_a_folder_in_the_way_is_said(place: Place, paths: Paths) -> None:
    place.scripts.parent.write_bytes(b"a file")
    with pytest.raises(StemliftError, match="Scripts") as caught:
        install(place, paths)
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE


def test_flatpak_is_told_the_way_out_of_its_sandbox(tmp_path: Path, paths: Paths) -> None:
    place = Place(reaper(tmp_path / "REAPER").folder, flatpak=True)
    done = install(place, paths)
    assert "flatpak override --user" in done.todo[0]
    record = json.loads((place.scripts / RECORD).read_bytes())
    assert record["launcher"] == ["/usr/bin/flatpak-spawn", "--host", "--directory=/"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Flatpak")
def test_the_way_out_of_the_sandbox_starts_the_program(tmp_path: Path, paths: Paths) -> None:
    """With a stand-in for flatpak-spawn that, like it, takes the current folder along."""
    place = Place(reaper(tmp_path / "REAPER").folder, flatpak=True)
    install(place, paths)
    record = json.loads((place.scripts / RECORD).read_bytes())
    spawn, *options = record["launcher"]
    stand_in = tmp_path / Path(spawn).name
    stand_in.write_text(
        """#!/bin/sh
folder="$PWD"
while :; do
  case "$1" in
    --host) ;;
    --directory=*) folder="${1#--directory=}" ;;
    *) break ;;
  esac
  shift
done
cd "$folder" && exec "$@"
"""
    )
    stand_in.chmod(0o755)
    gone = tmp_path / "of the sandbox alone"
    gone.mkdir()
    answer = tmp_path / "answer"
    words = [stand_in, *options, record["program"], "check", "--output", answer]
    script = 'cd "$0" && rmdir "$0" && exec "$@"'
    subprocess.run(["/bin/sh", "-c", script, gone, *words], check=True, timeout=60)
    assert json.loads(answer.read_bytes())["schema"] == VERSION


def test_broken_off_anywhere_it_is_whole_and_can_be_done_again(
    tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full at the n-th file, for every n."""
    real = lines.write_whole
    whole = contents(finished(tmp_path / "whole", paths).folder)
    # All files but reaper.ini are written.
    for limit in range(len(whole) - 1):
        place = reaper(tmp_path / f"REAPER {limit}")
        left = [limit]

        def full(path: Path, data: bytes, left: list[int] = left, **options) -> None:
            if left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            left[0] -= 1
            real(path, data, **options)

        monkeypatch.setattr(lines, "write_whole", full)
        with pytest.raises(StemliftError) as caught:
            install(place, paths)
        assert caught.value.reason is Reason.DISK_FULL
        for name, data in contents(place.folder).items():
            assert data in (whole[name], KEYMAP, MENU), name
        monkeypatch.setattr(lines, "write_whole", real)
        install(place, paths)
        assert contents(place.folder) == whole
        uninstall(place)
        assert contents(place.folder) == contents(reaper(tmp_path / f"fresh {limit}").folder)


def finished(folder: Path, paths: Paths) -> Place:
    place = reaper(folder)
    install(place, paths)
    return place


@pytest.mark.parametrize("seed", range(12))
def test_any_file_comes_back_as_it_was(tmp_path: Path, paths: Paths, seed: int) -> None:
    chance = random.Random(seed)
    pieces = [
        b"[Media item context]\n",
        b"[media ITEM context]\r\n",
        b"item_0=1 a\n",
        b"item_1=-1\r\n",
        b"item_7=3 x\n",
        b"icon_2=i.png\n",
        b"title=T\n",
        b"[Other]\n",
        b"\n",
        b"\xff\xfe\x00\n",
        b"item_x=\n",
        b'SCR 4 0 RSff "Custom: a" a.lua\n',
        b"SCR\n",
        b"SCR 4 0\n",
        b"KEY 1 2\r\n",
    ]
    keys, menus = (
        b"".join(chance.choices(pieces, k=chance.randrange(8))).rstrip(chance.choice([b"", b"\n"]))
        for _ in range(2)
    )
    place = reaper(tmp_path / "REAPER", keys, menus)
    before = contents(place.folder)
    install(place, paths)
    again = contents(place.folder)
    install(place, paths)
    assert contents(place.folder) == again
    uninstall(place)
    assert contents(place.folder) == before


def test_a_file_that_is_a_link_stays_one(tmp_path: Path, paths: Paths) -> None:
    """Some keep their settings elsewhere, under version control."""
    place = reaper(tmp_path / "REAPER")
    kept = tmp_path / "settings"
    kept.mkdir()
    for path in (place.keymap, place.menu):
        path.rename(kept / path.name)
        path.symlink_to(kept / path.name)
    install(place, paths)
    assert place.keymap.is_symlink()
    assert action_id(MAIN).encode() in (kept / "reaper-kb.ini").read_bytes()
    uninstall(place)
    assert place.menu.is_symlink()
    assert (kept / "reaper-kb.ini").read_bytes() == KEYMAP
    assert (kept / "reaper-menu.ini").read_bytes() == MENU


def test_after_an_update_too_all_comes_back(tmp_path: Path, paths: Paths) -> None:
    """The backup is what was there before us, not what the last version left."""
    place, other = reaper(tmp_path / "REAPER"), reaper(tmp_path / "new", None, None)
    before = contents(place.folder)
    for each in (place, other):
        install(each, paths, scripts=SHIPPED[:1])
        install(each, paths)
    assert contents(place.folder)["reaper-kb.ini.stemlift-backup"] == KEYMAP
    for each in (place, other):
        uninstall(each)
    assert contents(place.folder) == before
    assert sorted(contents(other.folder)) == ["reaper.ini"]
