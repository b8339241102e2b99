"""Which devices this torch can use, and which of them a separation takes and why."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace

import psutil
import torch

from stemlift.errors import Reason, StemliftError

# cuBLAS repeats itself only with a fixed workspace; read when CUDA starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

THREADS_VARIABLE = "STEMLIFT_THREADS"
# Beyond this many, more threads gain little on one segment.
_MOST_THREADS = 16


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """name: "cpu", "cuda:0", "mps"; reason: one sentence that says why.

    alike: further devices of the same kind, which give the same bytes and can share the work.
    """

    name: str
    reason: str
    alike: tuple[str, ...] = ()


def make_repeatable() -> None:
    """Let torch compute the same bytes in every run; call it before the first model."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.set_num_threads(_threads())


def _threads() -> int:
    """CPU threads of torch: sums depend on their number, so the machine alone decides it.

    Raises:
        StemliftError: ARGUMENT_INVALID for a STEMLIFT_THREADS that is no number above 0.
    """
    asked = os.environ.get(THREADS_VARIABLE, "")
    if not asked:
        return min(psutil.cpu_count(logical=False) or psutil.cpu_count() or 1, _MOST_THREADS)
    if not re.fullmatch(r"[0-9]{1,4}", asked) or not 1 <= int(asked) <= 1024:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{THREADS_VARIABLE} is {asked!r}, which is no number of threads.",
            f"Set {THREADS_VARIABLE} to a number from 1 to 1024, or remove it.",
        )
    return int(asked)


def torch_build() -> tuple[str, str]:
    """Version of torch, and the CUDA version it is built for ("" for none)."""
    return torch.__version__, torch.version.cuda or ""


def describe_devices() -> list[str]:
    """Every usable device, e.g. ["cpu", "cuda:0 NVIDIA RTX 4070"]."""
    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += [
            f"cuda:{index} {torch.cuda.get_device_name(index)}"
            for index in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices


def choose_device(asked: str) -> DeviceChoice:
    """Settle the device for "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        StemliftError: ARGUMENT_INVALID for any other word, DEVICE_UNAVAILABLE where this
            machine or this torch has no such device.
    """
    choice = _choose(asked)
    if choice.name != "cpu":
        return choice
    threads = torch.get_num_threads()
    reason = f"{choice.reason[:-1]}, with {threads} thread{'s' if threads > 1 else ''}."
    return replace(choice, reason=reason)


def _choose(asked: str) -> DeviceChoice:
    if asked == "auto":
        return _automatic()
    if asked == "cpu":
        return DeviceChoice("cpu", "The CPU was asked for.")
    if asked == "mps":
        if not torch.backends.mps.is_available():
            raise _unavailable(asked, "this machine has no Metal device that torch can use")
        return DeviceChoice("mps", "The Metal device was asked for.")
    match = re.fullmatch(r"cuda(?::(\d+))?", asked)
    if not match:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"There is no device named {asked!r}.",
            "Use auto, cpu, cuda:N or mps.",
        )
    index = int(match.group(1) or 0)
    if not torch.cuda.is_available():
        raise _unavailable(asked, "torch finds no CUDA device")
    if index >= torch.cuda.device_count():
        raise _unavailable(asked, f"there are only {torch.cuda.device_count()} CUDA devices")
    return DeviceChoice(f"cuda:{index}", f"{torch.cuda.get_device_name(index)} was asked for.")


def _automatic() -> DeviceChoice:
    if torch.cuda.is_available():
        return _freest_cuda()
    if torch.backends.mps.is_available():
        return DeviceChoice("mps", "This Mac has a Metal device.")
    if torch.version.cuda is None:
        return DeviceChoice("cpu", "This torch is built without CUDA, so the CPU is used.")
    return DeviceChoice("cpu", "torch finds no CUDA device, so the CPU is used.")


def _freest_cuda() -> DeviceChoice:
    """The CUDA device with most free memory of those that can compute, else the CPU.

    Cards of its name work with it.
    """
    free: list[tuple[int, int]] = []
    broken: list[str] = []
    for index in range(torch.cuda.device_count()):
        why = _failure(f"cuda:{index}")
        if why:
            broken.append(f"{torch.cuda.get_device_name(index)} ({why})")
        else:
            free.append((torch.cuda.mem_get_info(index)[0], -index))
    if not free:
        return DeviceChoice("cpu", f"This torch cannot use {', '.join(broken)}: the CPU is used.")
    index = -max(free)[1]
    name = torch.cuda.get_device_name(index)
    others = sorted(-other for _, other in free if -other != index)
    alike = tuple(f"cuda:{each}" for each in others if torch.cuda.get_device_name(each) == name)
    why = f"{name} is the CUDA device with most free memory"
    if alike:
        why += f", and shares the work with {', '.join(alike)} of the same name"
    return DeviceChoice(f"cuda:{index}", f"{why}.", alike)


def _failure(device: str) -> str:
    """Why the device cannot do a sum, "" where it can.

    A card that is older or newer than this torch is listed, but has no kernels in it.
    """
    try:
        total = float(torch.ones(8, device=device).sum())
    except RuntimeError as error:
        return str(error).splitlines()[0].rstrip(".")
    return "" if total == 8 else "it adds wrongly"


def _unavailable(asked: str, why: str) -> StemliftError:
    return StemliftError(
        Reason.DEVICE_UNAVAILABLE,
        f"The device {asked} cannot be used: {why}.",
        "Use --device auto, or run `stemlift doctor` to see what this machine offers.",
    )
