"""Everything about REAPER itself: files, processes, dialogs, actions, states, time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reaper_sim.contract import ApiError
from reaper_sim.ids import Handle, new_guid

if TYPE_CHECKING:
    from reaper_sim.simulator import Call

TYPES = ("MediaTrack*", "MediaItem*", "MediaItem_Take*", "PCM_source*", "ReaProject*")
TYPES += ("TrackEnvelope*",)


def defer(c: Call, function: Any) -> bool:
    c.script.queue.append(function)
    return True


def at_exit(c: Call, function: Any) -> bool:
    c.script.exits.append(function)
    return True


def directory(path: str, index: int, folders: bool) -> str | None:
    if index < 0:
        return None
    try:
        found = sorted(p.name for p in Path(path).iterdir() if p.is_dir() == folders)
    except OSError:
        return None
    return found[index] if index < len(found) else None


def create_directory(c: Call, path: str, _ignored: int) -> int:
    existed = Path(path).is_dir()
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError:
        return 0
    return 0 if existed else 1


def validate(c: Call, project: Any, pointer: object, kind: str) -> bool:
    if kind not in TYPES:
        raise ApiError(f"{kind!r} is no type of pointer, such as MediaItem*")
    if not isinstance(pointer, Handle) or not pointer.alive or pointer.ctype != kind:
        return False
    if kind == "ReaProject*":
        return pointer in c.sim.projects
    owner = pointer
    for name in ("take", "item", "track", "project"):
        owner = getattr(owner, name, owner)
    return kind == "PCM_source*" or owner is c.project(project)


def user_inputs(c: Call, title: str, count: int, captions: str, values: str) -> tuple[bool, str]:
    names = [part for part in captions.split(",") if "=" not in part or part.split("=")[0]]
    old = values.split(",")
    c.sim.inputs.append((title, names, old))
    answer = c.sim.input_answers.pop(0) if c.sim.input_answers else None
    if answer is None:
        return False, values
    if len(answer) != count:
        raise ApiError(f"{count} inputs were asked for, the test answers {answer}")
    separator = next((n.split("=")[1] for n in names if n.startswith("separator=")), ",")
    return True, separator.join(answer)


def add_script(c: Call, add: bool, section: int, path: str, _commit: bool) -> int:
    if section != 0:
        raise NotImplementedError("AddRemoveReaScript in another section")
    if not add:
        c.sim.actions = [a for a in c.sim.actions if a.path != path]
        return 1
    return c.sim.register(path) if Path(path).is_file() else 0


def lookup(c: Call, name: str) -> int:
    wanted = name.removeprefix("_")
    if wanted.isdigit():
        return int(wanted)
    return next((a.identifier for a in c.sim.actions if a.name == wanted), 0)


def reverse_lookup(c: Call, command: int) -> str | None:
    return next((a.name for a in c.sim.actions if a.identifier == command), None)


def on_command(c: Call, command: int, flag: int, _project: Any = None) -> None:
    c.sim.commands.append((command, flag))
    if command in c.sim.command_handlers:
        c.sim.command_handlers[command]()
        return
    action = next((a for a in c.sim.actions if a.identifier == command), None)
    if action is not None:
        c.sim.run(action.path, ok=False)


def context(c: Call) -> tuple[object, ...]:
    return True, c.script.path, 0, c.script.command, -1, -1, -1.0, ""


def browse(c: Call, *_: object) -> tuple[bool, str]:
    answer = c.sim.file_answers.pop(0) if c.sim.file_answers else None
    return answer is not None, answer or ""


def to_native(c: Call, r: int, g: int, b: int) -> int:
    if not all(0 <= v <= 255 for v in (r, g, b)):
        raise ApiError(f"colour {r}, {g}, {b}")
    return r | g << 8 | b << 16 if c.sim.system.startswith("Win") else r << 16 | g << 8 | b


def from_native(c: Call, colour: int) -> tuple[int, int, int]:
    low, middle, high = colour & 255, colour >> 8 & 255, colour >> 16 & 255
    return (low, middle, high) if c.sim.system.startswith("Win") else (high, middle, low)


def reveal(c: Call, path: str) -> bool:
    c.sim.revealed.append(path)
    return Path(path).exists()


def console(c: Call, text: str) -> None:
    c.sim.console = (c.sim.console if text else "") + text


def toggle(c: Call, _section: int, command: int, state: int) -> bool:
    c.sim.toggles[command] = state
    return True


API = {
    "defer": defer,
    "runloop": defer,
    "atexit": at_exit,
    "time_precise": lambda c: c.sim.clock.precise(),
    "GetOS": lambda c: c.sim.system,
    "GetAppVersion": lambda c: c.sim.version,
    "APIExists": lambda c, name: c.sim.has(name),
    "GetResourcePath": lambda c: str(c.sim.resource_path),
    "GetExePath": lambda c: str(c.sim.folder / "bin"),
    "get_ini_file": lambda c: str(c.sim.resource_path / "reaper.ini"),
    "get_action_context": context,
    "set_action_options": lambda c, _flag: None,
    "ExecProcess": lambda c, line, timeout: c.sim.processes.run(line, timeout),
    "EnumerateFiles": lambda c, path, index: directory(path, index, False),
    "EnumerateSubdirectories": lambda c, path, index: directory(path, index, True),
    "RecursiveCreateDirectory": create_directory,
    "file_exists": lambda c, path: Path(path).is_file(),
    "GetExtState": lambda c, s, k: c.sim.ext_state.get(s, {}).get(k, ""),
    "HasExtState": lambda c, s, k: k in c.sim.ext_state.get(s, {}),
    "SetExtState": lambda c, s, k, v, persist: c.sim.set_ext_state(s, k, v, persist),
    "DeleteExtState": lambda c, s, k, persist: c.sim.set_ext_state(s, k, None, persist),
    "ValidatePtr": lambda c, pointer, kind: validate(c, None, pointer, kind),
    "ValidatePtr2": validate,
    "MB": lambda c, *a: c.sim.show_box(*a),
    "ShowMessageBox": lambda c, *a: c.sim.show_box(*a),
    "ShowConsoleMsg": console,
    "ClearConsole": lambda c: console(c, ""),
    "GetUserInputs": user_inputs,
    "GetUserFileNameForRead": browse,
    "AddRemoveReaScript": add_script,
    "NamedCommandLookup": lookup,
    "ReverseNamedCommandLookup": reverse_lookup,
    "Main_OnCommand": on_command,
    "Main_OnCommandEx": on_command,
    "SetToggleCommandState": toggle,
    "GetToggleCommandState": lambda c, command: c.sim.toggles.get(command, -1),
    "GetToggleCommandStateEx": lambda c, _s, command: c.sim.toggles.get(command, -1),
    "RefreshToolbar": lambda c, _command: None,
    "RefreshToolbar2": lambda c, _section, _command: None,
    "ColorToNative": to_native,
    "ColorFromNative": from_native,
    "GetThemeColor": lambda c, key, _flags: c.sim.theme_colours.get(key, -1),
    "CF_LocateInExplorer": reveal,
    "CF_ShellExecute": reveal,
    "genGuid": lambda c: new_guid(),
    "GetMainHwnd": lambda c: c.sim.current.master,
    "GetMousePosition": lambda c: (200, 200),
    "my_getViewport": lambda c, *a: (0, 0, 1920, 1080),
    "GetLastColorThemeFile": lambda c: "",
    "ReaScriptError": lambda c, text: c.sim.errors.append(text),
    "format_timestr": lambda c, t, _b: f"{int(t // 60)}:{t % 60:06.3f}",
    "GetGlobalAutomationOverride": lambda c: -1,
}
