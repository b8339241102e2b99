"""The gradient of a batch: on a CPU, half of the examples on each half of the cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager

import torch
from torch import Tensor

from stemlift.separation.lanes import AtOnce, Lane, close_lanes, halve_cpu
from stemlift.separation.spectrogram import MaskedSpectrogram
from stemlift.training.loss import separation_loss
from stemlift.training.recipe import Loss


@contextmanager
def training_lanes(device: str) -> Iterator[tuple[Lane, ...]]:
    """Where a training computes; torch has as many threads afterwards as before."""
    threads = torch.get_num_threads()
    lanes = halve_cpu() if device == "cpu" else (Lane(device, AtOnce()),)
    try:
        yield lanes
    finally:
        close_lanes(lanes)
        torch.set_num_threads(threads)


def gradients(
    masked: MaskedSpectrogram, stems: Tensor, loss: Loss, lanes: Sequence[Lane], reduced: bool
) -> Tensor:
    """Let the parameters of a network have their gradients; the mean loss of the batch.

    Args:
        stems: (batch, stems, channels, samples), on the network's device; their sum is the mix.
        reduced: in bf16 where that loses little.

    Raises:
        RuntimeError, MemoryError: as torch does where memory is short.
    """
    parameters = list(masked.parameters())

    def of(part: Tensor, threads: int | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        if threads is not None:
            torch.set_num_threads(threads)
        with torch.autocast(part.device.type, dtype=torch.bfloat16, enabled=reduced):
            estimates = masked(part.sum(dim=1))
        value = separation_loss(estimates.float(), part, loss) * (len(part) / len(stems))
        return value.detach(), torch.autograd.grad(value, parameters)

    parts = stems.chunk(len(lanes))
    alone = len(parts) == 1
    running = [
        lane.executor.submit(of, part, None if lane.threads is None else lane.threads[alone])
        for lane, part in zip(lanes, parts, strict=False)
    ]
    wait(running)
    found = [each.result() for each in running]
    for parameter, *shares in zip(parameters, *(each for _, each in found), strict=True):
        parameter.grad = sum(shares[1:], shares[0])
    return torch.stack([value for value, _ in found]).sum()
