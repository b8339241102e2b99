"""Is there an NVIDIA card, and which PyTorch would use it? Without torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

WHEELS = "https://download.pytorch.org/whl"


@dataclass(frozen=True, slots=True)
class Card:
    """An NVIDIA card and its driver.

    driver: major version, e.g. 580; 0 where unknown.
    capability: compute capability, e.g. 8.6; 0 where unknown.
    """

    name: str
    driver: int = 0
    capability: float = 0.0


def find_card(platform: str = sys.platform, root: Path = Path("/")) -> Card | None:
    """The first NVIDIA card of this machine, or None.

    Args:
        platform: as `sys.platform` names it; Macs have had none since 2015.
        root: where the system's files lie.
    """
    if platform == "darwin":
        return None
    program = shutil.which("nvidia-smi")
    if program:
        card = _ask(program)
        if card is not None:
            return card
    # The driver without its tool: enough to know that there is a card.
    if platform == "win32":
        driver = root / "Windows" / "System32" / "nvcuda.dll"
    else:
        driver = root / "proc" / "driver" / "nvidia" / "version"
    return Card("NVIDIA card") if driver.exists() else None


def _ask(program: str) -> Card | None:
    query = "--query-gpu=name,driver_version,compute_cap"
    try:
        answer = subprocess.run(
            [program, query, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return read_answer(answer.stdout)


def read_answer(text: str) -> Card | None:
    """The first card in the answer of `nvidia-smi --query-gpu=name,driver_version,compute_cap`."""
    lines = text.strip().splitlines()
    if not lines:
        return None
    name, driver, capability = ([part.strip() for part in lines[0].split(",")] + ["", ""])[:3]
    try:
        return Card(name, int(driver.split(".")[0] or 0), float(capability or 0))
    except ValueError:
        return Card(name)


def choose_wheels(torch_version: str, card: Card) -> str:
    """The folder of PyTorch's own wheel index with a build for this version and card.

    From PyTorch's release matrix (RELEASE.md and the "CUDA support matrix" issues of
    each release): 2.4 and 2.5 have cu124; 2.6 has cu126; 2.7 to 2.11 have cu126 and
    cu128; from 2.12 on cu126 and cu130. cu126 alone serves cards older than Turing
    (compute capability 7.5) but none from Blackwell on (10.0); cu130 needs driver 580.
    """
    numbers = torch_version.split("+")[0].split(".")
    release = (int(numbers[0]), int(numbers[1]))
    old_card = 0 < card.capability < 7.5
    if release < (2, 6):
        return "cu124"
    if release < (2, 7) or old_card:
        return "cu126"
    if release < (2, 12):
        return "cu128"
    old_driver = 0 < card.driver < 580
    return "cu126" if old_driver and card.capability < 10 else "cu130"


def install_command(
    python: str, torch_version: str, card: Card, platform: str = sys.platform
) -> str:
    """The command that puts a PyTorch with CUDA in place of one without.

    Ready to paste into a POSIX shell, or PowerShell on Windows, where a quoted name is a
    command only after "&".
    """
    version = torch_version.split("+")[0]
    wheels = f"{WHEELS}/{choose_wheels(version, card)}"
    if " " in python:
        python = f'& "{python}"' if platform == "win32" else f'"{python}"'
    return f'{python} -m pip install --force-reinstall "torch=={version}" --index-url {wheels}'
