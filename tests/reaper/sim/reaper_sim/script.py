"""One running script: a Lua state of its own, with `reaper` and `gfx` in it, as in REAPER."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reaper_sim.contract import EXTENSIONS, ApiError, checked, functions, returned
from reaper_sim.ids import Handle
from reaper_sim.window import VARIABLES, Window

if TYPE_CHECKING:
    from reaper_sim.simulator import Simulator

PRELUDE = """
return function(call, missing, handle_of, clock, available, variables)
  local known = {}  -- one userdata for each handle, so that pointers compare and index tables
  local function lend(value)
    if type(value) ~= "userdata" then return value end
    local id = handle_of(value)
    if id == nil then return value end
    if known[id] == nil then known[id] = value end
    return known[id]
  end
  local function give(ok, ...)
    if not ok then error((...), 3) end
    local results = table.pack(...)
    for index = 1, results.n do results[index] = lend(results[index]) end
    return table.unpack(results, 1, results.n)
  end
  local function caller(name)
    return function(...) return give(call(name, select("#", ...), ...)) end
  end
  reaper, gfx = {}, {}
  for name in available:gmatch("%S+") do
    local drawing = name:match("^gfx%.(.+)$")
    if drawing then gfx[drawing] = caller(name) else reaper[name] = caller(name) end
  end
  for name in variables:gmatch("%S+") do gfx[name] = 0.0 end
  setmetatable(reaper, {__index = function(_, name) missing("reaper." .. tostring(name)) end})
  setmetatable(gfx, {__index = function(_, name) missing("gfx." .. tostring(name)) end})
  local real_time, real_date = os.time, os.date
  os.time = function(t) if t then return real_time(t) end return math.floor(clock()) end
  os.date = function(f, t) return real_date(f, t or math.floor(clock())) end
  os.exit = nil
  python = nil
  return gfx
end
"""


class ScriptError(Exception):
    """A script ended with an error, as REAPER would show it."""


def _no_attributes(_owner: object, name: object, _setting: object) -> object:
    raise AttributeError(f"a pointer has no field {name}")


class Script:
    """context: what get_action_context returns: fresh, path, section, command, mode, …"""

    def __init__(self, sim: Simulator, path: Path | str, command: int, lua: str) -> None:
        self.sim = sim
        self.path = str(path)
        self.command = command
        self.queue: list[Any] = []
        self.exits: list[Any] = []
        self.running = True
        self.error: str | None = None
        self.window = Window(self)
        self.refresh_depth = 0
        module = importlib.import_module(f"lupa.{lua}")
        self.lua = module.LuaRuntime(
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_no_attributes,
        )
        self._lua_error = module.LuaError
        available = [name for name in functions() if sim.has(name)]
        setup = self.lua.execute(PRELUDE)
        self.gfx_table = setup(
            self._call,
            self._missing,
            lambda v: v.handle if isinstance(v, Handle) else None,
            sim.clock.time,
            " ".join(available),
            " ".join(VARIABLES),
        )
        for name, value in VARIABLES.items():
            self.gfx_table[name] = value

    def __repr__(self) -> str:
        return f"<Script {Path(self.path).name}>"

    def start(self, source: str | None = None) -> None:
        self._guard(lambda: self._load(source))

    def _load(self, source: str | None) -> None:
        text = source if source is not None else Path(self.path).read_text(encoding="utf-8")
        load = self.lua.eval(
            "function(t, n) local f, e = load(t, n) if not f then error(e, 0) end f() end"
        )
        load(text, "@" + self.path)

    def step(self) -> None:
        """One round of defer."""
        if not self.running:
            return
        queue, self.queue = self.queue, []
        for function in queue:
            self._guard(function)
            if not self.running:
                return
        self._end_unless_deferred()

    def stop(self) -> None:
        """As when the user terminates it: atexit still runs."""
        self.queue = []
        self._end_unless_deferred()

    def run_function(self, function: Any, *args: object) -> object:
        return function(*args)

    def _guard(self, function: Any) -> None:
        try:
            function()
        except self._lua_error as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - whatever the script met ends it, as in REAPER
            self._fail(f"{type(error).__name__}: {error}")
        self._end_unless_deferred()

    def _fail(self, text: str) -> None:
        self.error = text
        self.queue = []
        self.sim.errors.append(f"{Path(self.path).name}: {text}")

    def _end_unless_deferred(self) -> None:
        if self.queue or not self.running:
            return
        self.running = False
        exits, self.exits = self.exits, []
        for function in exits:
            try:
                function()
            except self._lua_error as error:
                self._fail(str(error))
        self.window.end_frame()
        self.window.open = False
        if self.refresh_depth:
            self.sim.violate(f"{self} ended with PreventUIRefresh at {self.refresh_depth}")
        for project in self.sim.projects:
            if project.undo.depth and project.undo_owner is self:
                self.sim.violate(f"{self} ended within an undo block")

    def _missing(self, name: str) -> None:
        bare = name.removeprefix("reaper.")
        if bare not in functions() and not bare.startswith(EXTENSIONS):
            self.sim.violate(f"{Path(self.path).name} asks for {name}, which REAPER does not have")

    def _call(self, name: str, count: int, *args: object) -> tuple[object, ...]:
        """A call from Lua; the first result says whether it went well."""
        args = args + (None,) * (count - len(args))
        function = functions()[name]
        try:
            given = checked(function, args)
        except ApiError as error:
            self.sim.violate(str(error))
            return False, str(error)
        self.sim.calls.append((name, tuple(given)))
        try:
            result = self.sim.perform(self, name, given, count)
        except ApiError as error:
            self.sim.violate(f"{name}: {error}")
            return False, f"{name}: {error}"
        except NotImplementedError as error:
            self.sim.violate(f"NotImplementedError: {error}")
            return False, str(error)
        except InjectedError as error:
            return False, str(error)
        return True, *returned(function, result)


class InjectedError(Exception):
    """A failure that a test asked for; see Simulator.inject."""
