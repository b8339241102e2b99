"""A simulator of REAPER for tests: our Lua scripts run in it as they would there.

`Simulator` is REAPER; `sim.project()`, `project.add_track()`, `track.add_item()` build what a
user has; `sim.run(path)` starts a script; `project.render()` is what the user hears.
"""

from reaper_sim.contract import ApiError
from reaper_sim.project import Project
from reaper_sim.script import Script, ScriptError
from reaper_sim.simulator import Simulator
from reaper_sim.tracks import Track

__all__ = ["ApiError", "Project", "Script", "ScriptError", "Simulator", "Track"]
