"""Where benchmarks keep what they need, and where their results go."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "benchmarks"
"""All that can be made again: the peers, the model, the songs, a STEMLIFT_HOME, stems."""

RESULTS = ROOT / "docs" / "performance"
QUICK = BUILD / "quick"
"""Results of --quick, which show that a benchmark works and nothing else."""
