"""A simulator of REAPER for tests: our Lua scripts run in it as they would there.

What a user has:
    project = sim.project("/music/p.rpp")          (a tab; sim.current, sim.switch, sim.close)
    track = project.add_track("Mix", depth=1, volume=0.5, effects=("tanh",), B_PHASE=1)
    item = track.add_item("song.wav", 2.0, 1.5, soffs=0.5, rate=1.2, selected=True)
    track.use_lanes(3, playing=[1]); project.add_send(track, other, mode=3)
    item.chunk(), item.load(text), track.chunk(), project.text(), sim.save, sim.open
What a user does:
    script = sim.run(path); sim.step(10); sim.run_until(condition); sim.clock.advance(20)
    sim.window.click("Cancel"); sim.window.key(27); sim.window.close(); sim.window.text
    sim.box_answers, sim.input_answers, sim.menu_answers, sim.file_answers
    project.undo.undo(); project.undo.labels; project.undo.mark() … project.undo.unrecorded()
What happened:
    project.render()                               (what is heard, float64, (frames, 2))
    project.problems(); sim.boxes; sim.console; sim.commands; sim.processes.commands; sim.calls
Other REAPERs:
    sim.version = "6.40/linux-x86_64"; sim.hide("InsertTrackInProject")
    sim.extensions = {"CF_"}; sim.system = "Win64"; sim.inject("AddMediaItemToTrack", after=2)

Every call is held to api.json: wrong names, numbers and types of arguments are `violations`, which
fail a test even where the script catches the error. What REAPER does that nobody has implemented
here is NotImplementedError.
"""

from reaper_sim.contract import ApiError
from reaper_sim.project import Project
from reaper_sim.script import Script, ScriptError
from reaper_sim.simulator import Simulator
from reaper_sim.tracks import Track

__all__ = ["ApiError", "Project", "Script", "ScriptError", "Simulator", "Track"]
