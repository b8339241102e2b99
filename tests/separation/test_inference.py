"""Batches: every segment once and in order, smaller ones where memory is short."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, wait
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from stemlift.errors import Reason, StemliftError
from stemlift.separation.backend import OutOfDeviceMemoryError, TorchBackend
from stemlift.separation.control import Stage
from stemlift.separation.inference import BatchSize, Inference
from stemlift.separation.lanes import Lane, close_lanes, halve_cpu, make_lanes
from stemlift.separation.options import Precision
from stemlift.separation.segments import Segment


class Control:
    def __init__(self, stop_after: int | None = None) -> None:
        self.warnings: list[str] = []
        self.checks = 0
        self.stop_after = stop_after

    def report(self, stage: Stage, fraction: float) -> None:
        pass

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def check(self) -> None:
        self.checks += 1
        if self.stop_after is not None and self.checks > self.stop_after:
            raise StemliftError(Reason.CANCELLED, "Stopped.")


class Scarce:
    """A device with room for so many segments; its stems are the input and its double."""

    def __init__(self, device: str, room: int) -> None:
        self.device, self.room = device, room
        self.batches: list[int] = []

    def infer(self, segments: torch.Tensor) -> torch.Tensor:
        if len(segments) > self.room:
            raise OutOfDeviceMemoryError("no room")
        self.batches.append(len(segments))
        return torch.stack([segments, 2 * segments], dim=1)


def segments(count: int, last: int = 8) -> list[Segment]:
    out = []
    for index in range(count):
        length = last if index == count - 1 else 8
        samples = np.full((2, length), index, dtype=np.float32)
        out.append(Segment(index * 6, length, 0, samples))
    return out


Opens = Callable[..., tuple[Lane, ...]]


@pytest.fixture
def lanes() -> Iterator[Opens]:
    """Makes lanes for the devices that it is given."""
    made: list[Lane] = []

    def make(*devices: str) -> tuple[Lane, ...]:
        made.extend(make_lanes(devices))
        return tuple(made[-len(devices) :])

    yield make
    close_lanes(made)


@pytest.fixture
def run(lanes: Opens):
    def started(
        devices: dict[str, Scarce],
        batch: int,
        parts: list[Segment],
        control: Control,
        names: Sequence[str] = ("cuda:0",),
    ):
        size = BatchSize(batch)
        inference = Inference(lambda name: devices[name], lanes(*names), size, control)
        return inference, list(inference.run(parts))

    return started


def check_outputs(outputs) -> None:
    for index, (segment, output) in enumerate(outputs):
        assert segment.offset == index * 6
        assert np.array_equal(output[1], 2.0 * segment.samples)


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_every_segment_once_and_in_order(batch, run):
    gpu = Scarce("cuda:0", 100)
    _, outputs = run({"cuda:0": gpu}, batch, segments(7, last=5), Control())
    assert len(outputs) == 7
    check_outputs(outputs)
    assert sum(gpu.batches) == 7
    assert max(gpu.batches) <= batch


def test_short_memory_halves_the_batch_and_says_so(run):
    gpu, control = Scarce("cuda:0", 3), Control()
    _, outputs = run({"cuda:0": gpu}, 8, segments(10), control)
    check_outputs(outputs)
    assert len(outputs) == 10
    assert max(gpu.batches) == 2
    assert [text.split("reduced to ")[1] for text in control.warnings] == ["4.", "2."]


def test_no_room_for_one_segment_goes_on_the_cpu(run):
    devices, control = {"cuda:0": Scarce("cuda:0", 0), "cpu": Scarce("cpu", 4)}, Control()
    inference, outputs = run(devices, 2, segments(5), control)
    check_outputs(outputs)
    assert len(outputs) == 5
    assert inference.device == "cpu"
    assert any("CPU" in text for text in control.warnings)


def test_no_room_anywhere_is_a_plain_error(run):
    devices = {"cuda:0": Scarce("cuda:0", 0), "cpu": Scarce("cpu", 0)}
    with pytest.raises(StemliftError) as caught:
        run(devices, 4, segments(2), Control())
    assert caught.value.reason is Reason.OUT_OF_MEMORY


@pytest.mark.parametrize("device", ["cuda:0", "cpu"])
def test_no_room_to_load_the_model_anywhere_is_a_plain_error(device, lanes):
    def make(name):
        raise OutOfDeviceMemoryError(f"no room on {name}")

    with pytest.raises(StemliftError) as caught:
        Inference(make, lanes(device), BatchSize(1), Control())
    assert caught.value.reason is Reason.OUT_OF_MEMORY


def test_memory_is_given_back_once_the_attempt_has_let_go_of_its_tensors(monkeypatch, run):
    attempts, alive = [], []

    class Holding(Scarce):
        def infer(self, segments):
            workspace = segments * 2
            attempts.append(weakref.ref(workspace))
            return super().infer(segments)

    monkeypatch.setattr(
        "stemlift.separation.inference.give_back_device_memory",
        lambda: alive.append(attempts[-1]() is not None),
    )
    run({"cuda:0": Holding("cuda:0", 1)}, 2, segments(3), Control())
    assert alive == [False]


def test_cancelling_takes_effect_within_one_batch(run):
    gpu = Scarce("cuda:0", 100)
    with pytest.raises(StemliftError) as caught:
        run({"cuda:0": gpu}, 2, segments(10), Control(stop_after=2))
    assert caught.value.reason is Reason.CANCELLED
    # The second was under way when the first had come; nothing has begun after it.
    assert gpu.batches in ([2], [2, 2])


class Pair(Scarce):
    """One of two devices, each of which waits in its first batch for the other's."""

    def __init__(self, device: str, both: threading.Barrier) -> None:
        super().__init__(device, 100)
        self.both: threading.Barrier | None = both
        self.offsets: list[float] = []

    def infer(self, segments: torch.Tensor) -> torch.Tensor:
        if self.both:
            self.both.wait(timeout=60)
        self.both = None
        self.offsets += [float(each[0, 0]) for each in segments]
        return super().infer(segments)


