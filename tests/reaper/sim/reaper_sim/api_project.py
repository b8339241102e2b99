"""Projects, undo, time, markers and their states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reaper_sim.contract import ApiError

if TYPE_CHECKING:
    from reaper_sim.project import Project
    from reaper_sim.simulator import Call


def enum_projects(c: Call, index: int) -> tuple[object, object]:
    if index == -1:
        found = c.sim.current
    elif 0 <= index < len(c.sim.projects):
        found = c.sim.projects[index]
    else:
        return None, ""
    return found, str(found.path or "")


def begin(c: Call, proj: Project | None = None) -> None:
    project = c.project(proj)
    if project.undo.depth:
        raise ApiError("an undo block within another")
    project.undo.begin()
    project.undo_owner = c.script


def end(c: Call, proj: Project | None, label: str, flags: int) -> None:
    wrong = c.project(proj).undo.end(label, flags)
    if wrong:
        raise ApiError(wrong)


def refresh(c: Call, by: int) -> None:
    c.script.refresh_depth += by
    if c.script.refresh_depth < 0:
        c.script.refresh_depth = 0
        raise ApiError("PreventUIRefresh(-1) without PreventUIRefresh(1)")


def time_range(
    c: Call, proj: Project | None, is_set: bool, is_loop: bool, start: float, end: float, _: bool
) -> tuple[float, float]:
    project = c.project(proj)
    if is_set:
        project.time_selection = (start, end)
    return project.time_selection


def path_buffer(c: Call, proj: Project | None = None) -> str:
    return str(c.project(proj).media_folder)


def info_string(c: Call, proj: Project | None, desc: str, value: str, is_set: bool) -> Any:
    project = c.project(proj)
    if desc == "RECORD_PATH":
        if is_set:
            project.media_setting = value
        return True, project.media_setting
    if desc in ("PROJECT_NAME", "PROJECT_TITLE") and not is_set:
        return True, project.path.name if project.path else ""
    raise NotImplementedError(f"GetSetProjectInfo_String {desc}")


def info_value(c: Call, proj: Project | None, desc: str, value: float, is_set: bool) -> float:
    project = c.project(proj)
    if desc == "PROJECT_SRATE":
        if is_set:
            project.rate = int(value)
        return project.rate
    if desc == "PROJECT_SRATE_USE":
        return 1
    raise NotImplementedError(f"GetSetProjectInfo {desc}")


def get_ext(c: Call, proj: Project | None, section: str, key: str) -> tuple[int, str]:
    value = c.project(proj).ext_state.get(section.upper(), {}).get(key, "")
    return int(bool(value)), value


def set_ext(c: Call, proj: Project | None, section: str, key: str, value: str) -> int:
    states = c.project(proj).ext_state.setdefault(section.upper(), {})
    if not key:
        states.clear()
    elif value:
        states[key] = value
    else:
        states.pop(key, None)
    return 1


def enum_ext(c: Call, proj: Project | None, section: str, index: int) -> Any:
    pairs = list(c.project(proj).ext_state.get(section.upper(), {}).items())
    return (True, *pairs[index]) if 0 <= index < len(pairs) else (False, None, None)


def add_marker(
    c: Call, proj: Project | None, region: bool, pos: float, end: float, name: str, wanted: int
) -> int:
    markers = c.project(proj).markers
    used = {number for number, is_region, *_ in markers if is_region == region}
    number = wanted if wanted >= 0 and wanted not in used else max(used, default=0) + 1
    markers.append((number, region, pos, end, name))
    c.project(proj).touch()
    return number


def select_instance(c: Call, project: Project) -> None:
    c.sim.switch(project)


def undo(c: Call, proj: Project | None) -> int:
    if c.project(proj).undo.depth:
        raise ApiError("undo within an undo block")
    return int(c.project(proj).undo.undo())


def save(c: Call, proj: Project | None, _as: bool | None = None) -> None:
    project = c.project(proj)
    if project.path is None:
        raise ApiError("Main_SaveProject of an unsaved project opens a dialog")
    c.sim.save(project)


def project_length(c: Call, proj: Project | None) -> float:
    items = c.project(proj).items
    return max((i.get("D_POSITION") + i.get("D_LENGTH") for i in items), default=0.0)


def label_of(stack: list[Any]) -> str | None:
    return stack[-1][0] if stack else None


def set_cursor(c: Call, proj: Project | None, time: float, _view: bool, _seek: bool) -> None:
    c.project(proj).cursor = time


def state_change(c: Call, proj: Project | None, label: str) -> None:
    undo = c.project(proj).undo
    marked = undo._marked
    if marked is None:
        raise NotImplementedError("Undo_OnStateChange needs project.undo.mark() in the test first")
    from reaper_sim.undo import take_snapshot

    undo.push(label, marked, take_snapshot(c.project(proj)))


API = {
    "EnumProjects": enum_projects,
    "GetProjectPath": path_buffer,
    "GetProjectPathEx": path_buffer,
    "GetProjectName": lambda c, p: c.project(p).path.name if c.project(p).path else "",
    "GetProjectLength": project_length,
    "GetProjectTimeOffset": lambda c, p, _round: c.project(p).time_offset,
    "GetProjectStateChangeCount": lambda c, p: c.project(p).changes,
    "IsProjectDirty": lambda c, p: int(c.project(p).dirty),
    "MarkProjectDirty": lambda c, p: c.project(p).touch(),
    "SelectProjectInstance": select_instance,
    "Main_SaveProject": save,
    "Main_openProject": lambda c, name: c.sim.open(Path(name)) and None,
    "GetSetProjectInfo": info_value,
    "GetSetProjectInfo_String": info_string,
    "GetProjExtState": get_ext,
    "SetProjExtState": set_ext,
    "EnumProjExtState": enum_ext,
    "GetSet_LoopTimeRange2": time_range,
    "GetSet_LoopTimeRange": lambda c, *a: time_range(c, None, *a),
    "GetCursorPosition": lambda c: c.sim.current.cursor,
    "GetCursorPositionEx": lambda c, p: c.project(p).cursor,
    "SetEditCurPos": lambda c, *a: set_cursor(c, None, *a),
    "SetEditCurPos2": set_cursor,
    "AddProjectMarker": add_marker,
    "AddProjectMarker2": lambda c, *a: add_marker(c, *a[:-1]),
    "Undo_BeginBlock": begin,
    "Undo_BeginBlock2": begin,
    "Undo_EndBlock": lambda c, label, flags: end(c, None, label, flags),
    "Undo_EndBlock2": end,
    "Undo_CanUndo2": lambda c, p: label_of(c.project(p).undo.done),
    "Undo_CanRedo2": lambda c, p: label_of(c.project(p).undo.undone),
    "Undo_DoUndo2": undo,
    "Undo_DoRedo2": lambda c, p: int(c.project(p).undo.redo()),
    "Undo_OnStateChange": lambda c, label: state_change(c, None, label),
    "Undo_OnStateChange2": state_change,
    "Undo_OnStateChangeEx": lambda c, label, *_: state_change(c, None, label),
    "Undo_OnStateChangeEx2": lambda c, p, label, *_: state_change(c, p, label),
    "PreventUIRefresh": refresh,
    "UpdateArrange": lambda c: None,
    "UpdateTimeline": lambda c: None,
    "TrackList_AdjustWindows": lambda c, _minor: None,
    "Main_UpdateLoopInfo": lambda c, _mask: None,
    "GetPlayState": lambda c: 0,
    "GetPlayStateEx": lambda c, _p: 0,
}
