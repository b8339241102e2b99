"""The simulated REAPER of tests/reaper, to hear the projects that sessions become."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "reaper" / "sim"))