def test_devices_take_turns_and_compute_at_once(run):
    both = threading.Barrier(2)
    names = ("cuda:0", "cuda:1")
    devices = {name: Pair(name, both) for name in names}
    inference, outputs = run(devices, 2, segments(9, last=5), Control(), names)
    check_outputs(outputs)
    assert len(outputs) == 9
    assert devices["cuda:0"].offsets == [0, 1, 4, 5, 8]
    assert devices["cuda:1"].offsets == [2, 3, 6, 7]
    assert inference.device == "cuda:0, cuda:1"


class Quick(Executor):
    """Is done with a batch before the caller looks."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, fn, /, *args, **kwargs):
        future = self._executor.submit(fn, *args, **kwargs)
        wait([future], timeout=60)
        return future


def quick(lanes: Sequence[Lane]) -> list[Lane]:
    return [replace(lane, executor=Quick(lane.executor)) for lane in lanes]


def test_the_device_computes_while_the_caller_deals_with_what_came_before(lanes):
    reached = threading.Event()

    class Second(Scarce):
        def infer(self, segments: torch.Tensor) -> torch.Tensor:
            if self.batches:
                reached.set()
            return super().infer(segments)

    gpu = Second("cuda:0", 100)
    inference = Inference(lambda name: gpu, quick(lanes("cuda:0")), BatchSize(1), Control())
    outputs = inference.run(segments(3))
    next(outputs)
    assert reached.wait(timeout=60)
    outputs.close()


def test_the_cpu_computes_where_it_is_asked_to_and_gives_each_batch_at_once(lanes):
    class Here(Scarce):
        def infer(self, segments: torch.Tensor) -> torch.Tensor:
            threads.append(threading.current_thread())
            return super().infer(segments)

    threads: list[threading.Thread] = []
    cpu = Here("cpu", 100)
    inference = Inference(lambda name: cpu, lanes("cpu"), BatchSize(1), Control())
    for count, _ in enumerate(inference.run(segments(3)), start=1):
        assert threads == [threading.current_thread()] * count


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(
    ("count", "expected"), [(1, [4]), (2, [2, 2]), (3, [2, 2, 4]), (6, [2] * 6), (7, [2] * 6 + [4])]
)
def test_halves_of_the_cpu_share_its_threads_but_for_a_last_batch_alone(count, expected):
    class Here(Scarce):
        def infer(self, segments: torch.Tensor) -> torch.Tensor:
            found[int(segments[0, 0, 0])] = torch.get_num_threads()
            return super().infer(segments)

    found: dict[int, int] = {}
    cpu = Here("cpu", 100)
    halves = halve_cpu()
    try:
        assert torch.get_num_threads() == 1
        inference = Inference(lambda name: cpu, halves, BatchSize(1), Control())
        check_outputs(inference.run(segments(count)))
        assert [found[index] for index in range(count)] == expected
        assert inference.device == "cpu"
    finally:
        close_lanes(halves)


@pytest.mark.usefixtures("four_threads")
def test_halves_without_room_for_both_leave_all_threads_to_one():
    class Small(Scarce):
        def infer(self, segments: torch.Tensor) -> torch.Tensor:
            if int(segments[0, 0, 0]) == 1 and not failed:
                failed.append(True)
                raise OutOfDeviceMemoryError("no room")
            threads.append(torch.get_num_threads())
            return super().infer(segments)

    failed: list[bool] = []
    threads: list[int] = []
    control = Control()
    halves = halve_cpu()
    try:
        cpu = Small("cpu", 100)
        check_outputs(Inference(lambda name: cpu, halves, BatchSize(1), control).run(segments(5)))
    finally:
        close_lanes(halves)
    assert threads[-2:] == [4, 4]
    assert control.warnings == ["cpu had no memory for one segment: one at a time went on."]


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("threads", "memory"), [(3, 64e9), (1, 64e9), (4, 4e9)])
def test_odd_threads_and_small_machines_take_one_segment_at_a_time(monkeypatch, threads, memory):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=memory))
    torch.set_num_threads(threads)
    (lane,) = halve_cpu()
    assert lane.threads is None
    assert torch.get_num_threads() == threads


def test_a_device_that_is_too_small_leaves_its_work_to_the_others(run):
    names = ("cuda:0", "cuda:1")
    devices = {"cuda:0": Scarce("cuda:0", 4), "cuda:1": Scarce("cuda:1", 0)}
    control = Control()
    inference, outputs = run(devices, 2, segments(9), control, names)
    check_outputs(outputs)
    assert len(outputs) == 9
    assert sum(devices["cuda:0"].batches) == 9
    assert inference.device == "cuda:0"
    assert control.warnings == [
        "Memory on cuda:1 was short: the batch was reduced to 1.",
        "cuda:1 had no memory for one segment: the others went on.",
    ]


def test_a_model_that_one_device_cannot_hold_runs_on_the_others(run, lanes):
    gpu, control = Scarce("cuda:1", 4), Control()

    def make(name: str) -> Scarce:
        if name == "cuda:0":
            raise OutOfDeviceMemoryError("no room")
        return gpu

    inference = Inference(make, lanes("cuda:0", "cuda:1"), BatchSize(2), control)
    check_outputs(list(inference.run(segments(5))))
    assert inference.device == "cuda:1"
    assert control.warnings == ["cuda:0 had no memory for the model: the others were used."]


class Faulty(nn.Module):
    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        raise RuntimeError(self.message)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("CUDA out of memory. Tried to allocate 2 GiB", OutOfDeviceMemoryError),
        ("MPS backend out of memory (MPS allocated: 5 GB)", OutOfDeviceMemoryError),
        ("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes", OutOfDeviceMemoryError),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling x", OutOfDeviceMemoryError),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", OutOfDeviceMemoryError),
        ("cuFFT error: CUFFT_ALLOC_FAILED", OutOfDeviceMemoryError),
        ("std::bad_alloc", OutOfDeviceMemoryError),
        ("shape mismatch", RuntimeError),
    ],
)
def test_what_counts_as_short_memory(message, expected):
    backend = TorchBackend(Faulty(message), "cpu", Precision.FP32)
    with pytest.raises(expected, match=message.split("(")[0]):
        backend.infer(torch.zeros(1, 2, 8))


class NotNumbers(nn.Module):
    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        return (segments / 0.0)[:, None]


def test_samples_that_are_no_numbers_are_refused(lanes):
    inference = Inference(
        lambda device: TorchBackend(NotNumbers(), device, Precision.FP32),
        lanes("cpu"),
        BatchSize(1),
        Control(),
    )
    with pytest.raises(StemliftError) as caught:
        list(inference.run(segments(1)))
    assert caught.value.reason is Reason.MODEL_OUTPUT_NOT_FINITE
