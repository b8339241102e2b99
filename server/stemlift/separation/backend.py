"""The only place that knows a device: segments in, stems out."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn

from stemlift.models.device_memory import memory_was_short
from stemlift.separation.options import Precision


class OutOfDeviceMemoryError(Exception):
    """The device had no memory for a batch of this size."""


class Backend(Protocol):
    """Runs a network somewhere.

    device: "cpu", "cuda:0", "mps", …
    precision: FP32 or BF16, what it computes in.
    """

    device: str
    precision: Precision

    def infer(self, segments: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, samples) to (batch, stems, channels, samples).

        Both are float32 on the CPU.

        Raises:
            OutOfDeviceMemoryError: a smaller batch may still fit.
        """


class TorchBackend:
    """A torch network on one device of this machine.

    precision: FP32 or BF16; which of them AUTO means says `choose_precision`.
    """

    def __init__(self, network: nn.Module, device: str, precision: Precision) -> None:
        self.device = device
        self.precision = precision
        try:
            self._network = network.to(device).eval()
        except RuntimeError as error:
            raise _as_memory_error(error) from error

    def infer(self, segments: torch.Tensor) -> torch.Tensor:
        kind = torch.device(self.device).type
        reduced = self.precision is Precision.BF16
        try:
            with (
                torch.inference_mode(),
                torch.autocast(kind, dtype=torch.bfloat16, enabled=reduced),
            ):
                if kind == "cuda":
                    return self._infer_pinned(segments)
                output: torch.Tensor = self._network(segments.to(self.device))
                return output.float().cpu()
        except (RuntimeError, MemoryError) as error:
            raise _as_memory_error(error) from error

    def _infer_pinned(self, segments: torch.Tensor) -> torch.Tensor:
        """Through pages that the system may not move: the card copies from them by itself."""
        there = segments.pin_memory().to(self.device, non_blocking=True)
        output: torch.Tensor = self._network(there).float()
        here = torch.empty(output.shape, pin_memory=True)
        here.copy_(output, non_blocking=True)
        torch.cuda.current_stream(output.device).synchronize()
        return here


def _as_memory_error(error: BaseException) -> BaseException:
    """The error itself, or OutOfDeviceMemoryError where it says that memory ran out."""
    return OutOfDeviceMemoryError(str(error)) if memory_was_short(error) else error
