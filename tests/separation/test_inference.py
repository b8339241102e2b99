"""Batches: every segment once and in order, smaller ones where memory is short."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch
from torch import nn

from stemlift.errors import Reason, StemliftError
from stemlift.separation.backend import OutOfDeviceMemoryError, TorchBackend
from stemlift.separation.control import Stage
from stemlift.separation.inference import BatchSize, Inference
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


def run(devices: dict[str, Scarce], batch: int, parts: list[Segment], control: Control):
    inference = Inference(lambda name: devices[name], "cuda:0", BatchSize(batch), control)
    return inference, list(inference.run(parts))


def check_outputs(outputs) -> None:
    for index, (segment, output) in enumerate(outputs):
        assert segment.offset == index * 6
        assert np.array_equal(output[1], 2.0 * segment.samples)


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_every_segment_once_and_in_order(batch):
    gpu = Scarce("cuda:0", 100)
    _, outputs = run({"cuda:0": gpu}, batch, segments(7, last=5), Control())
    assert len(outputs) == 7
    check_outputs(outputs)
    assert sum(gpu.batches) == 7
    assert max(gpu.batches) <= batch


def test_short_memory_halves_the_batch_and_says_so():
    gpu, control = Scarce("cuda:0", 3), Control()
    _, outputs = run({"cuda:0": gpu}, 8, segments(10), control)
    check_outputs(outputs)
    assert len(outputs) == 10
    assert max(gpu.batches) == 2
    assert [text.split("reduced to ")[1] for text in control.warnings] == ["4.", "2."]


def test_no_room_for_one_segment_goes_on_the_cpu():
    devices, control = {"cuda:0": Scarce("cuda:0", 0), "cpu": Scarce("cpu", 4)}, Control()
    inference, outputs = run(devices, 2, segments(5), control)
    check_outputs(outputs)
    assert len(outputs) == 5
    assert inference.device == "cpu"
    assert any("CPU" in text for text in control.warnings)


def test_no_room_anywhere_is_a_plain_error():
    devices = {"cuda:0": Scarce("cuda:0", 0), "cpu": Scarce("cpu", 0)}
    with pytest.raises(StemliftError) as caught:
        run(devices, 4, segments(2), Control())
    assert caught.value.reason is Reason.OUT_OF_MEMORY


@pytest.mark.parametrize("device", ["cuda:0", "cpu"])
def test_no_room_to_load_the_model_anywhere_is_a_plain_error(device):
    def make(name):
        raise OutOfDeviceMemoryError(f"no room on {name}")

    with pytest.raises(StemliftError) as caught:
        Inference(make, device, BatchSize(1), Control())
    assert caught.value.reason is Reason.OUT_OF_MEMORY


def test_memory_is_given_back_once_the_attempt_has_let_go_of_its_tensors(monkeypatch):
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


def test_cancelling_takes_effect_within_one_batch():
    gpu = Scarce("cuda:0", 100)
    with pytest.raises(StemliftError) as caught:
        run({"cuda:0": gpu}, 2, segments(10), Control(stop_after=2))
    assert caught.value.reason is Reason.CANCELLED
    assert gpu.batches == [2, 2]


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


def test_samples_that_are_no_numbers_are_refused():
    inference = Inference(
        lambda device: TorchBackend(NotNumbers(), device, Precision.FP32),
        "cpu",
        BatchSize(1),
        Control(),
    )
    with pytest.raises(StemliftError) as caught:
        list(inference.run(segments(1)))
    assert caught.value.reason is Reason.MODEL_OUTPUT_NOT_FINITE
