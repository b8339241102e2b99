"""Batches of segments through a network, on every lane, smaller ones where memory is short."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass

import numpy as np
import torch

from stemlift.errors import Reason, StemliftError
from stemlift.models.device_memory import give_back_device_memory
from stemlift.separation.backend import Backend, OutOfDeviceMemoryError
from stemlift.separation.control import Control
from stemlift.separation.lanes import AtOnce, Lane
from stemlift.separation.options import Precision
from stemlift.separation.segments import Audio, Segment

DEFAULT_BATCH = {"cpu": 1, "mps": 2, "cuda": 4}


@dataclass(slots=True)
class BatchSize:
    """Segments per forward pass; shrinks for the rest of the job when memory is short."""

    segments: int


@dataclass(frozen=True, slots=True)
class _Seat:
    """A network on a device, and the lane that runs it."""

    backend: Backend
    lane: Lane


@dataclass(frozen=True, slots=True)
class _Flight:
    """A batch under way; its output is None where memory was too short for it."""

    segments: list[Segment]
    seat: _Seat
    output: Future[torch.Tensor | None]


def default_batch(device: str) -> int:
    """Segments per forward pass where the user named no number."""
    return DEFAULT_BATCH.get(device.split(":")[0], 1)


class Inference:
    """Runs segments through a network on its lanes, or on the CPU when these have no memory.

    Batches go to the lanes in turn, and each has another one waiting: while a device computes,
    the caller deals with what came before and prepares what comes next. The
    last batch has the CPU for itself where nothing is left to go beside it.

    make_backend: builds a backend for a device name; called for each lane, and again for
        "cpu" when even a single segment does not fit.
    """

    def __init__(
        self,
        make_backend: Callable[[str], Backend],
        lanes: Sequence[Lane],
        batch: BatchSize,
        control: Control,
    ) -> None:
        self._make = make_backend
        self._batch = batch
        self._control = control
        self._launched = 0
        self._seats = self._take_seats(lanes)

    @property
    def device(self) -> str:
        """The devices in use, separated by commas."""
        return ", ".join(dict.fromkeys(seat.backend.device for seat in self._seats))

    @property
    def precision(self) -> Precision:
        return self._seats[0].backend.precision

    def run(self, segments: Iterable[Segment]) -> Iterator[tuple[Segment, Audio]]:
        """Each segment with its output, (stems, channels, samples) cut to its length, in order.

        Segments of one batch have one length, so that a short last one runs by itself.

        Raises:
            StemliftError: OUT_OF_MEMORY, MODEL_OUTPUT_NOT_FINITE, CANCELLED.
        """
        flights: deque[_Flight] = deque()
        try:
            for batch, last in _with_last(self._batches(segments)):
                self._control.check()
                alone = last and self._launched % len(self._seats) == 0
                if alone and self._seats[0].lane.threads is not None:
                    wait([flight.output for flight in flights])
                flights.append(self._launch(batch, alone))
                while self._lands_now(flights):
                    yield from self._land(flights)
            while flights:
                self._control.check()
                yield from self._land(flights)
        finally:
            for flight in flights:
                flight.output.cancel()
            wait([flight.output for flight in flights])

    def _batches(self, segments: Iterable[Segment]) -> Iterator[list[Segment]]:
        waiting: list[Segment] = []
        for segment in segments:
            if waiting and segment.samples.shape != waiting[0].samples.shape:
                yield waiting
                waiting = []
            waiting.append(segment)
            if len(waiting) >= self._batch.segments:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def _launch(self, batch: list[Segment], alone: bool = False) -> _Flight:
        seat = self._seats[self._launched % len(self._seats)]
        self._launched += 1
        inputs = torch.from_numpy(np.stack([each.samples for each in batch]))
        threads = seat.lane.threads
        taken = None if threads is None else threads[alone or len(self._seats) == 1]
        return _Flight(batch, seat, seat.lane.executor.submit(_infer, seat.backend, inputs, taken))

    def _lands_now(self, flights: deque[_Flight]) -> bool:
        """Whether the earliest batch comes before another takes off."""
        if not flights or len(flights) >= 2 * len(self._seats):
            return bool(flights)
        if isinstance(flights[0].seat.lane.executor, AtOnce):
            return True
        # Where all are done nothing computes: that the next one takes off is more urgent.
        done = [flight.output.done() for flight in flights]
        return done[0] and not all(done)

    def _land(self, flights: deque[_Flight]) -> Iterator[tuple[Segment, Audio]]:
        """What the earliest batch gave; where it had no memory, it takes off anew."""
        output = flights[0].output.result()
        if output is None:
            self._retry(flights)
            return
        parts = deque(zip(flights.popleft().segments, output.numpy(), strict=True))
        del output
        # While this waits at its yield it holds none of what it has given out.
        while parts:
            yield _cut(*parts.popleft())

    def _retry(self, flights: deque[_Flight]) -> None:
        # Nothing else shall hold memory of the device meanwhile.
        wait([flight.output for flight in flights])
        failed = flights.popleft()
        batch = failed.segments
        if len(batch) <= self._batch.segments:
            self._shrink(failed.seat)
        size = self._batch.segments
        again = [self._launch(batch[at : at + size]) for at in range(0, len(batch), size)]
        flights.extendleft(reversed(again))

    def _shrink(self, seat: _Seat) -> None:
        if seat not in self._seats:
            return
        device = seat.backend.device
        give_back_device_memory()
        if self._batch.segments > 1:
            self._batch.segments //= 2
            self._control.warn(
                f"Memory on {device} was short: the batch was reduced to {self._batch.segments}."
            )
        elif len(self._seats) > 1:
            self._seats.remove(seat)
            rest = "one at a time went on" if device == "cpu" else "the others went on"
            self._control.warn(f"{device} had no memory for one segment: {rest}.")
        elif device != "cpu":
            self._control.warn(f"{device} had no memory for one segment: the CPU was used.")
            self._seats = [_Seat(self._on_cpu(), seat.lane)]
        else:
            raise _out_of_memory("run the model on one segment")

    def _take_seats(self, lanes: Sequence[Lane]) -> list[_Seat]:
        seats = []
        full = []
        for lane in lanes:
            try:
                seats.append(_Seat(self._make(lane.device), lane))
            except OutOfDeviceMemoryError:
                full.append(lane.device)
        if not seats and full[0] == "cpu":
            raise _out_of_memory("load the model")
        if full:
            give_back_device_memory()
            instead = "the others were used" if seats else "the CPU was used"
            self._control.warn(f"{', '.join(full)} had no memory for the model: {instead}.")
        return seats or [_Seat(self._on_cpu(), lanes[0])]

    def _on_cpu(self) -> Backend:
        try:
            return self._make("cpu")
        except OutOfDeviceMemoryError as error:
            raise _out_of_memory("load the model") from error


def _with_last(batches: Iterator[list[Segment]]) -> Iterator[tuple[list[Segment], bool]]:
    """Each batch, and whether it is the last one."""
    waiting = next(batches, None)
    while waiting is not None:
        following = next(batches, None)
        yield waiting, following is None
        waiting = following


def _infer(backend: Backend, inputs: torch.Tensor, threads: int | None) -> torch.Tensor | None:
    """The output, or None where memory was too short for it."""
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        outputs = backend.infer(inputs)
    except OutOfDeviceMemoryError:
        # The traceback holds the tensors of the attempt; it must be gone before their
        # memory can be given back.
        return None
    if not bool(torch.isfinite(outputs).all()):
        raise StemliftError(
            Reason.MODEL_OUTPUT_NOT_FINITE,
            f"The model gave samples that are not numbers on {backend.device}.",
            "Use --precision fp32, or --device cpu for the server.",
        )
    return outputs


def _cut(segment: Segment, output: Audio) -> tuple[Segment, Audio]:
    return segment, output[..., segment.lead : segment.lead + segment.length]


def _out_of_memory(what: str) -> StemliftError:
    return StemliftError(
        Reason.OUT_OF_MEMORY,
        f"There was not enough memory to {what}.",
        "Close other programs, or choose a smaller model.",
    )
