"""Ardour without a window, with settings of its own: opens sessions and renders them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

_SECONDS = 180
# Ardour 7.3 sometimes dies when it shuts down, its own sessions too: the file is whole then.
_DIED_AT_THE_END = (-6, -11, 134, 139)
_TRIES = 3

# Loads a session and says what is in it, a line for each thing.
_SHOW = r"""
AudioEngine:set_backend("None (Dummy)", "", "")
local function say(...)
  local words = {...}
  for n, word in ipairs(words) do words[n] = tostring(word) end
  io.write(table.concat(words, "\t"), "\n")
end
local s = load_session(os.getenv("ARDOUR_FOLDER"), os.getenv("ARDOUR_NAME"))
assert(s, "no session")
for r in s:get_routes():iter() do
  local t = r:to_track()
  say("ROUTE", r:name(), t:isnil() and "bus" or "track", r:muted())
  if not t:isnil() then
    for g in t:playlist():region_list():iter() do
      say("REGION", r:name(), g:position():samples(), g:length():samples(), g:start():samples())
      for n = 0, g:to_audioregion():n_channels() - 1 do
        say("FILE", g:source(n):to_filesource():path())
      end
    end
  end
end
for l in s:locations():list():iter() do
  say("LOCATION", l:name(), l:start():samples(), l:_end():samples())
end
"""
# What it says of every session, whoever wrote it.
_HARMLESS = ("Reasonable Synth", "Butler drops", "unknown direct dispatch", "lua/")


def ardour_missing() -> str:
    """Why there is no Ardour to ask; empty where there is."""
    missing = [name for name in ("ardour7-export", "ardour7-lua") if not shutil.which(name)]
    return f"{' and '.join(missing)} missing: install Ardour 7 to run these" if missing else ""


@dataclass(frozen=True, slots=True)
class Ardour:
    """home: where it keeps its settings."""

    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, "HOME": str(self.home), **more}

    def rendered(self, folder: Path, name: str, rate: int) -> npt.NDArray[np.float64]:
        """What the session plays through its master, (frames, channels), as 32-bit floats."""
        out = Path(tempfile.mkdtemp(dir=self.home)) / "out.wav"
        for _ in range(_TRIES):
            done = subprocess.run(
                ["ardour7-export", "-b", "float", "-o", str(out), str(folder), name],
                env=self.environment(),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
            problems = _problems(done.stdout + done.stderr)
            assert problems == [], problems
            if done.returncode == 0 or done.returncode in _DIED_AT_THE_END:
                samples, sample_rate = soundfile.read(out, always_2d=True)
                assert sample_rate == rate
                if done.returncode == 0:
                    return np.asarray(samples)
        # It died each time, at the end: the last one is as good as any.
        return np.asarray(samples)

    def shown(self, folder: Path, name: str) -> list[list[str]]:
        """What Ardour finds in the session: routes, regions and locations; no warning is
        accepted."""
        script = self.home / "show.lua"
        script.write_text(_SHOW)
        done = subprocess.run(
            ["ardour7-lua", str(script)],
            env=self.environment(ARDOUR_FOLDER=str(folder), ARDOUR_NAME=name),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
        problems = _problems(done.stdout + done.stderr)
        assert problems == [], problems
        kinds = ("ROUTE", "REGION", "LOCATION")
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        # Without a window a missing file is silence, and no word is lost about it.
        gone = [line[1] for line in lines if line[0] == "FILE" and not Path(line[1]).is_file()]
        assert gone == [], f"missing: {gone}"
        return [line for line in lines if line[0] in kinds]


def _problems(text: str) -> list[str]:
    words = ("warning", "error", "missing", "cannot", "not found", "failed", "unknown")
    return [
        line
        for line in text.splitlines()
        if any(word in line.lower() for word in words)
        and not any(known in line for known in _HARMLESS)
    ]
