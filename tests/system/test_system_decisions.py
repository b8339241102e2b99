"""What is decided per operating system, tried for all of them here."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.system.nvidia import Card, choose_wheels, find_card, install_command, read_answer
from stemlift.system.private import (
    SOCKET_PATH_BYTES,
    choose_socket_path,
    clear_socket,
    is_private_folder,
    make_private_folder,
    short_folder,
    write_private_file,
)
from stemlift.system.process import birth_of, detach_options, has_unix_sockets, is_alive


def test_unix_sockets_everywhere_but_on_windows() -> None:
    assert [has_unix_sockets(name) for name in ("linux", "darwin", "win32")] == [True, True, False]


def test_a_detached_child_per_platform() -> None:
    assert detach_options("linux") == detach_options("darwin") == {"start_new_session": True}
    # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW
    assert detach_options("win32") == {"creationflags": 0x8 | 0x200 | 0x8000000}


def test_processes_that_live() -> None:
    assert is_alive(os.getpid())
    assert not is_alive(2**22 + 1)
    assert birth_of(2**22 + 1) is None
    parent, own = birth_of(os.getppid()), birth_of(os.getpid())
    assert parent is not None
    assert own is not None
    assert parent <= own
    assert birth_of(os.getpid()) == own


def test_a_short_path_is_taken_as_it_is(tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    assert choose_socket_path(runtime, "key") == runtime / "server.sock"
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["x" * 100, "ü" * 60, "100%", "a#b", "why?"])
def test_an_impossible_path_falls_back_to_a_short_folder(tmp_path: Path, name: str) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    found = choose_socket_path(tmp_path / name, "key", temporary)
    assert len(os.fsencode(found)) <= SOCKET_PATH_BYTES
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700
    assert choose_socket_path(tmp_path / name, "key", temporary) == found
    assert choose_socket_path(tmp_path / name, "other", temporary) != found


def test_a_long_temporary_folder_is_avoided() -> None:
    assert short_folder("key", Path("/" + "t" * 90)).parent == Path("/tmp")


def test_only_a_dead_socket_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "s"
    clear_socket(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with pytest.raises(StemliftError) as caught:
            clear_socket(path)
        assert caught.value.reason is Reason.LISTEN_REFUSED
        assert path.exists()
    clear_socket(path)
    assert not path.exists()
    path.write_text("my notes")
    with pytest.raises(StemliftError) as caught:
        clear_socket(path)
    assert caught.value.reason is Reason.LISTEN_REFUSED
    assert path.read_text() == "my notes"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    runtime = tmp_path / ("x" * 100)
    folder = short_folder("key", tmp_path)
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(StemliftError) as caught:
        choose_socket_path(runtime, "key", tmp_path)
    assert caught.value.reason is Reason.STATE_UNUSABLE
    folder.rmdir()
    mine = tmp_path / "mine"
    mine.mkdir()
    folder.symlink_to(mine)
    os.chown(folder, 12345, 12345, follow_symlinks=False)
    with pytest.raises(StemliftError):
        choose_socket_path(runtime, "key", tmp_path)


def test_an_open_folder_is_closed_and_a_file_is_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    make_private_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StemliftError) as caught:
            make_private_folder(path)
        assert caught.value.reason is Reason.STATE_UNUSABLE


def test_private_files_replace_whole_and_leave_nothing(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_private_file(path, b"one")
    write_private_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["token"]
    with pytest.raises(StemliftError):
        write_private_file(tmp_path / "none" / "token", b"")


def test_cards_are_read_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_answer("NVIDIA RTX 4070, 580.65.06, 8.9\nother, 1, 2\n") == Card(
        "NVIDIA RTX 4070", 580, 8.9
    )
    assert read_answer("Odd, [N/A], [N/A]\n") == Card("Odd")
    assert read_answer("") is None
    for platform in ("linux", "darwin", "win32"):
        assert find_card(platform, tmp_path) is None
    driver = tmp_path / "Windows" / "System32" / "nvcuda.dll"
    driver.parent.mkdir(parents=True)
    driver.touch()
    assert find_card("win32", tmp_path) == Card("NVIDIA card")
    assert find_card("linux", tmp_path) is None
    version = tmp_path / "proc" / "driver" / "nvidia" / "version"
    version.parent.mkdir(parents=True)
    version.touch()
    assert find_card("linux", tmp_path) == Card("NVIDIA card")
    assert find_card("darwin", tmp_path) is None
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'Tesla T4, 550.1, 7.5'\n")
    tool.chmod(0o755)
    assert find_card("linux", tmp_path) == Card("Tesla T4", 550, 7.5)


@pytest.mark.parametrize(
    ("version", "card", "wheels"),
    [
        ("2.4.1+cpu", Card("x", 560, 8.6), "cu124"),
        ("2.6.0", Card("x", 560, 8.6), "cu126"),
        ("2.9.1+cpu", Card("x", 560, 8.6), "cu128"),
        ("2.9.1+cpu", Card("x", 580, 6.1), "cu126"),
        ("2.13.0+cpu", Card("x", 580, 8.9), "cu130"),
        ("2.13.0+cpu", Card("x", 550, 8.9), "cu126"),
        ("2.13.0+cpu", Card("x", 570, 12.0), "cu130"),
        ("2.13.0+cpu", Card("x"), "cu130"),
    ],
)
def test_wheels_for_a_card(version: str, card: Card, wheels: str) -> None:
    assert choose_wheels(version, card) == wheels


def test_the_command_that_mends_it() -> None:
    card = Card("x", 580, 8.9)
    rest = (
        ' -m pip install --force-reinstall "torch==2.13.0"'
        " --index-url https://download.pytorch.org/whl/cu130"
    )
    for python, platform, start in (
        ("/v/bin/python", "linux", "/v/bin/python"),
        ("/my v/bin/python", "linux", '"/my v/bin/python"'),
        (r"C:\v\python.exe", "win32", r"C:\v\python.exe"),
        # Without the "&" PowerShell takes a quoted name for a text.
        (r"C:\my v\python.exe", "win32", r'& "C:\my v\python.exe"'),
    ):
        assert install_command(python, "2.13.0+cpu", card, platform) == start + rest


def test_which_folders_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    assert not is_private_folder(folder)
    folder.mkdir(mode=0o755)
    assert not is_private_folder(folder)
    make_private_folder(folder)
    assert is_private_folder(folder)
