"""Batches of segments through a backend, smaller ones where memory is short."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from stemlift.errors import Reason, StemliftError
from stemlift.models.device_memory import give_back_device_memory
from stemlift.separation.backend import Backend, OutOfDeviceMemoryError
from stemlift.separation.control import Control
from stemlift.separation.options import Precision
from stemlift.separation.segments import Audio, Segment

DEFAULT_BATCH = {"cpu": 1, "mps": 2, "cuda": 4}


@dataclass(slots=True)
class BatchSize:
    """Segments per forward pass; shrinks for the rest of the job when memory is short."""

    segments: int


def default_batch(device: str) -> int:
    """Segments per forward pass where the user named no number."""
    return DEFAULT_BATCH.get(device.split(":")[0], 1)


class Inference:
    """Runs segments through a network on one device, or on the CPU when that has no memory.

    make_backend: builds a backend for a device name; called again for "cpu" when even a
        single segment does not fit.
    """

    def __init__(
        self,
        make_backend: Callable[[str], Backend],
        device: str,
        batch: BatchSize,
        control: Control,
    ) -> None:
        self._make = make_backend
        self._batch = batch
        self._control = control
        self._backend = self._start(device)

    @property
    def device(self) -> str:
        return self._backend.device

    @property
    def precision(self) -> Precision:
        return self._backend.precision

    def run(self, segments: Iterable[Segment]) -> Iterator[tuple[Segment, Audio]]:
        """Each segment with its output, (stems, channels, samples) cut to its length.

        Segments of one batch have one length, so that a short last one runs by itself.

        Raises:
            StemliftError: OUT_OF_MEMORY, MODEL_OUTPUT_NOT_FINITE, CANCELLED.
        """
        waiting: list[Segment] = []
        for segment in segments:
            if waiting and segment.samples.shape != waiting[0].samples.shape:
                yield from self._drain(waiting, 1)
            waiting.append(segment)
            del segment
            yield from self._drain(waiting, self._batch.segments)
        yield from self._drain(waiting, 1)

    def _drain(self, waiting: list[Segment], full: int) -> Iterator[tuple[Segment, Audio]]:
        while waiting and len(waiting) >= full:
            self._control.check()
            count = min(len(waiting), self._batch.segments)
            inputs = torch.from_numpy(np.stack([each.samples for each in waiting[:count]]))
            outputs = self._infer(inputs)
            if outputs is None:
                self._shrink()
                continue
            if not bool(torch.isfinite(outputs).all()):
                raise StemliftError(
                    Reason.MODEL_OUTPUT_NOT_FINITE,
                    f"The model gave samples that are not numbers on {self.device}.",
                    "Use --precision fp32, or --device cpu for the server.",
                )
            parts = deque(zip(waiting[:count], outputs.numpy(), strict=True))
            del waiting[:count], inputs, outputs
            # While this waits at its yield it holds none of what it has given out.
            while parts:
                yield _cut(*parts.popleft())

    def _infer(self, inputs: torch.Tensor) -> torch.Tensor | None:
        """The output, or None where memory was too short for it."""
        try:
            return self._backend.infer(inputs)
        except OutOfDeviceMemoryError:
            # The traceback holds the tensors of the attempt; it must be gone before their
            # memory can be given back.
            return None

    def _shrink(self) -> None:
        device = self.device
        give_back_device_memory()
        if self._batch.segments > 1:
            self._batch.segments //= 2
            self._control.warn(
                f"Memory on {device} was short: the batch was reduced to {self._batch.segments}."
            )
        elif device != "cpu":
            self._control.warn(f"{device} had no memory for one segment: the CPU was used.")
            self._backend = self._start("cpu")
        else:
            raise _out_of_memory("run the model on one segment")

    def _start(self, device: str) -> Backend:
        try:
            return self._make(device)
        except OutOfDeviceMemoryError as error:
            if device == "cpu":
                raise _out_of_memory("load the model") from error
        give_back_device_memory()
        self._control.warn(f"{device} had no memory for the model: the CPU was used.")
        return self._start("cpu")


def _cut(segment: Segment, output: Audio) -> tuple[Segment, Audio]:
    return segment, output[..., segment.lead : segment.lead + segment.length]


def _out_of_memory(what: str) -> StemliftError:
    return StemliftError(
        Reason.OUT_OF_MEMORY,
        f"There was not enough memory to {what}.",
        "Close other programs, or choose a smaller model.",
    )
