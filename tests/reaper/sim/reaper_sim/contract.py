"""REAPER's API as its list says: names, numbers and types of arguments, types of results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reaper_sim.ids import Handle

EXTENSIONS = ("BR_", "SNM_", "CF_", "NF_", "FNG_", "SN_", "ULT_", "Xen_", "JS_", "ReaPack_")
EXTENSIONS += ("ImGui_", "NVK_", "sm_", "JB_", "GSC_", "GU_", "Llm_", "joystick_")

# First version of some that older REAPERs lack (6.09 is before 6.4). The list that api.json comes
# from does not say, so these are estimates, late rather than early; a test that turns on one
# function hides it by name instead (Simulator.hide).
SINCE: dict[str, float] = {
    "AddRegionOrMarker": 7.40,
    "GetNumRegionsOrMarkers": 7.40,
    "GetRegionOrMarker": 7.40,
    "GetSetProjectInfo": 5.974,
    "GetSetProjectInfo_String": 5.974,
    "GetTakeMarker": 6.09,
    "GetThemeColor": 6.11,
    "InsertTrackInProject": 7.11,
    "SetTakeMarker": 6.09,
    "set_action_options": 7.03,
}


class ApiError(Exception):
    """A script misused REAPER's API."""


@dataclass(frozen=True)
class Argument:
    kind: str
    name: str

    @property
    def optional(self) -> bool:
        return self.kind.endswith("?")

    @property
    def base(self) -> str:
        return self.kind.rstrip("?")


@dataclass(frozen=True)
class Function:
    name: str
    arguments: tuple[Argument, ...]
    returns: tuple[str, ...]

    @property
    def needed(self) -> int:
        required = [n for n, a in enumerate(self.arguments) if not a.optional and a.name != "..."]
        return required[-1] + 1 if required else 0

    @property
    def any_number(self) -> bool:
        return any(a.name == "..." for a in self.arguments)


@cache
def functions() -> dict[str, Function]:
    text = (Path(__file__).parents[1] / "api.json").read_text(encoding="utf-8")
    return {
        name: Function(name, tuple(Argument(*a) for a in arguments), tuple(returns))
        for name, (arguments, returns) in json.loads(text).items()
    }


def _says(value: object) -> str:
    if value is None:
        return "nil"
    if isinstance(value, Handle):
        return f"{value.ctype}{'' if value.alive else ' (deleted)'}"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", bytes: "string"}
    return f"{names.get(type(value), type(value).__name__)} {value!r}"[:60]


def checked(function: Function, given: tuple[object, ...]) -> list[object]:
    """Arguments as REAPER takes them, or an ApiError that names call and argument."""
    if len(given) < function.needed or (
        len(given) > len(function.arguments) and not function.any_number
    ):
        want = ", ".join(f"{a.kind} {a.name}" for a in function.arguments)
        raise ApiError(f"{function.name}({want}) got {len(given)} arguments")
    found: list[object] = []
    for position, value in enumerate(given):
        if position >= len(function.arguments) or function.arguments[position].name == "...":
            found.append(value)
            continue
        argument = function.arguments[position]
        if value is None and argument.optional:
            found.append(None)
            continue
        try:
            found.append(_one(argument.base, value))
        except TypeError as error:
            raise ApiError(
                f"{function.name}: argument {position + 1} ({argument.name}) must be "
                f"{argument.base}, got {_says(value)}{error}"
            ) from None
    found += [None] * (len(function.arguments) - len(found))
    return found


def _one(kind: str, value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "number|string" or kind == "any":
        return value
    if kind == "integer":
        # REAPER takes 3.0, but refuses 3.5: "number has no integer representation".
        if number and float(value) == int(value):  # type: ignore[arg-type]
            return int(value)  # type: ignore[call-overload]
    elif kind == "number":
        if number:
            return float(value)  # type: ignore[arg-type]
    elif kind == "boolean":
        if isinstance(value, bool):
            return value
    elif kind == "string":
        if isinstance(value, str):
            return value
        if number:
            return str(value)
    elif kind == "function":
        if callable(value):
            return value
    elif kind == "ReaProject|nil|0":
        if value is None or (number and value == 0):
            return None
        return _pointer("ReaProject", value)
    elif kind == "KbdSectionInfo|integer":
        if number:
            return int(value)  # type: ignore[call-overload]
    elif kind in ("userdata", "HWND", "reaper.array", "table|reaper.array", "unsupported"):
        return value
    else:
        return _pointer(kind, value)
    raise TypeError("")


def _pointer(kind: str, value: object) -> object:
    if isinstance(value, Handle) and value.ctype == kind + "*":
        if value.alive:
            return value
        raise TypeError(": the pointer is stale")
    raise TypeError("")


def returned(function: Function, result: object) -> tuple[object, ...]:
    """Results with REAPER's types, so that 1 and 1.0 differ in Lua as they do there."""
    values = list(result) if isinstance(result, tuple) else [] if result is None else [result]
    if len(values) > len(function.returns):
        raise AssertionError(f"the simulator's {function.name} returns too much: {values!r}")
    found: list[object] = []
    for kind, value in zip(function.returns, values, strict=False):
        base = kind.rstrip("?").split("|")[0]
        if value is None or isinstance(value, Handle):
            found.append(value)
        elif base == "number":
            found.append(float(value))  # type: ignore[arg-type]
        elif base == "integer":
            found.append(int(value))  # type: ignore[call-overload]
        elif base == "boolean":
            found.append(bool(value))
        else:
            found.append(value)
    return tuple(found)
