"""Ardour with its window, on a display that nobody sees: its own import, by time stamps."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ardour_house import Ardour

_PROGRAMS = ("/usr/lib/ardour7/ardour-7.3.0~ds0",)
_SECONDS = 90.0
# The signal LuaTimerS of Ardour 7.3, which it sends each second, as its bit of the hooks.
_EACH_SECOND = "1" + 46 * "0"

# The engine starts by itself, without hardware, so that no dialog asks for it.
_CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour><Config><Option name="try-autostart-engine" value="1"/>
<Option name="hide-dummy-backend" value="0"/></Config>
<Extra><AudioMIDISetup><EngineStates><State backend="None (Dummy)" driver="Normal Speed"
device="Silence" input-device="Silence" output-device="Silence" sample-rate="{rate}"
buffer-size="1024" n-periods="0" input-latency="0" output-latency="0" lm-input="" lm-output=""
active="1" use-buffered-io="0" midi-option="1 in, 1 out, Silence" lru="2000000000"/>
</EngineStates></AudioMIDISetup></Extra></Ardour>"""

_IMPORT = """return function()
  if done then return end
  done = true
  local files = C.StringVector()
  {files}
  local ok, err = pcall(function()
    Editor:do_import(files, Editing.ImportDistinctFiles, Editing.ImportAsTrack,
      ARDOUR.SrcQuality.SrcBest, ARDOUR.MidiTrackNameSource.SMFTrackName,
      ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore,
      Temporal.timepos_t.max(Temporal.TimeDomain.AudioTime),
      ARDOUR.PluginInfo(), ARDOUR.Track(), false)
    Session:save_state("", false, false, false, false, false)
  end)
  local f = io.open([[{said}.part]], "w")
  f:write(ok and "imported" or tostring(err))
  f:close()
  os.rename([[{said}.part]], [[{said}]])
end"""


def window_missing() -> str:
    """Why there can be no window; empty where there can."""
    if not any(Path(one).exists() for one in _PROGRAMS):
        return "Ardour 7.3 of Debian 12 is missing"
    return "" if shutil.which("xvfb-run") else "xvfb-run is missing"


def import_by_stamps(ardour: Ardour, folder: Path, files: Sequence[Path], rate: int) -> None:
    """Open a session, import files "to their original position", save, and end Ardour."""
    settings = ardour.home / ".config" / "ardour7"
    settings.mkdir(parents=True)
    # It has been here before: else it would ask a new user.
    (settings / ".a7").touch()
    (settings / "config").write_text(_CONFIG.format(rate=rate))
    said = ardour.home / "said.txt"
    added = "\n".join(f"files:push_back([[{file}]])" for file in files)
    script = _IMPORT.replace("{files}", added).replace("{said}", str(said))
    state = f's = {{}} s["n"]="import" s["s"]="import" s["f"]=[==[{script}]==]'
    hook = base64.b64encode(state.encode()).decode()
    (settings / "ui_scripts").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><UIScripts><ActionHooks>'
        f'<LuaCallback lua="Lua 5.3" id="77" name="import" signals="{_EACH_SECOND}">{hook}'
        "</LuaCallback></ActionHooks></UIScripts>"
    )
    base = "/usr/lib/ardour7"
    environment = ardour.environment(
        GTK_PATH=f"/etc/ardour7:{base}",
        ARDOUR_DATA_PATH="/usr/share/ardour7",
        ARDOUR_CONFIG_PATH="/etc/ardour7",
        ARDOUR_DLL_PATH=base,
        LD_LIBRARY_PATH=base,
    )
    log = ardour.home / "window.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["xvfb-run", "-a", _PROGRAMS[0], "-a", "-n", "-d", "-O", str(folder)],
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            end = time.monotonic() + _SECONDS
            while not said.exists() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
        finally:
            # Its display is of the same group.
            os.killpg(process.pid, 15)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
    text = log.read_text(errors="replace")
    assert said.exists(), text
    assert said.read_text() == "imported", text
