"""Where REAPER keeps its things: the resource path, which holds scripts, actions and menus."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from stemlift.errors import Reason, StemliftError

FLATPAK = "fm.reaper.Reaper"
"""The id of REAPER's package on Flathub."""

_HERE = "In REAPER, Options → Show REAPER resource path opens the right folder"

_NAMES = ("reaper", "reaper.exe", "reaper64.exe", "reaper-bin", "reaper5", "reaper_host64")


@dataclass(frozen=True, slots=True)
class Place:
    """A resource path.

    flatpak: whether its REAPER runs in Flatpak's sandbox.
    """

    folder: Path
    flatpak: bool = False

    @property
    def scripts(self) -> Path:
        return self.folder / "Scripts" / "Stemlift"

    @property
    def keymap(self) -> Path:
        return self.folder / "reaper-kb.ini"

    @property
    def menu(self) -> Path:
        return self.folder / "reaper-menu.ini"


def usual_places(platform: str, environment: Mapping[str, str], home: Path) -> list[Place]:
    """Where a REAPER that is installed as usual has its resource path, whether it is there or not.

    Args:
        platform: as `sys.platform`.
        environment: of the user, for APPDATA and XDG_CONFIG_HOME.
        home: the user's folder.
    """
    if platform == "win32":
        data = environment.get("APPDATA")
        return [Place((Path(data) if data else home / "AppData" / "Roaming") / "REAPER")]
    if platform == "darwin":
        return [Place(home / "Library" / "Application Support" / "REAPER")]
    given = Path(environment.get("XDG_CONFIG_HOME", ""))
    config = given if given.is_absolute() else home / ".config"
    sandbox = home / ".var" / "app" / FLATPAK / "config" / "REAPER"
    return [Place(config / "REAPER"), Place(sandbox, flatpak=True)]


def find_places(
    resource_path: str | None = None,
    portable: str | None = None,
    *,
    platform: str = sys.platform,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> list[Place]:
    """The resource paths to install into: the one that is named, else all that are there.

    Args:
        resource_path: a folder that the user names.
        portable: the folder of a portable REAPER, which keeps everything beside the program.

    Raises:
        StemliftError: REAPER_NOT_FOUND; ARGUMENT_INVALID when both are named.
    """
    if resource_path is not None and portable is not None:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            "--resource-path and --portable name two folders.",
            "Give one of them.",
        )
    named = resource_path if resource_path is not None else portable
    if named is not None:
        return [_named(named, portable is not None)]
    usual = usual_places(
        platform, os.environ if environment is None else environment, home or Path.home()
    )
    found = [place for place in usual if is_resource_path(place.folder)]
    if not found:
        looked = " and ".join(str(place.folder) for place in usual)
        raise StemliftError(
            Reason.REAPER_NOT_FOUND,
            f"No REAPER has been started here yet: there is no reaper.ini in {looked}.",
            f"Start REAPER once. {_HERE}: give it with --resource-path, or a portable"
            " REAPER's folder with --portable.",
        )
    return found


def is_resource_path(folder: Path) -> bool:
    """Whether REAPER's settings lie there."""
    try:
        return any(path.name.lower() == "reaper.ini" for path in folder.iterdir())
    except OSError:
        return False


def _named(text: str, portable: bool) -> Place:
    option = "--portable" if portable else "--resource-path"
    if not text or "\0" in text:
        raise StemliftError(
            Reason.ARGUMENT_INVALID, f"{option} cannot be {text!r}.", "Accepted: a folder."
        )
    try:
        folder = Path(text).expanduser().absolute()
    except (OSError, RuntimeError) as error:
        # "~nobody", or a relative path in a folder that was removed.
        raise _not_found(text, f"it leads nowhere: {error}") from error
    if not folder.is_dir():
        raise _not_found(text, "there is no such folder")
    if not is_resource_path(folder) and not (portable and _has_program(folder)):
        raise _not_found(text, "there is no reaper.ini in it")
    sandboxed = FLATPAK in folder.parts
    return Place(folder, flatpak=sandboxed)


def _has_program(folder: Path) -> bool:
    """Whether a portable REAPER lies there that was not started yet."""
    try:
        names = {path.name.lower() for path in folder.iterdir()}
    except OSError:
        return False
    return bool(names & {"reaper", "reaper.exe", "reaper.app"})


def _not_found(text: str, why: str) -> StemliftError:
    return StemliftError(
        Reason.REAPER_NOT_FOUND, f"{text} is no resource path of REAPER: {why}.", f"{_HERE}."
    )


def running_on(
    place: Place,
    processes: Iterable[psutil.Process] | None = None,
    platform: str = sys.platform,
) -> int | None:
    """The number of a REAPER process that uses `place`, None when there is none.

    REAPER writes its files when it ends, over whatever was changed meanwhile. One whose
    resource path cannot be told counts as using this one.
    """
    for process in psutil.process_iter() if processes is None else processes:
        try:
            if process.name().lower() not in _NAMES or process.status() == psutil.STATUS_ZOMBIE:
                continue
            theirs = _resource_path_of(process, platform)
        except psutil.NoSuchProcess:
            continue
        except psutil.Error:
            # Somebody else's, whose name alone could be read.
            theirs = None
        if theirs is None or _same(theirs, place.folder):
            return int(process.pid)
    return None


def _resource_path_of(process: psutil.Process, platform: str) -> Path | None:
    words = process.cmdline()
    if "-cfgfile" in words[:-1]:
        config = Path(words[words.index("-cfgfile") + 1])
        return config.parent if config.is_absolute() else None
    beside = Path(process.exe()).parent
    if is_resource_path(beside):
        return beside
    environment = process.environ()
    home = environment.get("HOME") or environment.get("USERPROFILE")
    if home is None:
        return None
    # In Flatpak's sandbox XDG_CONFIG_HOME leads to the sandbox's own folder.
    return usual_places(platform, environment, Path(home))[0].folder


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
