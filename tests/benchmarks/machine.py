"""The machine that was measured, in the words that a result carries; and whether it is quiet."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from .places import ROOT

BUSY = 0.1
"""Share of the machine that others may take; more would be seen in the figures."""

_LOOK_SECONDS = 3.0

_FEATURES = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_bf16",
    # As Linux calls them on ARM.
    "asimd",
    "bf16",
    "i8mm",
    "sve",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """features: of the processor, those that matter to matrix products. memory_gb: all of it."""

    processor: str
    cores: int
    logical_cores: int
    features: tuple[str, ...]
    memory_gb: float
    system: str
    python: str
    torch: str
    stemlift: str
    commit: str


def describe() -> Machine:
    """This machine."""
    # The kernel says little of machines other than its own kind; nothing is guessed.
    told = _told_by_linux()
    flags = set(re.split(r"\s+", told.get("flags") or told.get("Features") or ""))
    return Machine(
        processor=told.get("model name") or platform.processor() or platform.machine(),
        cores=psutil.cpu_count(logical=False) or 0,
        logical_cores=psutil.cpu_count() or 0,
        features=tuple(each for each in _FEATURES if each in flags),
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=version("torch"),
        stemlift=version("stemlift"),
        commit=_commit(),
    )


def as_json(machine: Machine) -> dict[str, object]:
    return asdict(machine)


def others_share() -> float:
    """Share of all cores that other programs take now, 0 to 1, over a few seconds."""
    mine = psutil.Process()
    before = sum(mine.cpu_times()[:2])
    busy = psutil.cpu_percent(_LOOK_SECONDS) / 100
    own = (sum(mine.cpu_times()[:2]) - before) / _LOOK_SECONDS / (psutil.cpu_count() or 1)
    return max(0.0, busy - own)


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would bind threads: every program has its own way."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "STEMLIFT_THREADS", "STEMLIFT_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    # Nothing that is measured may reach for the network.
    return kept | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"} | more


def _told_by_linux() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    first = text.split("\n\n")[0].splitlines()
    pairs = (line.partition(":")[::2] for line in first)
    return {name.strip(): value.strip() for name, value in pairs}


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
